"""The trace check: a drawn segment's provider opens every operator's result, and verifiers check each from the others.

No product is made again (Freivalds), of the rest some rows are, and both ends are bound. What is looked at is drawn
after the opening, for all verifiers alike, so honest ones find the same at the same operator: those who do are of one
group (docs/adr/0010-trace-check.md). One operator that is contested a committee measures (docs/adr/0038-committee.md).
"""

from math import isfinite
from typing import Final

from pydantic import ValidationError

from assay.proof.committee import BETWEEN, BEYOND_MILLI, NOISE_MAX, WITHIN_MILLI, group_of_noise
from assay.proof.policy import is_checkable
from assay.schema.job import JobSpec
from assay.schema.values import OperatorPlace
from assay.verification.domain.judging import CLAIM
from assay.verification.domain.placing import WRONG, group_of
from assay.verification.methods.method import Method
from assay.workloads.task import Found
from assay.workloads.tracing import TraceReading

NAME: Final = "trace"
PLACES: Final = 2**31
UNREADABLE: Final = Found(agrees=False, code="trace.unreadable", distance=0.0, group=2**31 - 1)
UNMEASURED: Final = Found(agrees=False, code=WRONG, distance=BEYOND_MILLI / WITHIN_MILLI, group=BETWEEN)


def tell(reading: bytes) -> Found:
    """What a reading says of the trace."""
    said = read(reading)
    if said is None:
        return UNREADABLE
    if said.passed != (said.code == HOLDS) or not isfinite(said.residual):
        return UNREADABLE
    group = group_of(said.code, said.step, said.operator)
    return Found(agrees=said.passed, code=code_of(said), distance=said.residual, group=group)


def read(reading: bytes) -> TraceReading | None:
    """A reading, if it is one."""
    try:
        return TraceReading.model_validate_json(reading)
    except ValidationError:
        return None


def place_in(reading: bytes) -> OperatorPlace | None:
    """The one operator that a reading calls false, if it does."""
    said = read(reading)
    if said is None or said.code != WRONG or not (0 <= said.step < PLACES and 0 <= said.operator < PLACES):
        return None
    return OperatorPlace(step=said.step, number=said.operator)


def tell_operator(reading: bytes, at: OperatorPlace) -> Found | None:
    """What a member of a committee measured of the operator that it was asked about; None if it says nothing of it.

    A machine that knows of no committees checks the whole trace, and says no measure: that proves nothing, nor is it
    a lie.
    """
    said = read(reading)
    if said is not None and "noise_milli" not in said.model_fields_set:
        return UNMEASURED
    if said is None or (said.step, said.operator) != (at.step, at.number) or not 0 <= said.noise_milli <= NOISE_MAX:
        return None
    if said.passed != (said.noise_milli <= BEYOND_MILLI):
        return None
    group = group_of_noise(said.noise_milli, group_of(WRONG, at.step, at.number))
    code = HOLDS if group == CLAIM else WRONG
    return Found(agrees=group == CLAIM, code=code, distance=said.noise_milli / WITHIN_MILLI, group=group)


def code_of(said: TraceReading) -> str:
    """The finding's code; a stranger's is one of those that there are."""
    return said.code if said.code in CODES else "trace.unreadable"


HOLDS: Final = "trace.holds"
CODES: Final = (HOLDS, WRONG, "trace.drift", "trace.wrong_end", "trace.bad_opening")


def is_asked_for(spec: JobSpec) -> bool:
    """Whether the order asks for it, of work that can be traced."""
    return spec.policy.method == NAME and is_checkable(spec.kind, spec.params, spec.policy)


METHOD: Final = Method(
    NAME,
    tier="V3",
    misses_ppm=10_000,
    tell=tell,
    place=place_in,
    measure=tell_operator,
    suits=is_asked_for,
    is_opened=True,
)
