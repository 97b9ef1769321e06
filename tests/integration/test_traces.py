"""One job is one trace, from the claim at the door to the payment, through every service and the provider's worker."""

import secrets

import pytest
from tests.integration.observing import until
from tests.network import REGION, STEADY, TRACED_SHARE, Net
from tests.spans import Span

from assay.runtime.telemetry import trace_of
from assay.schema.values import derive_id

pytestmark = pytest.mark.server

SEGMENTS = 3
# What each service hears of a job that goes well; discovery hears of its lease's end only.
HEARD = {
    "assay-gateway": {"job.submitted", "job.funded", "lease.granted", "lease.committed", "job.verified", "job.settled"},
    "assay-discovery": {"lease.verified"},
    "assay-matching": {"job.submitted", "job.funded", "lease.started", "lease.committed", "lease.executed"},
    "assay-verification": {"lease.granted", "lease.committed", "job.executed"},
    "assay-settlement": {"job.submitted", "lease.granted", "lease.committed", "job.executed", "job.verified"},
    "assay-execution": {"lease.granted"},
}
# What was said by a handler stands below the span in which it was said: the event, its hearer, the span above it.
BELOW = [
    ("lease.granted", "assay-verification", "on job.funded"),
    ("lease.granted", "assay-execution", "on job.funded"),
    ("job.started", "assay-gateway", "on lease.started"),
    ("job.executed", "assay-verification", "on lease.executed"),
]
WORKED = ["to lease.started", *["to lease.committed"] * SEGMENTS, "to lease.executed"]


async def submit(net: Net, is_traced: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a job that the network traces or does not: its id alone decides."""
    while (trace_of(derive_id("j", token := secrets.token_bytes(16).hex()))[2] < TRACED_SHARE) != is_traced:
        pass
    with monkeypatch.context() as patch:
        patch.setattr("assay.client.sdk.secrets.token_hex", lambda size: token)
        return await net.submit(SEGMENTS, REGION[STEADY])


@pytest.fixture(scope="module")
async def job(net: Net) -> str:
    """A job that was traced to its end."""
    job_id = await submit(net, True, pytest.MonkeyPatch())
    await net.ended(job_id)
    return job_id


async def test_a_job_is_one_trace_through_every_service(net: Net, job: str) -> None:
    trace, root, _ = trace_of(job)

    async def is_whole() -> list[Span]:
        spans = net.collector.of(trace)
        whole = all({f"on {event}" for event in events} <= names(spans, service) for service, events in HEARD.items())
        return spans if whole and "lease" in names(spans, "assay-execution") else []

    spans = await until(is_whole, f"spans of {HEARD} in the trace {trace}")
    assert {span.service for span in spans} == set(HEARD)
    by_id = {span.id: span for span in spans}
    assert len(by_id) == len(spans)
    assert {span.parent for span in spans} <= {root, *by_id}
    for event, hearer, above in BELOW:
        # What is not acknowledged in time comes again, and has a span again.
        heard = [span for span in spans if span.service == hearer and span.name == f"on {event}"]
        assert {by_id[span.parent].name for span in heard} == {above}


async def test_the_work_of_the_provider_stands_below_the_grant_of_its_lease(net: Net, job: str) -> None:
    trace, _, _ = trace_of(job)

    async def worked() -> list[Span]:
        spans = [span for span in net.collector.of(trace) if span.service == "assay-execution"]
        return spans if "lease" in {span.name for span in spans} else []

    spans = await until(worked, "the spans of the worker")
    granted, (lease,) = ([span for span in spans if span.name == name] for name in ("on lease.granted", "lease"))
    assert lease.parent in {span.id for span in granted}
    assert [span.name for span in spans if span.parent == lease.id] == WORKED


async def test_what_participants_say_is_in_the_trace_of_their_job(net: Net, job: str) -> None:
    trace, root, _ = trace_of(job)

    async def spoken() -> dict[str, Span]:
        spans = {span.attributes.get("assay.source", ""): span for span in net.collector.of(trace)}
        return spans if {net.party("requester").id, net.party(STEADY).id} <= set(spans) else {}

    spans = await until(spoken, "what the requester and the provider said")
    # No signature covers a trace, so theirs begin at the job's root whatever they send.
    assert {spans[net.party(name).id].parent for name in ("requester", STEADY)} == {root}


async def test_batches_link_to_the_jobs_in_them(net: Net, job: str) -> None:
    trace, _, _ = trace_of(job)
    services = set(HEARD) - {"assay-execution"}

    async def linked() -> set[str]:
        spans = net.collector.spans
        found = {span.service for span in spans if span.name.startswith("batch ") and trace in span.links}
        return found if found == services else set()

    await until(linked, "a batch of every service that links to the job's trace")


async def test_a_job_beyond_the_traced_share_has_no_span(net: Net, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other, later = await submit(net, False, monkeypatch), await submit(net, True, monkeypatch)
    await net.ended(other)
    await net.ended(later)

    async def is_told() -> bool:
        return "on job.settled" in names(net.collector.of(trace_of(later)[0]), "assay-gateway")

    await until(is_told, "the last span of a later job")
    assert net.collector.of(trace_of(other)[0]) == []


def names(spans: list[Span], service: str) -> set[str]:
    """The names of a service's spans."""
    return {span.name for span in spans if span.service == service}
