"""The epoch: all that one provider closed in one period, of whatever jobs, under one root; and the draw from all of it.

Each lease stands with the segments it closed in the epoch: their leaves under a sum root of their own (the range
root), and that under the epoch's. So a drawn point is proven in two steps: the lease in whose range it falls, then
the segment.

The draw, so that anyone can repeat it: entries lie in the order of (lease, first segment), their segments in order,
on one line from 0 to the total; a segment is as long as its units, at least 1. Turn t of k takes the number

    BLAKE3("assay.draw.1" || seed || t as 8 bytes), big-endian, modulo (total - what was drawn before)

and counts it off on the line without the segments drawn before. If there are no more than k segments all are drawn.
The seed is BLAKE3("assay.epoch.seed.1" || beacon || root || provider || epoch as 8 bytes), beacon and provider behind
their lengths in 4 bytes. It is the draw of `sampling`, over the whole epoch.
"""

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import TypeAlias

from blake3 import blake3

from assay.proof import merkle_sum, sampling
from assay.proof.beacon import combine, commit
from assay.proof.commitment import leaf_of
from assay.proof.digest import prefixed
from assay.proof.merkle_sum import SumInclusion, SumRoot
from assay.schema.errors import Reject
from assay.schema.lease import LeaseCommitted
from assay.schema.values import Digest, LeaseId, ProviderId

__all__ = [
    "Drawn",
    "Entry",
    "Range",
    "combine",
    "commit",
    "draw",
    "entry_leaf",
    "epoch_root",
    "first_drawn",
    "order_of",
    "prove_entry",
    "prove_segment",
    "range_of",
    "seed",
    "starts",
    "verify_entry",
    "verify_segment",
]

ENTRY, SEED = b"assay.epoch.entry.1", b"assay.epoch.seed.1"

