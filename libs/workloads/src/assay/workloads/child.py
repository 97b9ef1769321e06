"""The process in which work runs: reads tasks from its standard input, says what happens on its standard output.

It is a process of its own so that a hung kernel can be killed and a crash takes nothing else along. It ends when its
parent does: at the end of its input, and by the kernel's parent-death signal. With a policy as its argument it confines
itself before it reads anything, and says so first.
"""

import os
import queue
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

from assay.workloads.asked import AskedLine, Asks, Say
from assay.workloads.command.errors import NoBox
from assay.workloads.errors import (
    BadCheckpoint,
    InputMissing,
    ModelCorrupt,
    ModelMissing,
    ModelUnavailable,
    WorkloadError,
    panicked,
)
from assay.workloads.generate.errors import CheckFailed
from assay.workloads.given import given
from assay.workloads.measuring import measure, recompute
from assay.workloads.models import ModelStore
from assay.workloads.pace import Pace
from assay.workloads.preload import preload, warm
from assay.workloads.reading import judge, read, show
from assay.workloads.registry import read_params, workload
from assay.workloads.sandbox import Policy, SandboxUnavailable, box
from assay.workloads.sandbox.confine import confine
from assay.workloads.sandbox.errors import breach_of
from assay.workloads.sandbox.kernel import PR_SET_PDEATHSIG, prctl
from assay.workloads.task import (
    TO_CHILD,
    Allow,
    Ask,
    CheckTrace,
    Committed,
    Failed,
    Finished,
    Job,
    Judge,
    Measure,
    Preload,
    Progressed,
    Read,
    Ready,
    Recompute,
    SegmentDone,
    Show,
    Spoil,
    Task,
    ToChild,
    Trace,
    Warm,
)
from assay.workloads.tracing import check, spoil, trace
from assay.workloads.workload import FrozenParams, Inputs, Live, Progress, SegmentResult, Workload

START = "start.state"
MACHINE_FAULTS = (
    *(InputMissing, ModelMissing, ModelCorrupt, ModelUnavailable, BadCheckpoint, CheckFailed, NoBox),
    OSError,
)


class FileInputs:
    """A task's inputs as files that the runner has fetched and checked."""

    def __init__(self, task: Job) -> None:
        self.files = task.inputs
        self.models = ModelStore(Path(task.models))
        self.private = Path(task.private) if task.private else None

    def read(self, digest: str) -> bytes:
        """Return the content with this digest. Raises InputMissing."""
        with self.open(digest) as file:
            return file.read()

    def open(self, digest: str) -> BinaryIO:
        """Return the content with this digest, to be read as a file. Raises InputMissing."""
        if digest not in self.files:
            raise InputMissing(f"The input {digest} is not here.")
        return Path(self.files[digest]).open("rb")


def run_task(task: ToChild, say: Say, pace: Pace, asked: Asks | None = None) -> None:
    """Do a task, saying what is done; a typed failure is said, never raised. What is asked meanwhile is in `asked`."""
    finished: Finished | Failed
    try:
        line = AskedLine(asked or queue.SimpleQueue(), say, lambda: pace.is_stopped)
        with given(task) as ready:
            finished = _do(ready, say, pace, line)
    except (*MACHINE_FAULTS, WorkloadError, MemoryError, RuntimeError) as error:
        finished = failed_by(error)
    except BaseException as error:
        # A tokenizer that is read well may give up over a text yet, which is no Exception.
        finished = failed_by(panicked(error))
    say(finished)


def failed_by(error: Exception) -> Failed:
    """What the runner is told of an exception. Raises it again if it is a bug."""
    if over := breach_of(error):
        return over
    if isinstance(error, RuntimeError):
        raise error
    is_fault = isinstance(error, MACHINE_FAULTS)
    return Failed(code=getattr(error, "code", "workload.machine"), detail=str(error)[:300], fault=is_fault)


