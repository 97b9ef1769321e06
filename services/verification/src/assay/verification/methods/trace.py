"""The trace check: a drawn segment's provider opens every operator's result, and verifiers check each from the others.

No product is made again (Freivalds), of the rest some rows are, and both ends are bound. What is looked at is drawn
after the opening, for all verifiers alike, so honest ones find the same at the same operator: those who do are of one
group (docs/adr/0010-trace-check.md).
"""

from math import isfinite
from typing import Final

from pydantic import ValidationError

from assay.proof.policy import is_checkable
from assay.schema.job import JobSpec
from assay.verification.domain.placing import WRONG, group_of
from assay.verification.methods.method import Method
from assay.workloads.task import Found
from assay.workloads.tracing import TraceReading

NAME: Final = "trace"
UNREADABLE: Final = Found(agrees=False, code="trace.unreadable", distance=0.0, group=2**31 - 1)


def tell(reading: bytes) -> Found:
    """What a reading says of the trace."""
    try:
        said = TraceReading.model_validate_json(reading)
    except ValidationError:
        return UNREADABLE
    if said.passed != (said.code == HOLDS) or not isfinite(said.residual):
        return UNREADABLE
    group = group_of(said.code, said.step, said.operator)
    return Found(agrees=said.passed, code=code_of(said), distance=said.residual, group=group)


def code_of(said: TraceReading) -> str:
    """The finding's code; a stranger's is one of those that there are."""
    return said.code if said.code in CODES else "trace.unreadable"


HOLDS: Final = "trace.holds"
CODES: Final = (HOLDS, WRONG, "trace.drift", "trace.wrong_end", "trace.bad_opening")


def is_asked_for(spec: JobSpec) -> bool:
    """Whether the order asks for it, of work that can be traced."""
    return spec.policy.method == NAME and is_checkable(spec.kind, spec.params, spec.policy)


METHOD: Final = Method(NAME, tier="V3", misses_ppm=10_000, tell=tell, suits=is_asked_for, is_opened=True)
