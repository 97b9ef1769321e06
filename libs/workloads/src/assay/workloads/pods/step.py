"""What runs in a Pod: takes one segment from the worker, runs it in a box of this Pod's own kernel, answers and ends.

The kernel of the Pod (gVisor's, or that of Kata's machine) is the wall. The box in it is that of a bare host but for
landlock, and is there so that a command sees the same as elsewhere and comes to the same bytes: the same roots, no
network whatever the cluster's plug-in does, no other process, no capability. Where that kernel lets nobody have one,
nothing is run.
"""

import hmac
import os
import resource
import socket
from functools import partial
from pathlib import Path
from typing import Any, Final

from assay.workloads.child import FileInputs, failed_by
from assay.workloads.command.params import CommandParams
from assay.workloads.command.workload import Command
from assay.workloads.errors import WorkloadError
from assay.workloads.pods.manifest import PORT, WORK
from assay.workloads.pods.wire import Broken, Outcome, Segment, head, receive
from assay.workloads.registry import read_params
from assay.workloads.sandbox import Policy, box
from assay.workloads.sandbox.confine import hold_privileges
from assay.workloads.sandbox.kernel import leave_mounts
from assay.workloads.task import Task
from assay.workloads.workload import ignore_progress

THREADS_MAX: Final = 1024
HANG_UP_S: Final = 60
HELLO_S: Final = 20.0
"""How long who connects may take to bring the token: strangers who bring none keep nobody out, and end nothing."""


def main(folder: Path = Path(WORK), address: tuple[str, int] = ("0.0.0.0", PORT)) -> None:
    """Serve the one segment that this Pod was made for. Raises Broken, OSError."""
    token = os.environ.pop("ASSAY_TOKEN")
    with socket.create_server(address, backlog=8) as listener:
        connection, told = taken(listener, token, folder)
    with connection:
        outcome, state = outcome_of(told, folder)
        connection.sendall(head(outcome))
        connection.sendall(state)
        connection.settimeout(HANG_UP_S)
        connection.recv(1)


def taken(listener: socket.socket, token: str, folder: Path) -> tuple[socket.socket, Segment]:
    """Return the first connection that brings the token, with the segment that it brings. Raises OSError."""
    while True:
        connection, _ = listener.accept()
        connection.settimeout(HELLO_S)
        try:
            with connection.makefile("rb") as source:
                return connection, receive(source, partial(brings, connection, token), folder)
        except (Broken, ConnectionError, TimeoutError):
            connection.close()


def brings(connection: socket.socket, token: str, said: Segment) -> bool:
    """Return whether a segment comes with the token; who has it may take its time from now on."""
    if not hmac.compare_digest(said.token.encode(errors="replace"), token.encode()):
        return False
    connection.settimeout(None)
    return True


def outcome_of(told: Segment, folder: Path) -> tuple[Outcome, bytes]:
    """Return what a segment comes to, run by a process in a box, which ends with all that it has started."""
    result = folder / "result"
    try:
        params = read_params(Command.kind, told.params)
        assert isinstance(params, CommandParams)
        leave_mounts()
        inner = os.fork()
        if not inner:
            os._exit(run(told, params, folder, result))
        _, status = os.waitpid(inner, 0)
        if status:
            return Outcome(failed=failed_by(OSError(0, f"the box ended by {status}"))), b""
        outcome = Outcome.model_validate_json((folder / "outcome").read_bytes())
        return outcome, result.read_bytes() if outcome.size else b""
    except (WorkloadError, OSError, MemoryError) as error:
        return Outcome(failed=failed_by(error)), b""


def run(told: Segment, params: CommandParams, folder: Path, result: Path) -> int:
    """Run the segment as the first process of a box, and write down what it comes to."""
    size = 0
    try:
        enter(params, folder)
        files = {digest: str(folder / str(number + 1)) for number, digest in enumerate(told.digests)}
        done = Command().run(
            params, inputs_of(files, folder), (folder / "0").read_bytes(), told.segment, ignore_progress
        )
        size = result.write_bytes(done.state)
        outcome = Outcome(compute_ms=spent_ms(), size=size)
    except (WorkloadError, OSError, MemoryError, RuntimeError) as error:
        outcome = Outcome(failed=failed_by(error))
    (folder / "outcome").write_text(outcome.model_dump_json())
    return 0


def enter(params: CommandParams, folder: Path) -> None:
    """Mount the box, and let what is started in it have no more than a lease has. Raises OSError."""
    policy = Policy(
        **{"scratch": folder, "models": folder, "in_pod": True, "gpu": False, "threads": THREADS_MAX},
        box_bytes=params.disk_bytes,
        memory_bytes=params.memory_bytes,
    )
    policy.temporary.mkdir(exist_ok=True)
    box.build(policy)
    box.ENTERED.append(policy)
    hold_privileges(policy)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (policy.open_files, policy.open_files))
    resource.setrlimit(resource.RLIMIT_NPROC, (THREADS_MAX, THREADS_MAX))


def inputs_of(files: dict[str, str], folder: Path) -> FileInputs:
    """Return the files that came along, by digest."""
    named: dict[str, Any] = {"kind": Command.kind, "params": {}, "first": 0, "last": 1}
    return FileInputs(Task(**named, inputs=files, models=str(folder), folder=str(folder)))


def spent_ms() -> int:
    """Return the processor time of the programs that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round((ended.ru_utime + ended.ru_stime) * 1000)


if __name__ == "__main__":
    main()