Drawn: TypeAlias = tuple[LeaseId, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """What one lease closed in the epoch: `segments` of them from `first_segment` on, and their cost together."""

    lease_id: LeaseId
    fence: int
    first_segment: int
    segments: int
    range_root: Digest
    units: int


@dataclass(frozen=True, slots=True)
class Range:
    """An entry with what lies below it: each segment's leaf, and its length on the line."""

    entry: Entry
    leaves: tuple[bytes, ...]
    costs: tuple[int, ...]


def range_of(commits: Sequence[LeaseCommitted], spec_digest: Digest) -> Range:
    """The range of one lease's consecutive commitments. Raises Reject if there are none, or of unlike leases."""
    if not commits:
        raise Reject("An entry of an epoch has at least one segment.")
    if len({(c.lease_id, c.fence) for c in commits}) > 1:
        raise Reject("An entry of an epoch is of one lease under one fence.")
    if any(b.segment != a.segment + 1 for a, b in pairwise(commits)):
        raise Reject("An entry of an epoch has no gaps between its segments.")
    leaves = tuple(leaf_of(each, spec_digest) for each in commits)
    costs = tuple(max(each.units, 1) for each in commits)
    under = merkle_sum.root(list(zip(leaves, costs, strict=True)))
    first = commits[0]
    return Range(Entry(first.lease_id, first.fence, first.segment, len(commits), *under), leaves, costs)


def entry_leaf(entry: Entry) -> bytes:
    """The 32 bytes that stand for an entry."""
    numbers = b"".join(number.to_bytes(8, "big") for number in (entry.fence, entry.first_segment, entry.segments))
    content = prefixed(entry.lease_id.encode()) + numbers + bytes.fromhex(entry.range_root)
    return blake3(ENTRY + content + entry.units.to_bytes(8, "big")).digest()


def order_of(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries in the epoch's order. Raises Reject if one is empty or a segment stands there twice."""
    ordered = sorted(entries, key=attrgetter("lease_id", "first_segment"))
    for entry in ordered:
        if entry.segments < 1 or entry.units < entry.segments:
            raise Reject(f"The entry of {entry.lease_id} has no segments, or less than one unit for each.")
    for one, other in pairwise(ordered):
        if one.lease_id == other.lease_id and one.first_segment + one.segments > other.first_segment:
            raise Reject(f"Segment {other.first_segment} of {one.lease_id} stands in the epoch twice.")
    return tuple(ordered)


def epoch_root(entries: Sequence[Entry]) -> SumRoot:
    """The one root of an epoch, whatever the order the entries come in. Raises Reject as `order_of` does."""
    return merkle_sum.root(leaves_of(entries))


def leaves_of(entries: Sequence[Entry]) -> list[merkle_sum.Leaf]:
    """The leaves of the epoch's tree with their costs, in its order."""
    return [(entry_leaf(entry), entry.units) for entry in order_of(entries)]


def prove_entry(entries: Sequence[Entry], entry: Entry) -> SumInclusion:
    """The inclusion of an entry in its epoch. Raises ValueError if it is not there."""
    return merkle_sum.prove(leaves_of(entries), order_of(entries).index(entry))


def verify_entry(root: SumRoot, entry: Entry, inclusion: SumInclusion) -> bool:
    """Whether the entry stands under the epoch's root, and its range is where the inclusion says."""
    return merkle_sum.verify(root, entry_leaf(entry), entry.units, inclusion)


def prove_segment(range_: Range, segment: int) -> SumInclusion:
    """The inclusion of a segment in its lease's range. Raises IndexError if it is not there."""
    return merkle_sum.prove(list(zip(range_.leaves, range_.costs, strict=True)), segment - range_.entry.first_segment)


def verify_segment(entry: Entry, segment: int, leaf: bytes, cost: int, inclusion: SumInclusion) -> bool:
    """Whether the segment's leaf stands in the entry at its place; its range begins at entry's start + inclusion's."""
    if (inclusion.index, inclusion.size) != (segment - entry.first_segment, entry.segments):
        return False
    return merkle_sum.verify(SumRoot(entry.range_root, entry.units), leaf, cost, inclusion)


def seed(beacon: bytes, root: Digest, provider: ProviderId, epoch: int) -> Digest:
    """The seed of one provider's draw in one epoch."""
    content = prefixed(beacon) + bytes.fromhex(root) + prefixed(provider.encode()) + epoch.to_bytes(8, "big")
    return blake3(SEED + content).hexdigest()


def draw(seed_: Digest, ranges: Sequence[Range], k: int) -> tuple[Drawn, ...]:
    """The `k` distinct segments that are audited, in the epoch's order; all if there are no more. Raises Reject."""
    ordered = in_order(ranges)
    places = [(each.entry.lease_id, each.entry.first_segment + at) for each in ordered for at in range(len(each.costs))]
    costs = [cost for each in ordered for cost in each.costs]
    return tuple(places[place] for place in sampling.draw(seed_, costs, k))


def in_order(ranges: Sequence[Range]) -> list[Range]:
    """The ranges in the epoch's order. Raises Reject as `order_of` does."""
    order = {entry: at for at, entry in enumerate(order_of([each.entry for each in ranges]))}
    return sorted(ranges, key=lambda each: order[each.entry])


def starts(ranges: Sequence[Range]) -> Iterator[tuple[Drawn, int, int]]:
    """Each segment of the epoch with its range on the line: where it begins, and its length."""
    ordered = in_order(ranges)
    begins = accumulate((cost for each in ordered for cost in each.costs), initial=0)
    for each in ordered:
        for at, cost in enumerate(each.costs):
            yield (each.entry.lease_id, each.entry.first_segment + at), next(begins), cost


def first_drawn(seed_: Digest, total: int, proven: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """The longest draw of that seed, turn by turn, that falls into ranges which are proven and apart; all, if all are.

    It takes the root's total and the inclusions of what was drawn alone, not the whole epoch. Draws from one seed
    contain each other, so what was drawn for other reasons does not stop it.
    """
    by_start, taken, left = sorted(proven), list[tuple[int, int]](), total
    if sum(cost for _, cost in by_start) == total:
        return set(by_start)
    for turn in range(len(by_start)):
        point = skip(sampling.number(seed_, turn) % left, taken)
        start, cost = by_start[max(bisect_right(by_start, (point, total)) - 1, 0)]
        if not start <= point < start + cost:
            break
        insort(taken, (start, cost))
        left -= cost
    return set(taken)


def is_apart(ranges: Sequence[tuple[int, int]], total: int) -> bool:
    """Whether ranges in order are on the line, none empty, and no two share a point."""
    ends = [0, *(start + cost for start, cost in ranges)]
    begins = [*(start for start, _ in ranges), total]
    return all(cost > 0 for _, cost in ranges) and all(end <= begin for end, begin in zip(ends, begins, strict=True))


def skip(point: int, taken: Sequence[tuple[int, int]]) -> int:
    """The point of the whole line that is the given point of the line without the taken ranges."""
    for start, cost in taken:
        if point < start:
            break
        point += cost
    return point
