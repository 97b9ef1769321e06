"""A command as Pods of a cluster: the same bytes as in a box, each Pod removed, every end of one told by its code."""

import asyncio
import os
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from libs.workloads.tests.command.images import docker_archive, entry, tar
from libs.workloads.tests.command.test_command import LIMITS, PROGRAM, boxes, code_of, files_of, ran
from libs.workloads.tests.pods.cluster import STEP, TOKEN, Cluster, running, terminated

from assay.workloads.command.params import CommandParams
from assay.workloads.command.state import read_checkpoint, start_of
from assay.workloads.pods.errors import NoPod
from assay.workloads.pods.manifest import PORT, Site
from assay.workloads.pods.runner import PodRunner
from assay.workloads.pods.segments import Pods
from assay.workloads.pods.wire import Broken, Outcome, Segment, exchange
from assay.workloads.sandbox import Policy
from assay.workloads.task import Failed, Message, SegmentDone, Task

__all__ = ["boxes"]
IMAGE = "registry.example/assay/execution@sha256:" + "0" * 64
WAITING = {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]}
EVICTED = {
    "phase": "Failed",
    "reason": "Evicted",
    "message": 'Usage of EmptyDir volume "work" exceeds the limit "1Mi".',
}
PRESSED = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
LATE = {"phase": "Failed", "reason": "DeadlineExceeded"}


def site_of(cluster: Cluster, folder: Path, runtime_class: str = "gvisor") -> Site:
    account = folder / "account"
    account.mkdir(exist_ok=True)
    (account / "token").write_text(TOKEN)
    named = {"namespace": "assay-commands", "worker": "p1", "api": cluster.url, "account": account}
    return Site(runtime_class=runtime_class, image=IMAGE, **named)


@pytest.fixture
async def cluster(boxes: None, tmp_path: Path) -> AsyncIterator[Cluster]:
    folder = tmp_path / "nodes"
    folder.mkdir()
    async with running(folder) as found:
        yield found


async def run_in_pods(
    cluster: Cluster, folder: Path, params: dict[str, Any], files: dict[str, bytes] | None = None, kill_s: float = 0
) -> list[Message]:
    """What a runner says of a whole job in Pods; ended after `kill_s`, if it is said."""
    for part in ("out", "models", "in"):
        (folder / part).mkdir(exist_ok=True)
    for name, content in (files or {}).items():
        (folder / "in" / name).write_bytes(content)
    pods = Pods(site_of(cluster, folder))
    runner = PodRunner(pods, None, Policy(scratch=folder / "out", models=folder / "models"))
    named = {"kind": "command", "params": LIMITS | params, "models": str(folder / "models")}
    inputs = {name: str(folder / "in" / name) for name in files or {}}
    task = Task(**named, inputs=inputs, folder=str(folder / "out"), first=0, last=params.get("segments", 1))
    if kill_s:
        asyncio.get_running_loop().call_later(kill_s, lambda: asyncio.ensure_future(runner.kill()))
    try:
        return [message async for message in runner.run(task)]
    finally:
        await runner.kill()
        await pods.close()


async def test_a_job_in_pods_comes_to_the_bytes_that_it_comes_to_in_a_box(cluster: Cluster, tmp_path: Path) -> None:
    digest = "1" * 64
    job = {"command": ["python3", "-c", PROGRAM, "word"], "inputs": {"numbers": digest}, "segments": 2}
    job |= {"outputs": ["sum", "stdout"]}
    said = await run_in_pods(cluster, tmp_path, job, {digest: b"20 22"})
    found = files_of(said)
    assert (found["0/sum"], found["1/sum"]) == (b"20", b"42")
    boxed = tmp_path / "box"
    boxed.mkdir()
    alone = await ran(boxed, job, {digest: b"20 22"})
    states = [message.state_digest for message in alone if isinstance(message, SegmentDone)]
    assert [message.state_digest for message in said if isinstance(message, SegmentDone)] == states
    assert len(cluster.made) == 2 and cluster.pods == {}


async def test_an_image_is_run_as_in_a_box_and_its_root_is_not_written(cluster: Cluster, tmp_path: Path) -> None:
    words = "for each in /new /own /job/out/made /tmp/made; do echo x > $each && echo wrote $each; done; echo $KIND"
    layer = tar(*shell(), entry("own", b"old"))
    digest = "2" * 64
    job = {"command": ["/bin/sh", "-c", words], "image": digest}
    said = await run_in_pods(cluster, tmp_path, job, {digest: docker_archive(layer)})
    assert files_of(said)["0/stdout"] == b"wrote /job/out/made\nwrote /tmp/made\ntoy\n"


def shell() -> list[Any]:
    """A shell with what it needs, as entries of a layer."""
    libraries = {each for each in Path("/proc/self/maps").read_text().split() if "/libc.so" in each}
    found = [entry("bin/sh", Path("/bin/dash").read_bytes(), mode=0o755)]
    for library in libraries:
        found.append(entry(library.lstrip("/"), Path(library).read_bytes(), mode=0o755))
    loader = Path("/lib64/ld-linux-x86-64.so.2")
    found.append(entry("lib64/ld-linux-x86-64.so.2", loader.read_bytes(), mode=0o755))
    return found


