"""What the policy is told: the work of an epoch, what stands behind it, and how much its proof may cost and show.

Shares are integers in parts per million, money is in base units of one token.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from assay.proof.policy.tiers import Numerics, Opens, Work

SCORE_MIN_PPM: Final = 900_000


class Confidentiality(StrEnum):
    """What a drawn verifier may be shown: everything, inputs and outputs only, or nothing."""

    OPEN = "open"
    INPUTS = "inputs"
    SEALED = "sealed"


SHOWN: Final = {
    Confidentiality.OPEN: Opens.TRACE,
    Confidentiality.INPUTS: Opens.INPUTS,
    Confidentiality.SEALED: Opens.NOTHING,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """One provider's epoch: equal segments, the pay that is held, the stake in the pay's unit.

    `saved_ppm` is the share of its pay that a cheat saves; `commit_ppm` what commitments cost of the compute,
    measured; `state_bytes` and `trace_bytes` what one opened segment ships. A share `falsified_ppm` is to be found
    with the chance `detection_ppm`.
    """

    segments: int
    pay: int
    stake: int
    work: Work = Work.TRAINING
    numerics: Numerics = Numerics.FLOAT32
    saved_ppm: int = 1_000_000
    commit_ppm: int = 170
    state_bytes: int = 0
    trace_bytes: int = 0
    falsified_ppm: int = 50_000
    detection_ppm: int = 990_000


@dataclass(frozen=True, slots=True)
class Reputation:
    """How many epochs in a row were passed since the last fault, and the score that the network shows."""

    passed_epochs: int = 0
    score_ppm: int = 1_000_000

    @property
    def draws_min(self) -> int:
        """The least draws of an epoch, whatever it would cost to deter."""
        passed = self.passed_epochs if self.score_ppm >= SCORE_MIN_PPM else 0
        return next(draws for below, draws in RAMP if passed < below)


RAMP: Final[tuple[tuple[float, int], ...]] = ((2, 270), (8, 180), (float("inf"), 1))
"""Epochs passed, below which so many draws are the least: three and two times those that find 5 % with 99 %."""


@dataclass(frozen=True, slots=True)
class Classes:
    """What is known of machines: owners unlike the provider in its own class, calibration with another, attestation.

    `attested_ppm` is the factor by which a fresh attestation report lowers the draws; below a half it counts as half.
    """

    owners: int = 3
    is_calibrated: bool = True
    attested_ppm: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What the proof may cost of the compute, what a verifier's link carries, how many times over a cheat must lose."""

    share_ppm: int = 10_000
    link_bytes: int = 2**40
    margin: int = 3


NEWCOMER: Final = Reputation()
MACHINES: Final = Classes()
BUDGET: Final = Budget()
