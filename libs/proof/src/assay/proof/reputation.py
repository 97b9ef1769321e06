"""What a provider's record is worth: the share of its leases that stood."""

from enum import StrEnum
from typing import Final

from assay.schema.job import JobExecuted
from assay.schema.lease import NO_QUORUM, UNCHECKED, UNPROVEN, LeaseRejected
from assay.schema.values import LeaseId, ProviderId

PPM: Final = 1_000_000
# A newcomer is worth half, as if it had been seen ten times with even luck; one proven lie weighs as much as twenty
# good leases.
REPUTATION_NEWCOMER: Final = 500_000
PRIOR_LEASES: Final = 10
REJECTED_WEIGHT: Final = 20


def reputation_of(verified: int, rejected: int, dropped: int = 0) -> int:
    """The reputation of a provider with so many leases verified, proven false and dropped, in parts per million.

    Dropped are those that it did not finish and another provider did (`dropped_of`), and what nobody could prove.
    """
    good = PRIOR_LEASES * REPUTATION_NEWCOMER + verified * PPM
    return good // (PRIOR_LEASES + verified + dropped + REJECTED_WEIGHT * rejected)


class Blame(StrEnum):
    """How a rejected lease counts in a record: as proven false, or as one that came to nothing."""

    REJECTED = "rejected"
    DROPPED = "dropped"


def blame_of(rejected: LeaseRejected) -> Blame | None:
    """How a rejected lease counts; None where nobody is to blame.

    What no verifier could answer counts as dropped: once it may be the order's doing, again and again it is not.
    """
    if rejected.code in (NO_QUORUM, UNCHECKED):
        return None
    return Blame.DROPPED if rejected.code == UNPROVEN else Blame.REJECTED


def dropped_of(executed: JobExecuted) -> dict[LeaseId, ProviderId]:
    """The leases of a job whose providers did not finish it, while another did.

    Of a job that nobody finishes it is not known whose fault that was: a requester could order what no machine can do.
    """
    finished = {share.provider for share in executed.leases[-1:]}
    return {share.lease_id: share.provider for share in executed.leases if share.provider not in finished}
