"""What a receipt shows of the disputes of a job's segments, once all of it is known; pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from assay.proof.court import Signed
from assay.proof.provenance_disputes import DisputePart, line_up
from assay.schema.dispute import (
    DisputeAccepted,
    DisputeAppealed,
    DisputeContested,
    DisputeFact,
    DisputeLodged,
    DisputeObjected,
    DisputePleaded,
    DisputePressed,
    DisputeRuled,
)
from assay.schema.event import Envelope, Event

Said = Sequence[Envelope[Event]]
APPEALS = (DisputeAppealed, DisputeObjected)
STATED: Mapping[str, tuple[type[Event] | tuple[type[Event], ...], ...]] = {
    "dispute.accepted": (DisputeAccepted,),
    "dispute.recounted": (DisputeContested,),
    "dispute.standing": (DisputeContested,),
    "dispute.unheard": (DisputeContested,),
    "dispute.appealed": (DisputeContested, APPEALS),
    "dispute.upheld": (DisputeContested, APPEALS),
}
"""What the parties must have signed for a dispute to end so, besides moves."""


def dispute_parts(said: Said) -> tuple[DisputePart, ...]:
    """The disputes of which all is known, in the order of their segments."""
    by_id: dict[str, list[Envelope[Any]]] = defaultdict(list)
    for envelope in said:
        if isinstance(envelope.event, DisputeFact):
            by_id[envelope.event.dispute_id].append(envelope)
    parts = filter(None, map(dispute_part, by_id.values()))
    return tuple(sorted(parts, key=lambda part: (part.lease_id, part.segment)))


def dispute_part(said: Sequence[Envelope[Any]]) -> DisputePart | None:
    """The part about one dispute; None while its beginning, its end or one of its moves lacks."""
    events = [envelope.event for envelope in said]
    lodged = next((event for event in events if isinstance(event, DisputeLodged)), None)
    ruled = next((event for event in events if isinstance(event, DisputeRuled)), None)
    if lodged is None or ruled is None:
        return None
    moves = moves_up_to(ruled.head, said)
    # A contest that carries a move is among the moves.
    needed = STATED.get(ruled.cause, ())
    stated = [each for kind in needed for each in [e for e in said if isinstance(e.event, kind)][:1]]
    if len(moves) != ruled.moves or len(stated) < len(needed):
        return None
    return DisputePart.of(lodged, ruled, stated, moves)


def moves_up_to(head: str | None, said: Sequence[Envelope[Any]]) -> list[Signed]:
    """The moves of a dispute up to this digest, in order; nothing while one lacks."""
    events = [envelope.event for envelope in said]
    terms = next((event.terms for event in events if isinstance(event, DisputeLodged)), "")
    kinds = (DisputeContested, DisputePleaded, DisputePressed)
    return line_up(terms, head, [event.move for event in events if isinstance(event, kinds)]) if terms else []
