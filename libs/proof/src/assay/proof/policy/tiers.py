"""The tiers: each way to check a segment, what it costs, misses, shows and needs. One row for each.

Shares are of one segment's compute. `audit` is the verifier's, and what an answer earns; `challenged` what the provider
does again to open the segment, `slow` what every segment costs more, drawn or not. `missed` bounds the chance that an
audit takes the weakest cheat worth making for honest work; where none was missed in n trials it is 3/n. Measurements:
docs/adr/0012.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final


class Work(StrEnum):
    """What kind of work is checked."""

    TRAINING = "training"
    INFERENCE = "inference"
    OTHER = "other"


class Numerics(StrEnum):
    """How the job computes."""

    EXACT = "exact"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class Opens(IntEnum):
    """What a check shows to the verifier; each includes those before it."""

    NOTHING = 0
    INPUTS = 1
    STATE = 2
    TRACE = 3


ANY_WORK: Final = frozenset(Work)
ANY_NUMERICS: Final = frozenset(Numerics)
TRAINING: Final = frozenset({Work.TRAINING})
REPLAYED: Final = frozenset({Work.TRAINING, Work.OTHER})


@dataclass(frozen=True, slots=True)
class Tier:
    """One way to check a segment."""

    name: str
    check: str
    work: frozenset[Work]
    numerics: frozenset[Numerics]
    audit_ppm: int
    missed_ppm: int
    opens: Opens
    slow_ppm: int = 0
    challenged_ppm: int = 0
    owners_min: int = 1
    needs_calibration: bool = False
    checks_all: bool = False


TIERS: Final[tuple[Tier, ...]] = (
    Tier(
        "class_replay",
        "run again by another owner of the same class of machine; equal bits",
        ANY_WORK,
        ANY_NUMERICS,
        audit_ppm=1_002_500,
        missed_ppm=0,
        opens=Opens.STATE,
        owners_min=3,
    ),
    Tier(
        "exact",
        "run again anywhere with exact operators; equal bits",
        REPLAYED,
        frozenset({Numerics.EXACT}),
        audit_ppm=1_002_500,
        missed_ppm=0,
        opens=Opens.STATE,
    ),
    Tier(
        "tolerance",
        "run again on another class; distance within the calibrated tolerance",
        REPLAYED,
        frozenset({Numerics.FLOAT32}),
        audit_ppm=1_002_500,
        missed_ppm=1_000,
        opens=Opens.STATE,
        needs_calibration=True,
    ),
    Tier(
        "trace",
        "every matrix product of the opened trace by Freivalds, the rest recomputed from committed inputs",
        TRAINING,
        frozenset({Numerics.FLOAT32, Numerics.BFLOAT16}),
        audit_ppm=150_000,
        missed_ppm=10_000,
        opens=Opens.TRACE,
        challenged_ppm=1_200_000,
    ),
    Tier(
        "prefill",
        "one prefill over prompt and answer: activation sketch and seeded sampling",
        frozenset({Work.INFERENCE}),
        ANY_NUMERICS,
        audit_ppm=260_000,
        missed_ppm=50_000,
        opens=Opens.INPUTS,
    ),
    Tier(
        "replication",
        "answered by three verifiers at once, sealed before any is revealed; two thirds of their bonds decide",
        ANY_WORK,
        ANY_NUMERICS,
        audit_ppm=3_007_500,
        missed_ppm=10_000,
        opens=Opens.STATE,
    ),
    Tier(
        "zero_knowledge",
        "a proof of the computation itself; for tiny models",
        frozenset({Work.INFERENCE}),
        ANY_NUMERICS,
        audit_ppm=0,
        missed_ppm=0,
        opens=Opens.NOTHING,
        slow_ppm=270_000_000_000,
        checks_all=True,
    ),
)
