"""What KEDA is told to watch exists, is all there is to watch, and the bus answers KEDA's question."""

import asyncio
import json
import re
import urllib.request

import pytest
from tests.deploy.manifests import ROOT, SERVICES, Document, config_files, of_kind, pods
from tests.servers import Core
from tools.services import NAMES, service

from assay.bus.accounts import Network
from assay.bus.jetstream import connect
from assay.devnet.nats import Nats
from assay.schema.streams import STREAMS, durable_of
from assay.store.store import CONNECTIONS_MAX

METADATA = {
    "natsServerMonitoringEndpoint",
    "account",
    "accountID",
    "stream",
    "consumer",
    "lagThreshold",
    "activationLagThreshold",
}
# Beside its pool a replica holds the connection that it listens on.
OF_A_REPLICA = CONNECTIONS_MAX + 1


def scaled() -> dict[str, Document]:
    return {d["metadata"]["name"]: d["spec"] for d in of_kind("production", "ScaledObject")}


def test_every_service_is_scaled_and_its_deployment_leaves_the_replicas_alone() -> None:
    assert set(scaled()) == set(SERVICES) == set(NAMES)
    for document in of_kind("production", "Deployment"):
        name = document["metadata"]["name"]
        assert name not in scaled() or "replicas" not in document["spec"], f"{name} names its replicas itself"


@pytest.mark.parametrize("name", SERVICES)
def test_the_triggers_are_the_durables_of_the_service(name: str) -> None:
    spec = scaled()[name]
    assert spec["scaleTargetRef"] == {"name": name}
    assert 2 <= spec["minReplicaCount"] <= spec["maxReplicaCount"]
    watched = {(t["metadata"]["stream"], t["metadata"]["consumer"]) for t in spec["triggers"]}
    durables = {(stream, durable_of(name, stream)) for stream in service(name).consumed()}
    assert watched == durables, f"k8s/components/autoscaling/{name}.yaml is stale"
    assert {stream for stream, _ in watched} <= {stream.name for stream in STREAMS}


@pytest.mark.parametrize("name", SERVICES)
def test_a_trigger_has_the_fields_that_keda_reads(name: str) -> None:
    network = next(d for d in of_kind("production", "ConfigMap") if d["metadata"]["name"] == "network")
    for trigger in scaled()[name]["triggers"]:
        told = trigger["metadata"]
        assert (trigger["type"], set(told)) == ("nats-jetstream", METADATA)
        assert all(isinstance(value, str) for value in told.values()), "KEDA takes strings"
        assert int(told["lagThreshold"]) > int(told["activationLagThreshold"]) >= 0
        assert told["accountID"] == network["data"]["core_account"]


def test_keda_asks_where_the_bus_tells() -> None:
    nats = next(pod for pod in pods("production") if pod.name == "nats")
    headless = {d["metadata"]["name"]: d for d in of_kind("production", "Service")}["nats-headless"]
    host, port = scaled()["matching"]["triggers"][0]["metadata"]["natsServerMonitoringEndpoint"].split(":")
    assert host == f"{headless['metadata']['name']}.{headless['metadata']['namespace']}.svc.cluster.local"
    assert int(port) == nats.ports()["monitor"]
    assert f'"0.0.0.0:{port}"' in config_files("production", "nats-cluster")["monitoring.conf"]
    assert "127.0.0.1" in config_files("local", "nats-cluster")["monitoring.conf"]


def test_the_database_has_room_for_all_replicas() -> None:
    replicas = sum(spec["maxReplicaCount"] for spec in scaled().values())
    postgres = next(pod for pod in pods("production") if pod.name == "postgres")
    connections = int(re.search(r"max_connections=(\d+)", " ".join(postgres.main["args"])).group(1))
    assert (replicas + len(SERVICES)) * OF_A_REPLICA < connections


@pytest.mark.server
async def test_the_bus_answers_kedas_question(nats_server: Nats, nats_network: Network, nats_core: Core) -> None:
    bus = await connect(nats_core.url, nats_core.creds_file, "test")
    try:
        await bus.ensure_streams(STREAMS)
        await bus.consumer("JOBS", durable_of("matching", "JOBS"), ["assay.job.funded.>"])
        query = f"acc={nats_network.core_public}&consumers=true&config=true"
        accounts = await asyncio.to_thread(ask, f"{nats_server.monitor_url}/jsz?{query}")
    finally:
        await bus.close()
    told = scaled()["matching"]["triggers"][0]["metadata"]
    mine = next(account for account in accounts if account["name"] == told["account"])
    streams = {stream["name"]: stream for stream in mine["stream_detail"]}
    found = {consumer["name"]: consumer for consumer in streams[told["stream"]]["consumer_detail"]}
    assert (found[told["consumer"]]["num_pending"], found[told["consumer"]]["num_ack_pending"]) == (0, 0)


def ask(url: str) -> list[Document]:
    """The accounts in the answer of the bus's monitoring."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return list(json.load(answer)["account_details"])


def test_permissions_name_the_same_durables() -> None:
    allowed = json.loads((ROOT / "deploy/permissions.json").read_text())["services"]
    for name, spec in scaled().items():
        for trigger in spec["triggers"]:
            told = trigger["metadata"]
            assert f"$JS.API.CONSUMER.MSG.NEXT.{told['stream']}.{told['consumer']}" in allowed[name]["publish"]
