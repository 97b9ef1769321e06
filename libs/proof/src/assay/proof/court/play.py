"""A whole dispute played out between two parties, and what it took: rounds, moves, bytes."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from assay.proof.court.game import Dispute, advance, default, lodge
from assay.proof.court.moves import Claim, Move, Party, Signed, sign_move
from assay.proof.court.terms import Terms
from assay.proof.court.wire import write_move
from assay.proof.keys import Key
from assay.schema.errors import Refused

Speaker = Callable[[Dispute, Move | None], Move | None]
MOVES_MAX: Final = 200
OPENINGS: Final = ("Point", "Answer", "Prove", "Reveal")
"""The moves that carry tensors' content, whose size follows from the operator and not from the length of the lease."""


@dataclass(frozen=True)
class Account:
    """What a dispute took, and how it ended."""

    dispute: Dispute
    moves: int
    move_bytes: int
    """All that was sent but tensors' content."""
    opening_bytes: int
    refused: tuple[str, ...]

    @property
    def rounds(self) -> int:
        """How many times roots were asked for and one was chosen."""
        return self.dispute.rounds


def play(
    terms: Terms, keys: Mapping[Party, Key], speakers: Mapping[Party, Speaker], now: int = 0, retries: int = 1
) -> Account:
    """The account of a dispute between two who speak by these functions.

    A speaker whose move is refused is asked again up to `retries` times; then, or if it says nothing, it is silent
    until the deadline.
    """
    claim = sign_move(keys[Party.CHALLENGER], terms, terms.id, Claim())
    dispute, last = lodge(terms.record, terms, claim, now), claim
    sizes, refused = Counter({"Claim": len(write_move(claim))}), list[str]()
    count = 1
    while not dispute.is_over and count < MOVES_MAX:
        made = _next(dispute, last, keys, speakers, refused, now, retries)
        if made is None:
            dispute = default(dispute, dispute.deadline_s + 1)
            break
        (dispute, signed), last, count = made, made[1], count + 1
        sizes[type(signed.move).__name__] += len(write_move(signed))
    openings = sum(sizes[name] for name in OPENINGS)
    return Account(dispute, count, sizes.total() - openings, openings, tuple(refused))


def _next(
    dispute: Dispute,
    last: Signed,
    keys: Mapping[Party, Key],
    speakers: Mapping[Party, Speaker],
    refused: list[str],
    now: int,
    retries: int,
) -> tuple[Dispute, Signed] | None:
    """The dispute after the next move that is not refused, and the move, if there is one."""
    for _ in range(retries):
        move = speakers[dispute.turn](dispute, last.move)
        if move is None:
            return None
        signed = sign_move(keys[dispute.turn], dispute.terms, dispute.last, move)
        try:
            return advance(dispute, signed, now), signed
        except Refused as error:
            refused.append(error.code)
    return None