def _do(task: ToChild, say: Say, pace: Pace, line: AskedLine) -> Finished:
    match task:
        case Task():
            return _run_segments(task, say, pace, line)
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
        case Measure():
            return measure(task, say)
        case Recompute():
            return recompute(task, say)
        case Preload():
            preload(task.kinds)
            return Finished()
        case Warm():
            return warm(task, FileInputs(task))


def _run_segments(task: Task, say: Say, pace: Pace, line: AskedLine) -> Finished:
    work, params, inputs = workload(task.kind), read_params(task.kind, task.params), FileInputs(task)
    state = Path(task.state).read_bytes() if task.state else work.start(params, inputs)
    if not task.state:
        Path(task.folder, START).write_bytes(state)
    line.hear(wait=False)
    say(Ready(state_digest=work.digest(state)))
    index = task.first
    for done, compute_ms in _timed(_segments(work, params, inputs, state, range(task.first, task.last), say, line)):
        pace.wait(index)
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
        index += 1
    if index < task.last:
        return Finished()
    if not task.wants_result:
        return Finished()
    result = Path(task.folder, "result")
    result.write_bytes(work.result(params, state))
    return Finished(result=str(result))


def _segments(
    work: Workload, params: FrozenParams, inputs: Inputs, state: bytes, segments: range, say: Say, line: AskedLine
) -> Iterator[SegmentResult]:
    """The segments as they are closed, until the task is stopped."""
    if isinstance(work, Live):
        yield from work.serve(params, inputs, state, segments, line)
        return
    for index in segments:
        if line.is_closed:
            return
        done = work.run(params, inputs, state, index, _progress_of(index, say))
        state = done.state
        yield done


def _timed(closed: Iterator[SegmentResult]) -> Iterator[tuple[SegmentResult, int]]:
    """Each with its processor time in ms: what a busy neighbour takes away is not work."""
    started = spent_s()
    for done in closed:
        yield done, round((spent_s() - started) * 1000)
        started = spent_s()


def spent_s() -> float:
    """The processor time of this process, and of the programs that it has executed."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def _progress_of(segment: int, say: Say) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        say(Progressed(segment=segment, done=progress.done, total=progress.total, metrics=progress.metrics))

    return tell


def _private_output() -> int:
    """A descriptor of the runner's pipe; what libraries print goes to standard error from now on."""
    private = os.dup(1)
    os.dup2(2, 1)
    return private


def _enter(told: list[str], output: TextIO) -> None:
    """Go into the sandbox that the runner told of; end the process if this machine has none that is enough."""
    if not told:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    policy = Policy.model_validate_json(told[0])
    try:
        if policy.box_bytes:
            box.enter(policy, int(told[1]) if policy.egress else None)
        held = confine(policy)
    except SandboxUnavailable as error:
        refused = Failed(code=error.code, detail=error.detail, fault=True)
        print(refused.model_dump_json(), file=output)
        sys.exit(error.exit_code)
    print(held.model_dump_json(), file=output)


def main() -> None:
    """Serve tasks until the input ends."""
    output = os.fdopen(_private_output(), "w", buffering=1)
    _enter(sys.argv[1:], output)
    tasks: queue.SimpleQueue[ToChild | None] = queue.SimpleQueue()
    asked: Asks = queue.SimpleQueue()
    pace = Pace()

    def read() -> None:
        for line in sys.stdin:
            if line.startswith('{"stop"'):
                pace.stop()
                asked.put(None)
            elif isinstance(told := TO_CHILD.validate_json(line), Ask):
                asked.put(told.request)
            elif isinstance(told, Allow):
                asked.put(told.tokens)
            elif isinstance(told, Committed):
                pace.tell(told.segments)
            else:
                pace.begin(told.first if isinstance(told, Task) and told.is_paced else sys.maxsize)
                tasks.put(told)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while (task := tasks.get()) is not None:
        run_task(task, lambda said: print(said.model_dump_json(), file=output), pace, asked)
        pace.stop(False)


if __name__ == "__main__":
    main()
