"""When a job's money can come to its end, and what the end is; pure.

A job closes once it has stopped and every lease that closed a segment has its verdict. Verified segments are paid, the
rest goes back, so payouts and refund always add up to what was held. Nothing is paid that the receipt cannot show.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from assay.proof.commitment import root_of
from assay.proof.order import spec_digest
from assay.schema.audit import AuditUpheld
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.job import (
    JobCancelled,
    JobExecuted,
    JobExpired,
    JobFailed,
    JobRefunded,
    JobRejected,
    JobSettled,
    JobSubmitted,
    JobVerified,
    LeaseShare,
    Payout,
)
from assay.schema.lease import (
    LeaseCommitted,
    LeaseExecuted,
    LeaseGranted,
    LeaseRejected,
    LeaseVerified,
    SlashReason,
)
from assay.schema.values import AUDIT_FEE_PPM, cost_of
from assay.schema.verdict import VerdictReached
from assay.schema.voucher import VOUCHED_KINDS, VoucherPresented, payable_units

PPM: Final = 1_000_000
DAY_MS: Final = 24 * 3600 * 1000
# As the contract has it: how far off an order's deadline may be when it is charged, and how long ago.
ORDER_LIFE_MS: Final = 30 * DAY_MS
GRACE_MS: Final = 7 * DAY_MS

NOTHING_OWED: Final[Mapping[str, VoucherPresented]] = MappingProxyType({})

Stopped: TypeAlias = JobExecuted | JobFailed | JobExpired | JobCancelled
STOPS: Final[tuple[type[Event], ...]] = (JobExecuted, JobFailed, JobExpired, JobCancelled)

# The event that lets a job close, and the event that it then closes with.
CLOSINGS: Final[Mapping[type[Event], type[JobSettled] | type[JobRefunded]]] = {
    JobVerified: JobSettled,
    JobRejected: JobRefunded,
    JobFailed: JobRefunded,
    JobExpired: JobRefunded,
    JobCancelled: JobRefunded,
}
SLASH_REASONS: Final[Mapping[str, SlashReason]] = {
    "segment.withheld": SlashReason.WITHHELD_DATA,
    "segment.wrong_checkpoint": SlashReason.WITHHELD_DATA,
    "commitment.equivocation": SlashReason.EQUIVOCATION,
}


@dataclass(frozen=True, slots=True)
class Dossier:
    """All that is known of a job, in whatever order it came."""

    submitted: JobSubmitted | None = None
    stopped: Stopped | None = None
    closing: type[JobSettled] | type[JobRefunded] | None = None
    granted: Mapping[str, LeaseGranted] = field(default_factory=dict)
    committed: Mapping[str, Sequence[LeaseCommitted]] = field(default_factory=dict)
    executed: Mapping[str, LeaseExecuted] = field(default_factory=dict)
    verified: Mapping[str, LeaseVerified] = field(default_factory=dict)
    rejected: Mapping[str, LeaseRejected] = field(default_factory=dict)
    verdicts: Mapping[str, VerdictReached] = field(default_factory=dict)
    presented: Mapping[str, Sequence[VoucherPresented]] = field(default_factory=dict)

    @property
    def is_vouched(self) -> bool:
        """Whether its leases are paid by vouchers."""
        return self.submitted is not None and self.submitted.spec.kind in VOUCHED_KINDS

    @property
    def shares(self) -> tuple[LeaseShare, ...]:
        """The leases that closed a segment, or that are owed for without, in the order of their fences."""
        leases = self.stopped.leases if self.stopped else ()
        owed = self.presented if self.is_vouched else {}
        counted = (share for share in leases if share.segments or share.lease_id in owed)
        return tuple(sorted(counted, key=lambda share: share.fence))


@dataclass(frozen=True, slots=True)
class Closure:
    """How a job's money ends: `payouts` by rising fence, the fee of all, the rest of what was held refunded.

    `audits` are those that the order asked for and pays, `left` those that it has no money for: the operator does.
    """

    event: type[JobSettled] | type[JobRefunded]
    payouts: tuple[Payout, ...]
    fee: int
    refunded: int
    audits: tuple[AuditUpheld, ...] = ()
    left: tuple[AuditUpheld, ...] = ()


def gather(events: Iterable[Event]) -> Dossier:
    """The dossier of one job's events, in any order."""
    said: dict[type[Event], list[Any]] = defaultdict(list)
    for event in events:
        said[type(event)].append(event)
    committed: dict[str, list[LeaseCommitted]] = defaultdict(list)
    presented: dict[str, list[VoucherPresented]] = defaultdict(list)
    for of_lease, statements in ((committed, said[LeaseCommitted]), (presented, said[VoucherPresented])):
        for each in statements:
            of_lease[each.lease_id].append(each)
    return Dossier(
        submitted=next(iter(said[JobSubmitted]), None),
        stopped=next((stop for kind, stops in said.items() if kind in STOPS for stop in stops), None),
        closing=next((CLOSINGS[kind] for kind in said if kind in CLOSINGS), None),
        granted={each.lease_id: each for each in said[LeaseGranted]},
        committed=committed,
        executed={each.lease_id: each for each in said[LeaseExecuted]},
        verified={each.lease_id: each for each in said[LeaseVerified]},
        rejected={each.lease_id: each for each in said[LeaseRejected]},
        verdicts={each.verdict_id: each for each in said[VerdictReached]},
        presented=presented,
    )


def lacks(dossier: Dossier) -> list[str]:
    """What is still to come before the job can close; nothing if it can."""
    if dossier.submitted is None:
        return ["the order"]
    if dossier.stopped is None:
        return ["the end of the work"]
    if dossier.closing is None:
        return ["the job's verdict"]
    return [missing for share in dossier.shares for missing in _lease_lacks(dossier, share)]


