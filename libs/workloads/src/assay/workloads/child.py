"""The process in which work runs: reads tasks from its standard input, says what happens on its standard output.

It is a process of its own so that a hung kernel can be killed and a crash takes nothing else along. It ends when its
parent does: at the end of its input, and by the kernel's parent-death signal.
"""

import ctypes
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from assay.workloads.errors import (
    BadCheckpoint,
    InputMissing,
    ModelCorrupt,
    ModelMissing,
    ModelUnavailable,
    WorkloadError,
)
from assay.workloads.generate.errors import CheckFailed
from assay.workloads.models import ModelStore
from assay.workloads.reading import judge, read, show
from assay.workloads.registry import read_params, workload
from assay.workloads.task import (
    TO_CHILD,
    CheckTrace,
    Failed,
    Finished,
    Job,
    Judge,
    Progressed,
    Read,
    Ready,
    Said,
    SegmentDone,
    Show,
    Spoil,
    Task,
    ToChild,
    Trace,
)
from assay.workloads.tracing import check, spoil, trace
from assay.workloads.workload import Progress

Say = Callable[[Said], None]

PR_SET_PDEATHSIG = 1
START = "start.state"
MACHINE_FAULTS = (
    *(InputMissing, ModelMissing, ModelCorrupt, ModelUnavailable, BadCheckpoint, CheckFailed),
    *(OSError, MemoryError),
)


class FileInputs:
    """A task's inputs as files that the runner has fetched and checked."""

    def __init__(self, task: Job) -> None:
        self.files = task.inputs
        self.models = ModelStore(Path(task.models))

    def read(self, digest: str) -> bytes:
        """Return the content with this digest. Raises InputMissing."""
        if digest not in self.files:
            raise InputMissing(f"The input {digest} is not here.")
        return Path(self.files[digest]).read_bytes()


def run_task(task: ToChild, say: Say, is_stopped: Callable[[], bool]) -> None:
    """Do a task, saying what is done; a typed failure is said, never raised."""
    finished: Finished | Failed
    try:
        finished = _do(task, say, is_stopped)
    except (*MACHINE_FAULTS, WorkloadError) as error:
        finished = Failed(
            code=getattr(error, "code", "workload.machine"),
            detail=str(error)[:300],
            fault=isinstance(error, MACHINE_FAULTS),
        )
    say(finished)


def _do(task: ToChild, say: Say, is_stopped: Callable[[], bool]) -> Finished:
    match task:
        case Task():
            return _run_segments(task, say, is_stopped)
        case Show():
            return show(task, FileInputs(task))
        case Read():
            return read(task, FileInputs(task), say)
        case Judge():
            return judge(task, say)
        case Trace():
            return trace(task, FileInputs(task), say)
        case Spoil():
            return spoil(task, FileInputs(task), say)
        case CheckTrace():
            return check(task, FileInputs(task), say)


def _run_segments(task: Task, say: Say, is_stopped: Callable[[], bool]) -> Finished:
    work, params, inputs = workload(task.kind), read_params(task.kind, task.params), FileInputs(task)
    state = Path(task.state).read_bytes() if task.state else work.start(params, inputs)
    if not task.state:
        Path(task.folder, START).write_bytes(state)
    say(Ready(state_digest=work.digest(state)))
    for index in range(task.first, task.last):
        if is_stopped():
            return Finished()
        # Processor time: what a busy neighbour takes away is not work.
        started = time.process_time()
        done = work.run(params, inputs, state, index, _progress_of(index, say))
        compute_ms = round((time.process_time() - started) * 1000)
        state, path = done.state, Path(task.folder, f"{index}.state")
        path.write_bytes(state)
        say(
            SegmentDone(
                segment=index,
                path=str(path),
                state_digest=done.state_digest,
                units=done.units,
                compute_ms=compute_ms,
                metrics=done.metrics,
            )
        )
    if not task.wants_result:
        return Finished()
    result = Path(task.folder, "result")
    result.write_bytes(work.result(params, state))
    return Finished(result=str(result))


def _progress_of(segment: int, say: Say) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        say(Progressed(segment=segment, done=progress.done, total=progress.total, metrics=progress.metrics))

    return tell


def _private_output() -> int:
    """A descriptor of the runner's pipe; what libraries print goes to standard error from now on."""
    private = os.dup(1)
    os.dup2(2, 1)
    return private


def main() -> None:
    """Serve tasks until the input ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    output = os.fdopen(_private_output(), "w", buffering=1)
    tasks: queue.SimpleQueue[ToChild | None] = queue.SimpleQueue()
    stopped = threading.Event()

    def read() -> None:
        for line in sys.stdin:
            if line.startswith('{"stop"'):
                stopped.set()
            else:
                tasks.put(TO_CHILD.validate_json(line))
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while (task := tasks.get()) is not None:
        run_task(task, lambda said: print(said.model_dump_json(), file=output), stopped.is_set)
        stopped.clear()


if __name__ == "__main__":
    main()
