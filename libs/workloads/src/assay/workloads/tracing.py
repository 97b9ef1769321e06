"""The tasks by which a segment is checked from the trace of its operators: it is made, made false, and looked at."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from assay.workloads.errors import BadParams
from assay.workloads.reading import READING
from assay.workloads.registry import read_params, workload
from assay.workloads.task import CheckTrace, Finished, Job, ReadingDone, Said, Spoil, Trace, Traced
from assay.workloads.workload import Inputs, Traceable

TRACE = "trace"
Say = Callable[[Said], None]


class TraceReading(BaseModel):
    """What a verifier says of a trace: nothing is wrong, or what is first; the worst residual of each rule.

    Of one operator that a committee is asked about: how far off it is, in thousandths of honest noise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    passed: bool
    code: str
    step: int = 0
    operator: int = 0
    name: str = ""
    residual: float = 0.0
    worst: dict[str, float] = {}
    noise_milli: int = 0


def trace(task: Trace, inputs: Inputs, say: Say) -> Finished:
    """Write the trace of a segment. Raises what running the segment raises."""
    work, params, path = *traceable(task), Path(task.folder, TRACE)
    started = time.process_time()
    root = work.trace(params, inputs, state_of(task, inputs, work, params), task.segment, path)
    say(Traced(path=str(path), root=root, compute_ms=spent_ms(started)))
    return Finished()


def spoil(task: Spoil, inputs: Inputs, say: Say) -> Finished:
    """Write a trace with one result made false. Raises BadParams, BadOpening."""
    work, params, path = *traceable(task), Path(task.folder, TRACE)
    root, step, operator = work.spoil_trace(params, inputs, task.segment, Path(task.trace), task.seed, path)
    say(Traced(path=str(path), root=root, compute_ms=0, step=step, operator=operator))
    return Finished()


def check(task: CheckTrace, inputs: Inputs, say: Say) -> Finished:
    """Write what is wrong with a trace, or how far off one operator is. What raises is the fault of this machine."""
    work, params = traceable(task)
    started = time.process_time()
    before = state_of(task, inputs, work, params)
    claim = (Path(task.trace), task.root, task.state_out)
    at = (task.operator, task.first or task.seed) if task.operator else None
    found = work.check_trace(params, inputs, before, task.segment, claim, task.seed, at)
    path = Path(task.folder, READING)
    path.write_bytes(found.model_dump_json().encode())
    say(ReadingDone(path=str(path), compute_ms=spent_ms(started)))
    return Finished()


def state_of(task: Trace | CheckTrace, inputs: Inputs, work: Any, params: Any) -> bytes:
    """The checkpoint before a segment."""
    return Path(task.state).read_bytes() if task.state else bytes(work.start(params, inputs))


def traceable(task: Job) -> tuple[Traceable, Any]:
    """Return the workload and parameters of a task. Raises BadParams, UnknownKind."""
    work = workload(task.kind)
    if not isinstance(work, Traceable):
        raise BadParams(f"A segment of the kind {task.kind} is not checked by its trace.")
    return work, read_params(task.kind, task.params)


def spent_ms(started: float) -> int:
    """Processor time since then, in milliseconds."""
    return round((time.process_time() - started) * 1000)
