"""Classes: what the class of machine of a claim and of its answers says about a difference. Pure.

Within a class equal work gives equal bits, so a claim that differs from what its own class computes is false, however
near it lies. One answer does not decide that, for its own class may be stated wrongly: two answers of the class must be
equal to one another, unlike the claim, and more than those that are equal to the claim. Answers as near to the claim
as honest machines are stand or fall together, so that nobody is overruled for a difference inside honest noise.

A provider may contest such a refusal. More verifiers of its class are asked then, and most of five have the last word:
bits of a class are the same on every machine of it, so whoever accused with other bits than most have, lied.

Who states a class that is not its own is held to that class's bits, and to no wider a tolerance than who states none.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assay.proof.calibration import CEILINGS, Calibration, NoCalibration, find_tolerance
from assay.schema.dispute import DisputeOutcome
from assay.schema.job import JobSpec
from assay.schema.lease import SlashReason
from assay.schema.values import NO_DIGEST, Digest
from assay.verification.domain.judging import CONFIRMING

DTYPE = "float32"
MOST = 3
"""So many verifiers of a class are most of five."""


@dataclass(frozen=True, slots=True)
class Near:
    """An answer as near to the claim as honest machines are: its bits, and whether it is of the claim's class."""

    state: Digest
    is_of_class: bool
    is_equal: bool


def is_same_class(one: Digest | None, other: Digest | None) -> bool:
    """Whether two statements name one class; who names none is of none."""
    return one is not None and one == other and one != NO_DIGEST


def is_refused(nears: Sequence[Near], answers: int) -> bool:
    """Whether the claim's own class contradicts it, by these of so many answers; a lone one opens the question."""
    in_class = [near for near in nears if near.is_of_class]
    unlike = Counter(near.state for near in in_class if not near.is_equal)
    most = max(unlike.values(), default=0)
    if answers == 1:
        return most == 1
    return most >= CONFIRMING and most > len(in_class) - sum(unlike.values())


def accusers(nears: Mapping[str, Near]) -> dict[str, Digest]:
    """The answers of the claim's class that have other bits than it, by audit."""
    return {audit: near.state for audit, near in nears.items() if near.is_of_class and not near.is_equal}


def recount_bits(nears: Mapping[str, Near]) -> tuple[DisputeOutcome, dict[str, SlashReason]]:
    """What a refusal by the claim's class comes to that was contested, and who is overruled.

    Nobody is for being outvoted by few: it takes most of five in the class with the claim's own bits.
    """
    unlike = accusers(nears)
    equal = sum(near.is_of_class and near.is_equal for near in nears.values())
    most = max(Counter(unlike.values()).values(), default=0)
    if equal >= MOST and equal > most:
        return DisputeOutcome.CHALLENGER_FAULT, dict.fromkeys(unlike, SlashReason.FALSE_ACCUSATION)
    return DisputeOutcome.WORKER_FAULT if most > equal else DisputeOutcome.NUMERIC_TIE, {}


def tolerance_between(
    spec: JobSpec, claimed: Digest | None, answered: Digest | None, records: Iterable[Calibration], now_ms: int
) -> float:
    """How far apart two honest answers may lie: as was measured between their classes, else the ceiling of the type."""
    dtype = str(spec.params.get("dtype", DTYPE))
    ceiling = CEILINGS.get(dtype, 0.0)
    if claimed is None or answered is None or claimed == answered:
        return ceiling
    try:
        return min(ceiling, find_tolerance(records, spec.kind, claimed, answered, dtype, now_ms))
    except NoCalibration:
        return ceiling
