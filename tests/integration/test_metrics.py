"""What services show on /metrics and what NATS shows of their durables is what the operator's guide says."""

import re

import pytest
from tests.architecture.guides import prose
from tests.integration.observing import get, get_json, port_of, until
from tests.network import REGION, STEADY, Net
from tests.network import ROOT as HERE

from assay.devnet.environment import SERVICES
from assay.execution.gauges import Gauges
from assay.schema import durable_of

pytestmark = pytest.mark.server

GUIDE = HERE / "docs" / "guides" / "operate.md"
OWN = {
    "gateway": {"assay_claims_refused_total"},
    "settlement": {
        f"assay_settlement_{name}"
        for name in (
            *("drift", "stalled", "struck", "lost", "dues", "slashes_overdue", "relayed_gas_total"),
            "transaction_age_seconds",
        )
    },
}


def documented() -> dict[str, set[str]]:
    """The metrics of the guide, each with its labels."""
    rows = re.findall(r"^\| `(assay_\w+)` \| (.*?) ?\|", prose(GUIDE), re.MULTILINE)
    return {name: set(labels.split(", ")) - {""} for name, labels in rows}


def families(text: str) -> set[str]:
    """The names of what is measured, as Prometheus stores them."""
    found = re.findall(r"^# TYPE (assay_\w+) (\w+)$", text, re.MULTILINE)
    return {name for name, kind in found if not name.endswith("_created")}


async def shown(net: Net) -> dict[str, str]:
    """What each service says on /metrics."""
    answers = {name: await get(port_of(net.devnet, name), "/metrics") for name in SERVICES}
    assert {status for status, _ in answers.values()} == {200}
    return {name: text for name, (_, text) in answers.items()}


async def test_every_service_shows_the_documented_metrics_and_no_others(net: Net) -> None:
    worker = families(Gauges().text().decode())
    everywhere = set(documented()) - set().union(worker, *OWN.values())
    assert len(everywhere) >= 13
    for service, text in (await shown(net)).items():
        assert families(text) == everywhere | OWN.get(service, set()), service


def test_the_metrics_of_a_worker_are_documented() -> None:
    worker = families(Gauges().text().decode())
    assert len(worker) >= 2 and worker <= set(documented())


async def test_a_job_is_counted_by_all_who_hear_it_under_the_documented_labels(net: Net) -> None:
    before = {name: counted(text, "assay_events_consumed_total") for name, text in (await shown(net)).items()}
    await net.ended(await net.submit(3, REGION[STEADY]))

    async def all_counted() -> bool:
        after = {name: counted(text, "assay_events_consumed_total") for name, text in (await shown(net)).items()}
        return all(after[name] > before[name] for name in SERVICES)

    await until(all_counted, "every service to count what it heard of the job")
    texts = await shown(net)
    assert counted(texts["settlement"], "assay_settlement_drift") == 0
    for name, labels in documented().items():
        samples = [found for text in texts.values() for found in labels_of(text, name)]
        assert all(found - {"le"} == labels for found in samples), (name, samples[:1])
    assert all(labels_of(texts["matching"], f"assay_{name}") for name in ("lag_seconds", "batch_seconds_bucket"))


async def test_the_lag_of_every_durable_can_be_read_from_the_bus(net: Net) -> None:
    async def drained() -> dict[str, int]:
        said = await get_json(f"{net.devnet.servers.nats_monitor_url}/jsz?consumers=true")
        found = {
            consumer["name"]: consumer["num_pending"] + consumer["num_ack_pending"]
            for account in said["account_details"]
            for stream in account.get("stream_detail", [])
            for consumer in stream.get("consumer_detail") or []
        }
        return found if not any(found.values()) else {}

    durables = await until(drained, "every durable to be read to its end")
    assert {durable_of("matching", "JOBS"), durable_of("settlement", "LEASES"), "gateway-verdicts"} <= set(durables)
    assert {name.partition("-")[0] for name in durables} == set(SERVICES)


def counted(text: str, name: str) -> float:
    """The sum over the samples of a metric."""
    return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE))


def labels_of(text: str, name: str) -> list[set[str]]:
    """The labels of each sample of a metric, of a histogram's buckets too."""
    rows = re.findall(rf"^{name}(?:_bucket|_sum|_count)?(?:\{{(.*)\}})? \S+$", text, re.MULTILINE)
    return [set(re.findall(r"(\w+)=", row)) for row in rows]
