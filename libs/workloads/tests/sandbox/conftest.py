"""A machine as a worker keeps it: key, journal, model store, rooms for children; and a plug-in of hostile work."""

import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assay.workloads.runner import Runner
from assay.workloads.sandbox import Policy, landlock, seccomp
from assay.workloads.task import Failed, Task

MIB = 2**20


@dataclass(frozen=True)
class Machine:
    """The files of a provider, and what listens on its machine."""

    folder: Path
    key: Path
    journal: Path
    plugin: Path
    port: int
    socket: Path

    def room(self, name: str, **changes: Any) -> Policy:
        """A child's policy, with an input laid into its room."""
        folder = self.folder / "data" / "scratch" / name
        for part in ("in", "out"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "in" / "text").write_bytes(b"the requester's text")
        fields: dict[str, Any] = {"memory_bytes": 256 * MIB, "disk_bytes": 32 * MIB, "threads": 64, "open_files": 128}
        places = {"scratch": folder / "out", "inputs": folder / "in", "models": self.folder / "models"}
        return Policy(**(fields | places | changes))

    def runner(self, name: str, **changes: Any) -> Runner:
        return Runner(self.folder / f"{name}.log", self.room(name, **changes))

    async def code(self, runner: Runner, act: str, target: str | Path = "", wall_s: float = 60) -> str:
        """How an act was stopped; nothing if it came through."""
        folder = str(runner.policy.scratch if runner.policy else self.folder / "models")
        names = {"kind": "hostile", "params": {"act": act, "target": str(target)}, "inputs": {}}
        task = Task(**names, models=folder, folder=folder, first=0, last=1)
        *_, last = [message async for message in runner.run(task, wall_s)]
        return last.code if isinstance(last, Failed) else ""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    plugin = tmp_path_factory.mktemp("plugin")
    shutil.copy(Path(__file__).with_name("hostile_job.py"), plugin)
    info = plugin / "hostile_job-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile-job\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[assay.workloads]\nhostile = hostile_job:Hostile\n")
    (folder / "data").mkdir()
    (folder / "models").mkdir()
    key, journal = folder / "data" / "key", folder / "data" / "journal.sqlite"
    key.write_text("the provider's key")
    key.chmod(0o600)
    journal.write_text("the provider's journal")
    secrets = {"PYTHONPATH": str(plugin), "ASSAY_EXECUTION_KEY_FILE": str(key), "AWS_SECRET_ACCESS_KEY": "a secret"}
    with pytest.MonkeyPatch.context() as patch, socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        for name, value in secrets.items():
            patch.setenv(name, value)
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        unix.bind(str(folder / "socket"))
        unix.listen()
        yield Machine(folder, key, journal, plugin, tcp.getsockname()[1], folder / "socket")


@pytest.fixture(scope="module")
def whole() -> None:
    """The kernel can hold a child in full; where it cannot, what a worker says of that is tested elsewhere."""
    if landlock.version() < landlock.NEEDED or not seccomp.is_known():
        if os.environ.get("ASSAY_EXECUTION_SANDBOX") != "limits":
            pytest.fail("This kernel has no landlock: say so with ASSAY_EXECUTION_SANDBOX=limits, or run a later one.")
        pytest.skip("this kernel has no landlock, as was said")


@pytest.fixture(scope="module")
async def held(machine: Machine, whole: None) -> AsyncIterator[Runner]:
    """A child in the sandbox, shared by acts that it survives."""
    runner = machine.runner("held")
    yield runner
    await runner.kill()
