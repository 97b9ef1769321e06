"""The tasks by which a claimed segment is checked: what is shown of it, what is seen in that, what that says of it."""

import time
from collections.abc import Callable
from pathlib import Path

from assay.workloads.errors import BadParams
from assay.workloads.registry import read_params, workload
from assay.workloads.task import Finished, Judge, Judged, Look, Read, ReadingDone, Said, Show
from assay.workloads.workload import Inputs, Readable

SHOWN, READING = "shown", "reading"


def show(task: Show, inputs: Inputs) -> Finished:
    """Write what a verifier is shown. Raises BadCheckpoint, BadParams."""
    params = read_params(task.kind, task.params)
    state = Path(task.state).read_bytes()
    path = Path(task.folder, SHOWN)
    path.write_bytes(readable(task).show(params, inputs, state, task.segment, task.seed, task.spoil))
    return Finished(result=str(path))


def read(task: Read, inputs: Inputs, say: Callable[[Said], None]) -> Finished:
    """Write what is seen in what was shown, and say it. Raises what the kind of work raises."""
    params = read_params(task.kind, task.params)
    started = time.process_time()
    seen = readable(task).read(params, inputs, Path(task.shown).read_bytes(), task.segment, task.seed)
    compute_ms = round((time.process_time() - started) * 1000)
    path = Path(task.folder, READING)
    path.write_bytes(seen)
    say(ReadingDone(path=str(path), compute_ms=compute_ms))
    return Finished()


def judge(task: Judge, say: Callable[[Said], None]) -> Finished:
    """Say what readings say of a claim. Raises BadCheckpoint, BadParams."""
    params = read_params(task.kind, task.params)
    state, shown = Path(task.state).read_bytes(), Path(task.shown).read_bytes()
    readings = [Path(path).read_bytes() for path in task.readings]
    say(Judged(found=readable(task).judge(params, state, shown, readings, task.segment, task.seed)))
    return Finished()


def readable(task: Look) -> Readable:
    """Return the workload of a task. Raises BadParams, UnknownKind."""
    work = workload(task.kind)
    if not isinstance(work, Readable):
        raise BadParams(f"A segment of the kind {task.kind} is not checked by reading it.")
    return work