@pytest.mark.parametrize(
    ("command", "code"),
    [("exit 3", "command.failed"), ("sleep 60", "command.time"), ("rm -rf out; exit 0", "command.bad_output")],
)
async def test_what_a_command_does_wrong_is_told_as_in_a_box(
    cluster: Cluster, tmp_path: Path, command: str, code: str
) -> None:
    job = {"command": ["sh", "-c", command], "outputs": ["made"], "time_s": 2}
    said = await run_in_pods(cluster, tmp_path, job)
    assert code_of(said) == code and not said[-1].fault
    assert cluster.pods == {}


@pytest.mark.parametrize(
    ("fate", "code", "is_fault"),
    [
        (terminated("OOMKilled", 137), "sandbox.memory", False),
        (EVICTED, "sandbox.disk", False),
        (PRESSED, "workload.died", True),
        (LATE, "sandbox.time", True),
        (terminated("Error", 1), "workload.died", True),
    ],
)
async def test_how_a_pod_ends_is_told_by_its_code(
    cluster: Cluster, tmp_path: Path, fate: dict[str, Any], code: str, is_fault: bool
) -> None:
    cluster.fate = fate
    said = await run_in_pods(cluster, tmp_path, {"command": ["sh", "-c", "sleep 60"]})
    assert isinstance(said[-1], Failed) and (said[-1].code, said[-1].fault) == (code, is_fault)
    assert cluster.pods == {}


async def test_an_image_that_is_not_pulled_gives_the_lease_back(cluster: Cluster, tmp_path: Path) -> None:
    cluster.before = WAITING
    said = await run_in_pods(cluster, tmp_path, {"command": ["sh", "-c", "true"]})
    assert isinstance(said[-1], Failed) and (said[-1].code, said[-1].fault) == ("sandbox.no_pod", True)
    assert "ImagePullBackOff" in said[-1].detail and cluster.pods == {}


async def test_a_cluster_without_the_runtime_class_is_refused_and_nothing_runs(
    cluster: Cluster, tmp_path: Path
) -> None:
    pods = Pods(site_of(cluster, tmp_path, "kata"))
    with pytest.raises(NoPod, match='RuntimeClass "kata" not found'):
        await pods.open()
    assert cluster.made == []
    await pods.close()


def with_sidecar(spec: dict[str, Any]) -> None:
    spec["containers"].append(spec["containers"][0] | {"name": "sidecar", "image": "elsewhere"})


def with_token(spec: dict[str, Any]) -> None:
    """As a webhook does that gives Pods an identity of the cloud."""
    spec["volumes"].append({"name": "identity", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}})
    spec["containers"][0]["volumeMounts"].append({"name": "identity", "mountPath": "/identity"})


def with_host(spec: dict[str, Any]) -> None:
    spec["volumes"] = [{"name": "work", "hostPath": {"path": "/"}}]


@pytest.mark.parametrize(
    ("weaken", "what"),
    [
        (lambda spec: spec.pop("runtimeClassName"), "runtimeClassName"),
        (with_sidecar, "containers"),
        (with_token, "volumes"),
        (with_host, "volumes"),
    ],
)
async def test_a_pod_that_admission_has_weakened_is_not_handed_the_job(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weaken: Callable[[Any], object], what: str
) -> None:
    monkeypatch.setattr(cluster, "_kubelet", lambda *_: asyncio.sleep(0))
    monkeypatch.setattr(cluster, "changed", lambda pod: (weaken(pod["spec"]), pod)[1])
    said = await run_in_pods(cluster, tmp_path, {"command": ["sh", "-c", "true"]})
    assert code_of(said) == "sandbox.no_pod" and what in said[-1].detail
    assert cluster.pods == {}


async def test_a_worker_that_begins_removes_what_it_left_and_sees_a_pod_answer(
    cluster: Cluster, tmp_path: Path
) -> None:
    for name, worker in (("command-left", "p1"), ("command-other", "p2")):
        cluster.pods[name] = {"metadata": {"name": name, "labels": {"assay/worker": worker}}}
    pods = Pods(site_of(cluster, tmp_path))
    await pods.open()
    assert list(cluster.pods) == ["command-other"] and len(cluster.made) == 1
    await pods.close()


async def test_a_task_that_is_killed_leaves_no_pod(cluster: Cluster, tmp_path: Path) -> None:
    said = await run_in_pods(cluster, tmp_path, {"command": ["sh", "-c", "sleep 60"]}, kill_s=2)
    assert code_of(said) == "workload.died"
    assert len(cluster.made) == 1 and cluster.pods == {}


async def test_a_watch_that_the_server_has_forgotten_is_begun_anew(cluster: Cluster, tmp_path: Path) -> None:
    cluster.drops = 1
    said = await run_in_pods(cluster, tmp_path, {"command": ["sh", "-c", "echo here"]})
    assert files_of(said)["0/stdout"] == b"here\n"


