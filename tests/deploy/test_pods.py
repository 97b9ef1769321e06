"""Every pod is shut in, can be probed, and is stopped no sooner than it has drained."""

import re
import tomllib

import pytest
from tests.deploy.manifests import OVERLAYS, PROCESSES, ROOT, VERIFIER, Pod, every_pod, of_kind, pods, processes

from assay.execution.worker import DRAIN_S as WORKER_DRAIN_S
from assay.runtime.probes import probe_routes
from assay.runtime.shell import DRAIN_S, FLUSH_S

PATHS = {path for path, _ in probe_routes(None, None)}


@pytest.mark.parametrize("pod", every_pod(), ids=str)
def test_a_pod_runs_restricted(pod: Pod) -> None:
    context = pod.spec["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] != 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod.spec["automountServiceAccountToken"] is False
    assert pod.spec["enableServiceLinks"] is False, "a link's ASSAY_..._PORT would be an unknown setting"
    for container in pod.containers:
        inner = container["securityContext"]
        assert inner["capabilities"] == {"drop": ["ALL"]}
        assert (inner["allowPrivilegeEscalation"], inner["readOnlyRootFilesystem"]) == (False, True)


@pytest.mark.parametrize("pod", every_pod(), ids=str)
def test_a_container_says_what_it_needs_and_mounts_what_there_is(pod: Pod) -> None:
    volumes = {volume["name"] for volume in pod.spec.get("volumes", [])}
    if pod.name in ("nats", "postgres", VERIFIER):
        volumes.add("data")
    for container in pod.containers:
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]
        assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes


@pytest.mark.parametrize("pod", every_pod(), ids=str)
def test_an_image_is_pinned_and_ours_is_of_this_version(pod: Pod) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for container in pod.containers:
        name, _, tag = container["image"].rpartition(":")
        assert tag not in ("", "latest")
        if pod.name in (*PROCESSES, VERIFIER):
            assert (name, tag) == (f"assay/{'verification' if pod.name == VERIFIER else pod.name}", version)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_process_of_the_code_has_its_manifest_and_no_other(overlay: str) -> None:
    code = {path.name for path in (ROOT / "services").iterdir() if (path / "src").is_dir()}
    assert set(PROCESSES) == code
    assert {pod.name for pod in pods(overlay)} - {"nats", "postgres", "anvil", VERIFIER} == code
    for kind in ("ServiceAccount", "PodDisruptionBudget"):
        assert {d["metadata"]["name"] for d in of_kind(overlay, kind)} >= code, f"a {kind} is missing"


@pytest.mark.parametrize("pod", processes(), ids=str)
def test_a_process_is_probed_where_it_answers(pod: Pod) -> None:
    assert {"/livez", "/readyz"} <= PATHS
    for probe, path in {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}.items():
        asked = pod.main[probe]["httpGet"]
        assert asked["path"] == path, f"the {probe} of {pod} asks {asked['path']}, which says something else or nothing"
        assert asked["port"] in pod.ports(), f"{pod} has no port named {asked['port']}"


@pytest.mark.parametrize("pod", processes(), ids=str)
def test_a_process_is_given_the_time_to_drain(pod: Pod) -> None:
    needed_s = WORKER_DRAIN_S if pod.name in ("execution", VERIFIER) else DRAIN_S + 2 * FLUSH_S
    grace_s = pod.spec["terminationGracePeriodSeconds"]
    assert grace_s > needed_s, f"{pod} is killed after {grace_s} s and may drain for {needed_s} s"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_bus_is_given_the_time_of_a_lame_duck(overlay: str) -> None:
    found = re.findall(r'lame_duck_\w+: "(\d+)s"', (ROOT / "deploy/nats.conf").read_text())
    nats = next(pod for pod in pods(overlay) if pod.name == "nats")
    assert len(found) == 2
    assert nats.spec["terminationGracePeriodSeconds"] > sum(map(int, found))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_find_exactly_one_kind_of_pod(overlay: str) -> None:
    for document in of_kind(overlay, "PodDisruptionBudget", "Service"):
        selector = document["spec"]["selector"]
        wanted = selector.get("matchLabels", selector)
        found = [pod for pod in pods(overlay) if wanted.items() <= pod.labels.items()]
        assert len(found) == 1, f"{document['kind']} {document['metadata']['name']} selects {found}"
        if document["kind"] == "Service":
            assert {port["targetPort"] for port in document["spec"]["ports"]} <= set(found[0].ports())


def test_the_production_replicas_stand_apart() -> None:
    for pod in pods("production"):
        keys = {spread["topologyKey"] for spread in pod.spec.get("topologySpreadConstraints", [])}
        assert "topology.kubernetes.io/zone" in keys or pod.name == "postgres"
    nats = next(d for d in of_kind("production", "StatefulSet") if d["metadata"]["name"] == "nats")
    assert nats["spec"]["replicas"] == 3
    assert nats["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["whenUnsatisfiable"] == "DoNotSchedule"


def test_a_worker_never_has_a_second_replica_and_never_overlaps_with_itself() -> None:
    for overlay in OVERLAYS:
        worker = next(d for d in of_kind(overlay, "Deployment") if d["metadata"]["name"] == "execution")
        assert (worker["spec"]["replicas"], worker["spec"]["strategy"]) == (1, {"type": "Recreate"})


def test_the_production_worker_has_a_whole_gpu() -> None:
    worker = next(pod for pod in pods("production") if pod.name == "execution")
    assert worker.main["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert worker.spec["runtimeClassName"]
    assert [toleration["key"] for toleration in worker.spec["tolerations"]] == ["nvidia.com/gpu"]
