"""What hostile providers there are, by name."""

from typing import Final

from tests.adversaries import evasive, hostile, owners
from tests.adversaries.cheap_models import CheapAnswers, Int8Tuning, RightSketches, TellsOtherLines
from tests.adversaries.forged_classes import ForgedBfloat16, NoiseInTolerance, NoiseUnderCalibration

from assay.devnet.cheat import LazyRun
from assay.execution.lease_run import LeaseRun

BEHAVIOURS: Final[dict[str, type[LeaseRun]]] = {
    "lazy": LazyRun,
    "makes-up-one": hostile.MakesUp,
    "makes-up-all": hostile.MakesUpAll,
    "foreign-checkpoint": hostile.ForeignCheckpoint,
    "equivocates": hostile.Equivocates,
    "wrong-result": hostile.WrongResult,
    "half-way": hostile.tampers(hostile.each(hostile.half_way)),
    "bfloat16": hostile.tampers(hostile.each(hostile.to_bfloat16)),
    "poison": hostile.tampers(hostile.poison),
    "rounding": hostile.tampers(hostile.rounding),
    "chosen-data": hostile.ChosenData,
    "half-batch": hostile.HalfBatch,
    "false-trace": LeaseRun,
    "int8-tuning": Int8Tuning,
    "int8-answers": CheapAnswers,
    "right-sketches": RightSketches,
    "other-lines": TellsOtherLines,
    "forged-class": ForgedBfloat16,
    "noise-in-tolerance": NoiseInTolerance,
    "noise-calibrated": NoiseUnderCalibration,
    "withholds-trace": evasive.WithholdsTrace,
    "withholds-checkpoint": evasive.WithholdsCheckpoint,
    "unsealed": evasive.Unsealed,
    "drops": evasive.Drops,
    "hands-over": evasive.HandsOver,
    "blows-up": evasive.BlowsUp,
    "grinds": evasive.Grinds,
    "dead-end": evasive.DeadEnd,
    "claims-to-have-run": evasive.ClaimsToHaveRun,
    "sybil-1": owners.OneSegment,
    "sybil-2": owners.OneSegment,
    "sybil-3": owners.OneSegment,
    "exits": owners.Exits,
    "two-roots": owners.TwoRoots,
    "buys-its-own": LeaseRun,
    "buys-its-lies": hostile.MakesUpAll,
    "closes-lines": owners.ClosesLines,
    "false-update": owners.FalseUpdate,
    "two-tongues": owners.TwoTongues,
}
PARTNERS: Final[dict[str, type[LeaseRun]]] = {
    "colludes": hostile.Colludes,
    "spared": hostile.MakesUpAll,
    "starved-of-pay": LeaseRun,
}
"""Those who have verifiers on their side, and an honest one who has them against it."""
