"""The entries of an epoch that are too many for its event: the blob that holds them, and what a receipt shows of them.

The blob is the JSON list of the entries in the epoch's order. Its digest stands in `epoch.pooled`, but it is the root
that binds them: whoever reads the blob makes the root again. A receipt shows the entries of its own job and of what was
drawn, with the nodes that prove them under the root: as many for twice the epoch as one more for each.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from assay.proof import merkle_sum
from assay.proof.epoch import Entry, Range, leaves_of
from assay.proof.merkle_sum import Node, SumInclusion
from assay.proof.merkle_sum_many import SumTree
from assay.schema.epoch import ENTRIES_MAX, EpochEntry, EpochPooled
from assay.schema.errors import Reject
from assay.schema.values import Digest, JobId, LeaseId, SegmentIndex, Units, Value

NODE_BYTES: Final = merkle_sum.SUM_BYTES + 32
NODES: Final = rf"^([0-9a-f]{{{2 * NODE_BYTES}}})*$"
# A receipt shows nothing that is not checked.
CLOSED: Final = ConfigDict(frozen=True, extra="forbid", defer_build=True)
ENTRIES: Final[TypeAdapter[tuple[EpochEntry, ...]]] = TypeAdapter(tuple[EpochEntry, ...])


class SegmentPlace(Value):
    """Where a drawn segment lies in its lease: its leaf, what it costs, and the nodes from it to the lease's root."""

    model_config = CLOSED

    lease_id: LeaseId
    segment: SegmentIndex
    leaf: Digest
    cost: Units = Field(ge=1)
    nodes: str = Field(pattern=NODES)

    @classmethod
    def of(cls, range_: Range, segment: int) -> "SegmentPlace":
        """The place of a segment in its lease's range. Raises IndexError."""
        entry, at = range_.entry, segment - range_.entry.first_segment
        inclusion = merkle_sum.prove(list(zip(range_.leaves, range_.costs, strict=True)), at)
        return cls(
            lease_id=entry.lease_id,
            segment=segment,
            leaf=range_.leaves[at].hex(),
            cost=range_.costs[at],
            nodes=write_nodes(inclusion.path),
        )

    def in_entry(self, entry: Entry) -> SumInclusion:
        """The inclusion of the segment in its lease's entry."""
        return SumInclusion(self.segment - entry.first_segment, entry.segments, read_nodes(self.nodes))


PLACES: Final[TypeAdapter[tuple[SegmentPlace, ...]]] = TypeAdapter(tuple[SegmentPlace, ...])


def write_nodes(nodes: Sequence[Node]) -> str:
    """Nodes as hex digits: of each the cost in 8 bytes, then the hash."""
    return "".join(merkle_sum.word(node.cost).hex() + node.hash.hex() for node in nodes)


def read_nodes(text: str) -> tuple[Node, ...]:
    """The nodes that were written."""
    raw, cut = bytes.fromhex(text), merkle_sum.SUM_BYTES
    each = (raw[at : at + NODE_BYTES] for at in range(0, len(raw), NODE_BYTES))
    return tuple(Node(node[cut:], int.from_bytes(node[:cut], "big")) for node in each)


def plain(entry: EpochEntry) -> Entry:
    """The entry as it stands under the epoch's root."""
    return Entry(entry.lease_id, entry.fence, entry.first_segment, entry.segments, entry.root, entry.units)


def write_entries(entries: Sequence[EpochEntry]) -> bytes:
    """The blob that holds an epoch's entries."""
    return ENTRIES.dump_json(tuple(entries))


def jobs_of(blob: bytes, closed: EpochPooled) -> set[JobId]:
    """The jobs of the entries that the blob holds, for those who trust who said it. Raises Reject if it holds none."""
    return {entry.job_id for entry in _parsed(blob, closed)}


def read_entries(blob: bytes, closed: EpochPooled) -> "Pool":
    """The entries that stand under an epoch's root. Raises Reject if it is not they that the blob holds."""
    pool = Pool(_parsed(blob, closed))
    if (pool.tree.root, pool.tree.size) != ((closed.root, closed.units), closed.size):
        raise Reject(f"The entries of {closed.epoch_id} do not stand under its root.")
    return pool


def _parsed(blob: bytes, closed: EpochPooled) -> tuple[EpochEntry, ...]:
    try:
        return ENTRIES.validate_json(blob)
    except ValidationError:
        raise Reject(f"The entries of {closed.epoch_id} cannot be read.") from None


@dataclass(frozen=True)
class Shown:
    """What is shown of a pool: some entries, each with its place, and the nodes that prove them under the root."""

    entries: tuple[EpochEntry, ...]
    places: tuple[int, ...]
    nodes: tuple[Node, ...]


class PoolPart(Value):
    """How the entries that a receipt shows stand under the root of an epoch of `size`: their places, and the nodes.

    `segments` are the places in their leases of what was drawn; of a lease with one segment nothing need be shown.
    """

    model_config = CLOSED

    size: int = Field(ge=1, le=ENTRIES_MAX)
    places: tuple[int, ...] = Field(min_length=1)
    nodes: str = Field(pattern=NODES)
    segments: tuple[SegmentPlace, ...] = ()

    @classmethod
    def of(cls, size: int, shown: Shown, segments: Iterable[SegmentPlace]) -> "PoolPart":
        """How these are shown, of so many."""
        return cls(size=size, places=shown.places, nodes=write_nodes(shown.nodes), segments=tuple(segments))


@dataclass(frozen=True)
class Pool:
    """All entries of an epoch, in its order, with their tree. Raises Reject where no epoch can be made of them."""

    entries: tuple[EpochEntry, ...]
    tree: SumTree = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tree", SumTree(leaves_of([plain(entry) for entry in self.entries])))

    @cached_property
    def place_of(self) -> Mapping[LeaseId, int]:
        """Where each lease's entry stands."""
        return {entry.lease_id: place for place, entry in enumerate(self.entries)}

    @cached_property
    def leases_of(self) -> Mapping[str, tuple[LeaseId, ...]]:
        """The leases of each job."""
        found: defaultdict[str, list[LeaseId]] = defaultdict(list)
        for entry in self.entries:
            found[entry.job_id].append(entry.lease_id)
        return {job_id: tuple(leases) for job_id, leases in found.items()}

    def show(self, lease_ids: Collection[LeaseId]) -> Shown:
        """The entries of these leases, proven. Raises KeyError if one is not in the epoch."""
        places = tuple(sorted({self.place_of[lease_id] for lease_id in lease_ids}))
        return Shown(tuple(self.entries[place] for place in places), places, self.tree.prove(places))
