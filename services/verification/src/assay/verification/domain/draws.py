"""The draw: which segments of an epoch are audited, known to nobody before the beacon, repeated by anyone after. Pure.

As many segments are drawn from the whole epoch as the policy says. A job that asks for more than the default has
so many drawn from its own segments besides, by the same seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.proof import epoch
from assay.proof.epoch import Range
from assay.proof.order import spec_digest
from assay.proof.policy import Classes, Numerics, Reputation, Terms, Work, choose, numerics_of, tiers_of, work_of
from assay.proof.policy.terms import MACHINES
from assay.proof.pool import SegmentPlace
from assay.schema.epoch import DRAWN_MAX, DrawnSegment
from assay.schema.job import JobSpec
from assay.schema.values import AUDIT_SEGMENTS, Digest
from assay.verification.domain.case import Case


@dataclass(frozen=True, slots=True)
class Draw:
    """What is checked, and what that follows from; `extra` was drawn only because orders asked for it."""

    block: int
    beacon: Digest
    seed: Digest
    segments: tuple[DrawnSegment, ...]
    extra: frozenset[epoch.Drawn] = frozenset()


def draw_segments(
    block: int,
    beacon: bytes,
    root: Digest,
    provider: str,
    number: int,
    ranges: Mapping[str, Sequence[Range]],
    asked: Mapping[str, int],
    k: int,
) -> Draw:
    """The draw from an epoch: `ranges` are its parts by job, `asked` what each job's policy asks for."""
    seed = epoch.seed(beacon, root, provider, number)
    whole = [range_ for job in ranges for range_ in ranges[job]]
    drawn, extra = set(epoch.draw(seed, whole, min(k, DRAWN_MAX))), set[epoch.Drawn]()
    for job in sorted(ranges):
        # All that it asked for, not what is over the default: the two draws may meet.
        if asked[job] > AUDIT_SEGMENTS:
            extra |= set(epoch.draw(seed, ranges[job], min(asked[job], DRAWN_MAX)))
    # What is asked for besides never takes the place of the epoch's own draw: a provider could hide behind its orders.
    besides = frozenset(sorted(extra - drawn)[: DRAWN_MAX - len(drawn)])
    drawn |= besides
    segments = tuple(DrawnSegment(lease_id=lease, segment=segment) for lease, segment in sorted(drawn))
    return Draw(block, beacon.hex(), seed, segments, besides)


def places_of(cases: Sequence[Case], drawn: Sequence[DrawnSegment]) -> tuple[SegmentPlace, ...]:
    """The places of drawn segments in their leases, of those with more than one segment."""
    ranges = {
        case.granted.lease_id: epoch.range_of(case.commits, spec_digest(case.granted.spec))
        for case in cases
        if len(case.commits) > 1
    }
    return tuple(SegmentPlace.of(ranges[e.lease_id], e.segment) for e in drawn if e.lease_id in ranges)


def count_of(
    segments: int,
    passed_epochs: int,
    specs: Sequence[JobSpec] = (),
    classes: Classes = MACHINES,
) -> int:
    """How many segments the policy has drawn from a provider's epoch, whose pay is held.

    It is a newcomer until epochs have passed. Of the tiers that the epoch's work is checked by, each as its order asks,
    the one decides that needs most. For an attested machine half of what finds a share is enough; what a newcomer gets
    stays. Neither pay nor stake is asked for: what finds a share is more than deters, whatever is at stake.
    """
    ways = {
        (work_of(spec.kind), numerics_of(spec.params), tiers_of(spec.kind, spec.params, spec.policy)) for spec in specs
    }
    ways = ways or {(Work.OTHER, Numerics.FLOAT32, tiers_of("", {}))}
    plans = [
        choose(
            Terms(segments, pay=0, stake=0, work=work, numerics=numerics),
            Reputation(passed_epochs),
            classes,
            tiers=tiers,
        )
        for work, numerics, tiers in ways
    ]
    return min(max(plan.chosen.k for plan in plans), segments, DRAWN_MAX)
