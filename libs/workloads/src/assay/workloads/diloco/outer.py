"""An outer step as a job: which results counted, what each contributed and where the course stands after them.

Or, of a past alone, that state itself: as a keyframe, from which further rounds can start, or as the finished model.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from assay.workloads.diloco import states
from assay.workloads.diloco.course import Outer, open_course, read_results, step, write_keyframe
from assay.workloads.diloco.params import OuterParams
from assay.workloads.diloco.scores import scores_ppm
from assay.workloads.diloco.space import Space, write_model
from assay.workloads.errors import BadCheckpoint, BadData
from assay.workloads.workload import Inputs

Metrics = dict[str, float]


def take_step(params: OuterParams, inputs: Inputs, state: bytes) -> tuple[bytes, Metrics]:
    """Return what the job makes, and what was measured. Raises BadCheckpoint, BadData, Diverged."""
    if state != states.BEGIN:
        raise BadCheckpoint("An outer step begins from nothing but what its parameters name.")
    space, outer = open_course(params, inputs)
    return MAKERS[params.makes](params, inputs, space, outer)


def make_outcome(params: OuterParams, inputs: Inputs, space: Space, outer: Outer) -> tuple[bytes, Metrics]:
    """Return the judgement of a round's results. Raises BadData if none can be read."""
    read, refused = read_results(params.results, inputs, len(outer.weights))
    if not read:
        raise BadData(f"None of the {len(refused)} results of the round can be read.")
    results = list(read.values())
    scores = scores_ppm(results, params.rule, params.hostile, params.clip)
    outcome: dict[str, Any] = {
        "counted": list(read),
        "refused": dict(refused),
        "scores_ppm": dict(zip(read, scores, strict=True)),
        "state": step(params, outer, results).digest,
    }
    return states.write_outcome(outcome), {"counted": float(len(read)), "refused": float(len(refused))}


def make_keyframe(params: OuterParams, inputs: Inputs, space: Space, outer: Outer) -> tuple[bytes, Metrics]:
    """Return the state, from which further rounds can start."""
    return write_keyframe(outer), {}


def make_model(params: OuterParams, inputs: Inputs, space: Space, outer: Outer) -> tuple[bytes, Metrics]:
    """Return the finished model, or its adapter."""
    return write_model(params, space, outer.weights), {}


MAKERS: Final[Mapping[str, Callable[[OuterParams, Inputs, Space, Outer], tuple[bytes, Metrics]]]] = {
    "outcome": make_outcome,
    "keyframe": make_keyframe,
    "model": make_model,
}
