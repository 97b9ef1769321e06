"""What a provider's record is worth: the share of its leases that stood."""

from typing import Final

PPM: Final = 1_000_000
# A newcomer is worth half, as if it had been seen ten times with even luck; one proven lie weighs as much as twenty
# good leases.
REPUTATION_NEWCOMER: Final = 500_000
PRIOR_LEASES: Final = 10
REJECTED_WEIGHT: Final = 20


def reputation_of(verified: int, rejected: int) -> int:
    """Returns the reputation of a provider with so many verified and rejected leases, in parts per million."""
    good = PRIOR_LEASES * REPUTATION_NEWCOMER + verified * PPM
    return good // (PRIOR_LEASES + verified + REJECTED_WEIGHT * rejected)