async def test_a_server_that_ends_every_watch_is_asked_with_pauses(cluster: Cluster, tmp_path: Path) -> None:
    cluster.drops = 10**9
    said = await run_in_pods(cluster, tmp_path, {"command": ["sh", "-c", "sleep 2; echo here"]})
    assert files_of(said)["0/stdout"] == b"here\n"
    assert cluster.asked < 100


async def test_a_server_without_time_is_asked_for_a_pod_again(cluster: Cluster, tmp_path: Path) -> None:
    cluster.busy = 2
    said = await run_in_pods(cluster, tmp_path, {"command": ["sh", "-c", "echo here"]})
    assert files_of(said)["0/stdout"] == b"here\n" and len(cluster.made) == 1


async def test_what_is_no_api_server_gives_the_lease_back(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "libs.workloads.tests.pods.cluster.web.json_response", lambda *_, **__: web.Response(text="<p>")
    )
    said = await run_in_pods(cluster, tmp_path, {"command": ["sh", "-c", "true"]})
    assert isinstance(said[-1], Failed) and (said[-1].code, said[-1].fault) == ("sandbox.no_pod", True)


class Told:
    """Pods that answer what a test says, segment by segment."""

    def __init__(self, *answers: Outcome) -> None:
        self.answers, self.asked = answers, 0

    async def run(self, params: CommandParams, inputs: Any, state: bytes, index: int) -> tuple[Outcome, bytes]:
        self.asked += 1
        return self.answers[index], read_checkpoint(state).close((b"",)).encode()


def told_runner(folder: Path, *answers: Outcome) -> tuple[PodRunner, Told, Task]:
    pods = Told(*answers)
    task = Task(
        **{"kind": "command", "params": LIMITS | {"command": ["sh"], "segments": len(answers)}, "inputs": {}},
        **{"models": str(folder), "folder": str(folder), "first": 0, "last": len(answers), "is_paced": True},
    )
    return PodRunner(pods, None, Policy(scratch=folder, models=folder)), pods, task


async def test_what_a_pod_says_of_its_failure_is_bounded_and_waits_for_nobody(tmp_path: Path) -> None:
    lie = Outcome(failed=Failed(code="Any thing\n", detail="x" * 10**6, fault=False))
    runner, _, task = told_runner(tmp_path, Outcome(), lie)
    *_, failed = [message async for message in runner.run(task, 5.0)]
    assert isinstance(failed, Failed)
    assert failed.code == "workload.failed" and len(failed.detail) < 1000


async def test_a_task_that_is_killed_between_segments_makes_no_further_pod(tmp_path: Path) -> None:
    runner, pods, task = told_runner(tmp_path, Outcome(), Outcome())
    said = []
    async for message in runner.run(task, 5.0):
        said.append(message)
        if isinstance(message, SegmentDone):
            await runner.kill()
    assert pods.asked == 1 and code_of(said) == "workload.died"


async def test_a_pod_is_heard_to_no_more_than_its_job_may_put_out(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = []

    async def heard(address: Any, told: Any, files: Any, most: int) -> Any:
        bounds.append(most)
        return await exchange(address, told, files, most)

    monkeypatch.setattr("assay.workloads.pods.segments.exchange", heard)
    job = {"command": ["sh", "-c", "printf 12345"], "output_bytes": 5, "segments": 2}
    said = await run_in_pods(cluster, tmp_path, job)
    assert files_of(said)["1/stdout"] == b"12345"
    sizes = [Path(message.path).stat().st_size for message in said if isinstance(message, SegmentDone)]
    assert bounds == sizes


async def test_a_job_that_names_hosts_is_refused_before_there_is_a_pod(cluster: Cluster, tmp_path: Path) -> None:
    job = {"command": ["sh", "-c", "true"], "egress": ["example.org"]}
    said = await run_in_pods(cluster, tmp_path, job)
    assert code_of(said) == "command.no_egress" and cluster.made == []


@pytest.mark.parametrize("wrong", ["wrong", "wr\u00f6ng", "hangs up"])
async def test_a_step_runs_nothing_for_whoever_does_not_bring_its_token(
    boxes: None, tmp_path: Path, wrong: str
) -> None:
    params = CommandParams(command=("sh", "-c", "echo own"), **LIMITS)
    state = start_of(params).encode()
    env = os.environ | {"ASSAY_TOKEN": "right"}
    step = await asyncio.create_subprocess_exec(sys.executable, "-P", "-c", STEP, tmp_path, "127.0.7.1", env=env)
    told = Segment(token=wrong, params=params.model_dump(mode="json"), segment=0, digests=(), sizes=(len(state),))
    with pytest.raises(Broken):
        await exchange(("127.0.7.1", PORT), told, [state], 1 << 20)
    if wrong == "hangs up":
        with socket.create_connection(("127.0.7.1", PORT)) as stranger:
            # It is reset, not ended.
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stranger.sendall(bytes(4))
    assert list(tmp_path.iterdir()) == []
    right = told.model_copy(update={"token": "right"})
    outcome, after = await exchange(("127.0.7.1", PORT), right, [state], 1 << 20)
    assert outcome.failed is None and read_checkpoint(after).closed == ((b"own\n",),)
    assert await step.wait() == 0