def _lease_lacks(dossier: Dossier, share: LeaseShare) -> list[str]:
    lease = share.lease_id
    if not share.segments:
        return [] if lease in dossier.granted else [f"the grant of {lease}"]
    found = dossier.verified.get(lease) or dossier.rejected.get(lease)
    wanted = {
        "grant": lease in dossier.granted,
        "commitments": lease not in dossier.verified or bool(commits_of(dossier, share)),
        "outcome": found is not None,
        "verdict": found is None or found.verdict_id in dossier.verdicts,
    }
    return [f"the {name} of {lease}" for name, is_there in wanted.items() if not is_there]


def commits_of(dossier: Dossier, share: LeaseShare) -> tuple[LeaseCommitted, ...]:
    """The commitments that the share counts, in order; none if one is missing.

    Should a provider have signed two for one segment, the chain that stands under the share's root is taken.
    """
    assert dossier.submitted is not None
    known = {commit.commitment: commit for commit in dossier.committed.get(share.lease_id, ())}
    last = share.first_segment + share.segments - 1
    tips = [commit for commit in known.values() if commit.segment == last]
    chains = [chain for tip in tips if len(chain := _back(tip, known, share)) == share.segments]
    if len(chains) < 2:
        return chains[0] if chains else ()
    digest = spec_digest(dossier.submitted.spec)
    return next((chain for chain in chains if root_of(chain, digest) == share.root), chains[0])


def _back(tip: LeaseCommitted, known: Mapping[str, LeaseCommitted], share: LeaseShare) -> tuple[LeaseCommitted, ...]:
    chain = [tip]
    while chain[-1].segment > share.first_segment:
        previous = known.get(chain[-1].previous)
        if previous is None or previous.segment != chain[-1].segment - 1:
            return ()
        chain.append(previous)
    return tuple(reversed(chain))


def close(
    dossier: Dossier,
    held: int,
    ordered: Sequence[AuditUpheld] = (),
    most: int | None = None,
    owed: Mapping[str, VoucherPresented] = NOTHING_OWED,
) -> Closure:
    """How the job ends that lacks nothing: each verified lease is paid what it earned, as far as the money goes.

    `owed` are the vouchers of leases that these pay for. The fee is taken out of what each lease costs. After the
    leases come the audits that were `ordered`, whatever was found. At most `most` of what is held can be charged.
    """
    assert dossier.submitted is not None and dossier.closing is not None
    left = min(held if most is None else most, held, dossier.submitted.price_limit)
    payouts, refunded = [], held
    for share in dossier.shares:
        if share.lease_id in dossier.verified or (not share.segments and share.lease_id in owed):
            cost = min(earned(dossier, share, owed), left)
            payouts.append(_payout(share, cost))
            left, refunded = left - cost, refunded - cost
    audits = covered(ordered, left)
    refunded -= sum(audit.fee for audit in audits)
    fee = sum(payout.fee for payout in payouts)
    return Closure(dossier.closing, tuple(payouts), fee, refunded, audits, tuple(ordered[len(audits) :]))


def chargeable(held: int, shortage: int, deadline_ms: int, posted_by_ms: int) -> int:
    """What of a job's hold an epoch that is posted by then can still charge.

    Not what its requester lacks by then, having taken it out; and nothing so long after the order's deadline.
    """
    return max(0, held - shortage) if posted_by_ms <= deadline_ms + GRACE_MS else 0


def covered(ordered: Sequence[AuditUpheld], left: int) -> tuple[AuditUpheld, ...]:
    """The first of these audits that so much money pays for."""
    sums = accumulate(audit.fee for audit in ordered)
    return tuple(audit for audit, sum_ in zip(ordered, sums, strict=True) if sum_ <= left)


def audit_fee(cost: int) -> int:
    """What of the price of a lease's work goes to the treasury, rounded down."""
    return cost * AUDIT_FEE_PPM // PPM


def earned(dossier: Dossier, share: LeaseShare, owed: Mapping[str, VoucherPresented] = NOTHING_OWED) -> int:
    """The price of the lease's verified units, in stable base units; never of more than it committed.

    Where vouchers pay, that of what is vouched for: what no segment closed stands by its requester's word alone.
    """
    assert dossier.submitted is not None
    if dossier.is_vouched:
        voucher = owed.get(share.lease_id)
        units = payable_units(voucher.units, share.segments, dossier.submitted.spec.segment_units) if voucher else 0
        return cost_of(units, share.mega_unit_price)
    committed = sum(commit.units for commit in commits_of(dossier, share))
    return cost_of(min(dossier.verified[share.lease_id].units, committed), share.mega_unit_price)


def _payout(share: LeaseShare, cost: int) -> Payout:
    fee = audit_fee(cost)
    names = {"lease_id": share.lease_id, "provider": share.provider, "fence": share.fence}
    return Payout(**names, amount=cost - fee, fee=fee)


def check_terms(job: JobSubmitted, now_ms: int) -> None:
    """Nothing, if Payment can charge the order.

    Raises Refused: job.past_deadline, job.distant_deadline, job.unpriced.
    """
    if job.deadline_ms <= now_ms:
        raise Refused("job.past_deadline", "The deadline had passed when the order was to be held for.")
    if job.deadline_ms > now_ms + ORDER_LIFE_MS:
        raise Refused("job.distant_deadline")
    if job.price_limit == 0:
        raise Refused("job.unpriced")


def slash_reason(code: str) -> SlashReason:
    """What stake answers for, by the code of a rejection."""
    return SLASH_REASONS.get(code, SlashReason.INVALID_RESULT)


def portion(whole: int, count: int, turn: int) -> int:
    """What one of `count` has of a whole that they share alike; the parts add up to it."""
    return whole // count + (1 if turn < whole % count else 0)
