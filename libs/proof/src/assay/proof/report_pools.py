"""What a receipt shows of an epoch with more entries than it could hold: each shown one is proven under the root.

A drawn segment's place on the line follows from two inclusions: its lease in the epoch, itself in its lease. Whoever
has the places of all that was drawn repeats the draw turn by turn, without the rest of the epoch.
"""

from collections.abc import Mapping, Sequence

from assay.proof import epoch
from assay.proof.epoch import Drawn, Entry, Range
from assay.proof.merkle_sum import SumRoot
from assay.proof.merkle_sum_many import starts_of
from assay.proof.pool import SegmentPlace, read_nodes
from assay.proof.provenance import EpochPart
from assay.schema.errors import Reject
from assay.schema.values import LeaseId

On = tuple[int, int]
"""A range on the line: where it begins, and its length."""


def entry_starts(part: EpochPart) -> Mapping[LeaseId, int] | None:
    """Where each shown entry's range begins, if they are proven under the root, each once; None if not."""
    assert part.pool is not None
    entries, places = [each.entry for each in part.entries], part.pool.places
    # One after the other, and each lease once, so that no entry can stand in for another.
    if len(entries) != len(places) or list(places) != sorted(set(places)) or not is_ordered(entries):
        return None
    leaves = {place: (epoch.entry_leaf(entry), entry.units) for place, entry in zip(places, entries, strict=True)}
    starts = starts_of(SumRoot(part.root, part.total), part.pool.size, leaves, read_nodes(part.pool.nodes))
    if starts is None:
        return None
    return {entry.lease_id: starts[place] for place, entry in zip(places, entries, strict=True)}


def is_ordered(entries: Sequence[Entry]) -> bool:
    """Whether entries stand in the epoch's order, each lease once. Raises Reject where one is no entry."""
    leases = [entry.lease_id for entry in entries]
    return len(set(leases)) == len(leases) and list(epoch.order_of(entries)) == list(entries)


def pooled_by_places(part: EpochPart, own: Sequence[Range]) -> set[Drawn]:
    """What of the drawn the seed gives from the whole epoch. Raises Reject if a place is not proven."""
    starts, entries = entry_starts(part), {each.lease_id: each.entry for each in part.entries}
    if starts is None or part.pool is None:
        raise Reject("What was drawn cannot be placed: the entries are not proven under the root.")
    mine = {each.entry.lease_id: each for each in own}
    shown = {(place.lease_id, place.segment): place for place in part.pool.segments}
    on_line: dict[On, Drawn] = {}
    for each in part.drawn:
        drawn = (each.lease_id, each.segment)
        if each.lease_id not in entries:
            raise Reject(f"{each.lease_id} was drawn and is not shown.")
        start, cost = place_in(entries[each.lease_id], each.segment, mine.get(each.lease_id), shown.get(drawn))
        on_line[starts[each.lease_id] + start, cost] = drawn
    if not epoch.is_apart(sorted(on_line), part.total):
        raise Reject("What was drawn overlaps.")
    return {on_line[range_] for range_ in epoch.first_drawn(part.seed, part.total, list(on_line))}


def place_in(entry: Entry, segment: int, own: Range | None, shown: SegmentPlace | None) -> On:
    """Where in its lease's range a segment begins, and what it costs. Raises Reject if that is not proven."""
    at = segment - entry.first_segment
    if not 0 <= at < entry.segments:
        raise Reject(f"Segment {segment} of {entry.lease_id} is not in the epoch.")
    if own is not None and own.entry == entry:
        return sum(own.costs[:at]), own.costs[at]
    if entry.segments == 1:
        return 0, entry.units
    if shown is None:
        raise Reject(f"Segment {segment} of {entry.lease_id} was drawn and its place is not shown.")
    inclusion = shown.in_entry(entry)
    if not epoch.verify_segment(entry, segment, bytes.fromhex(shown.leaf), shown.cost, inclusion):
        raise Reject(f"Segment {segment} of {entry.lease_id} is not where it is said to be.")
    return inclusion.start, shown.cost
