"""How far apart honest work may end on two kinds of machine: measured, signed by who measured it, valid for a while.

A tolerance is a multiple of the worst honest distance seen, and never so wide that the weakest cheat fits in. It stands
for one workload, one pair of classes and one number type; where nobody measured, there is none, and nothing is guessed.
"""

import math
from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, ValidationError, model_validator

from assay.proof.dsse import BadForm, Sealed, open_envelope, seal_payload, signer_of
from assay.proof.keys import BadSignature, Key
from assay.schema.errors import Reject
from assay.schema.values import Digest, Millis, Value

HEADROOM: Final = 20.0
# Below the nearest that a cheat was seen to come (docs/adr/0006-numerics.md). A type that is not named has no tolerance
# at all: in bfloat16 honest work lies as far apart as some cheats.
CEILINGS: Final = {"float32": 3e-4}
# Honest work must stay this many times below the tolerance.
MARGIN_MIN: Final = 4.0
RUNS_MIN: Final = 3
KIND: Final = "urn:assay:calibration:1"
Dtype = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{1,15}$")]
Distance = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class NoCalibration(Reject):
    """Nobody whose word counts has measured this pair of classes, or no longer."""

    code = "calibration.missing"
    advice = "Measure this pair of classes and sign the record, or check the work by another method."


class BadCalibration(Reject):
    """A calibration that is none: unreadable, of too few runs, or signed by nobody whose word counts."""

    code = "calibration.bad"
    advice = "Measure again and sign with a key that the verifiers trust."


class Calibration(Value):
    """What was measured between two classes: the distances of honest runs, in units of a segment's own update."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["urn:assay:calibration:1"] = KIND
    classes: tuple[Digest, Digest]
    dtype: Dtype
    workload: Annotated[str, Field(max_length=64)]
    runs: Annotated[int, Field(ge=RUNS_MIN, le=1_000_000)]
    worst: Distance
    not_before_ms: Millis
    not_after_ms: Millis

    @model_validator(mode="after")
    def is_in_order(self) -> Self:
        """Refuse a pair that is not in order, and a validity that ends before it begins."""
        if self.classes != tuple(sorted(self.classes)):
            raise ValueError("name the two classes in the order of their digests")
        if self.not_after_ms <= self.not_before_ms:
            raise ValueError("the validity ends before it begins")
        return self

    @property
    def tolerance(self) -> float:
        """How far apart two honest results may be taken to lie."""
        return min(HEADROOM * self.worst, CEILINGS.get(self.dtype, 0.0))

    @property
    def separates(self) -> bool:
        """Whether the tolerance tells honest work from a cheat."""
        return self.dtype in CEILINGS and MARGIN_MIN * self.worst <= CEILINGS[self.dtype]


def calibrate_pair(
    one: str, other: str, dtype: str, workload: str, distances: Iterable[float], now_ms: int, valid_ms: int
) -> Calibration:
    """The record of these honest distances. Raises BadCalibration for too few, or one that is no distance."""
    found = list(distances)
    if len(found) < RUNS_MIN or not all(math.isfinite(each) and each >= 0 for each in found):
        raise BadCalibration(f"It takes {RUNS_MIN} finite distances, and there are {len(found)} of any kind.")
    pair = (min(one, other), max(one, other))
    return Calibration(
        classes=pair,
        dtype=dtype,
        workload=workload,
        runs=len(found),
        worst=max(found),
        not_before_ms=now_ms,
        not_after_ms=now_ms + valid_ms,
    )


def seal_calibration(record: Calibration, key: Key) -> str:
    """The record signed, as one line of JSON."""
    return seal_payload(record.model_dump_json().encode(), key)


def open_calibration(text: str, trusted: frozenset[str]) -> Calibration:
    """The record of a sealed text, signed by a trusted address. Raises BadCalibration."""
    try:
        sealed = open_envelope(text)
        record = Calibration.model_validate_json(sealed.payload)
    except BadForm as error:
        raise BadCalibration(error.detail) from None
    except ValidationError as error:
        raise BadCalibration(f"{error.error_count()} fields do not fit.") from None
    signer = recovered(sealed)
    if signer != sealed.key_id or signer not in trusted:
        raise BadCalibration(f"It was signed by {signer}, whose measurements are not taken.")
    return record


def open_calibrations(text: str, trusted: frozenset[str]) -> tuple[Calibration, ...]:
    """The records of a file, one sealed a line. Raises BadCalibration, which says the line."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                found.append(open_calibration(line, trusted))
            except BadCalibration as fault:
                raise BadCalibration(f"line {number}: {fault.detail}") from None
    return tuple(found)


def recovered(sealed: Sealed) -> str:
    """The address that signed. Raises BadCalibration for a signature that is none."""
    try:
        return signer_of(sealed)
    except BadSignature as error:
        raise BadCalibration(error.detail) from None


def find_tolerance(
    records: Iterable[Calibration], workload: str, one: str, other: str, dtype: str, now_ms: int
) -> float:
    """The tolerance between two classes now; 0 where honest work is bit-equal. Raises NoCalibration.

    Of several records the narrowest counts: whoever measured less well must not widen what another found.
    """
    pair = (min(one, other), max(one, other))
    fitting = [
        record.tolerance
        for record in records
        if (record.workload, record.classes, record.dtype) == (workload, pair, dtype)
        and record.not_before_ms <= now_ms < record.not_after_ms
        and record.separates
    ]
    if not fitting:
        raise NoCalibration(f"For {workload} between {one[:8]} and {other[:8]} in {dtype}.")
    return min(fitting)
