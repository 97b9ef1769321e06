"""The part of a receipt about a dispute of one of its segments: who contested, every move, and who ruled what.

The moves are the court's own, each signed by its party over the one before it, so `head`, the digest of the last,
stands for all of them. Where they are many bytes they are left out, and `head` alone is here.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

from pydantic import Field

from assay.proof.court import Dispute, Signed, Terms, advance, read, read_move, summon
from assay.proof.court.moves import AFTER_BYTES
from assay.proof.court.wire import pack, unpack
from assay.proof.provenance import AnchorPart, Growing, Part, is_none
from assay.proof.provenance_said import SaidPart
from assay.schema.dispute import Committee, Content, DisputeLodged, DisputeOutcome, DisputeRuled, DisputeWay, Forfeit
from assay.schema.errors import Refused, Reject
from assay.schema.event import Envelope
from assay.schema.values import (
    Code,
    Digest,
    DisputeId,
    EpochId,
    LeaseId,
    Money,
    OperatorPlace,
    ProviderId,
    SegmentIndex,
    VerifierId,
)

MOVES_CHARS_MAX: Final = 131_072
"""Longer moves, as base64, are left out of a receipt: what opened tensors weigh follows from the operator."""


class OperatorPart(Part):
    """The operator that the search ended at: its step, its number in the program, its name."""

    step: Annotated[int, Field(ge=0)]
    number: Annotated[int, Field(ge=0)]
    name: Annotated[str, Field(max_length=32)]


class DisputePart(Growing):
    """One dispute of a segment of this job; `said` is what its parties signed besides moves, `judged` the ruling
    transaction, `forfeits` the bonds that are lost. `place` is the operator that a committee measured.
    """

    dispute_id: DisputeId
    epoch_id: EpochId
    lease_id: LeaseId
    segment: SegmentIndex
    provider: ProviderId
    verifier: VerifierId
    way: DisputeWay
    claimed: Digest
    countered: Digest
    bond: Money
    outcome: DisputeOutcome
    at_fault: tuple[ProviderId | VerifierId, ...]
    cause: Code
    terms: Content = ""
    said: tuple[SaidPart, ...] = ()
    moves: tuple[Content, ...] = ()
    moves_count: Annotated[int, Field(ge=0)] = 0
    rounds: Annotated[int, Field(ge=0)] = 0
    head: Digest | None = None
    operator: OperatorPart | None = None
    judged: AnchorPart | None = None
    forfeits: tuple[Forfeit, ...] = ()
    place: OperatorPlace | None = Field(default=None, exclude_if=is_none)
    committee: Committee | None = Field(default=None, exclude_if=is_none)

    @property
    def name(self) -> str:
        """How checks call it."""
        return f"dispute {self.dispute_id}"

    @classmethod
    def of(
        cls, lodged: DisputeLodged, ruled: DisputeRuled, said: Sequence[Envelope[Any]], moves: Sequence[Signed]
    ) -> "DisputePart":
        """The dispute that these events tell of; `said` are the provider's statements, `moves` those that were taken.

        Raises Reject if an end is told without its moves.
        """
        if len(moves) != ruled.moves:
            raise Reject(f"{len(moves)} of {ruled.moves} moves of {ruled.dispute_id} are here.")
        packed = tuple(pack(move) for move in moves)
        is_held = sum(map(len, packed)) <= MOVES_CHARS_MAX
        anchor = AnchorPart(tx=ruled.tx, block=ruled.block) if ruled.tx and ruled.block is not None else None
        names = ("dispute_id", "epoch_id", "lease_id", "segment", "provider", "verifier")
        fields = lodged.model_dump(include={*names, "way", "claimed", "countered", "bond", "terms"})
        return cls(
            **fields,
            **ruled.model_dump(include={"outcome", "at_fault", "cause", "rounds", "head", "forfeits"}),
            said=tuple(map(SaidPart.of, said)),
            moves=packed if is_held else (),
            moves_count=ruled.moves,
            operator=operator_of(replay(lodged.terms, moves)) if moves else None,
            judged=anchor,
            place=lodged.operator,
            committee=ruled.committee,
        )


def replay(terms: str, moves: Iterable[Signed]) -> Dispute:
    """The dispute after these moves, each in time: deadlines are the clerk's. Raises Refused, ValueError."""
    known = read(Terms, unpack(terms))
    dispute = summon(known.record, known, 0)
    for move in moves:
        dispute = advance(dispute, move, dispute.deadline_s)
    return dispute


def moves_in(packed: Iterable[str]) -> list[Signed]:
    """The moves as they were signed. Raises Refused, ValueError."""
    return [read_move(unpack(each)) for each in packed]


def operator_of(dispute: Dispute) -> OperatorPart | None:
    """The operator that a dispute's search has come to; the closing of a step is one as well."""
    leaf = dispute.leaf
    if leaf is None:
        return None
    name = leaf.operator.operation.op.name if leaf.operator else "CLOSING"
    return OperatorPart(step=leaf.agreed.step, number=leaf.agreed.number, name=name)


def line_up(terms: str, head: str | None, said: Iterable[str]) -> list[Signed]:
    """Of what was said those moves that lead from the terms to `head`, in order; nothing while one lacks.

    A party may have said more than was taken: whatever does not stand in the chain did not count.
    """
    if head is None:
        return []
    known = read(Terms, unpack(terms))
    after: dict[bytes, list[Signed]] = {}
    for move in _readable(said):
        after.setdefault(move.after, []).append(move)
    chains: dict[bytes, tuple[Signed, ...]] = {known.id: ()}
    ends = [known.id]
    while ends and bytes.fromhex(head) not in chains:
        end = ends.pop()
        for move in after.get(end[:AFTER_BYTES], ()):
            ends.append(move.digest(known, end))
            chains[ends[-1]] = (*chains[end], move)
    return list(chains.get(bytes.fromhex(head), ()))


def _readable(said: Iterable[str]) -> Iterable[Signed]:
    for content in said:
        try:
            yield read_move(unpack(content))
        except (Refused, ValueError):
            continue
