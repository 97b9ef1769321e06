"""Disputes: on which terms one is lodged, how far the court's game has come by the moves that are kept. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from assay.proof import recount as proof
from assay.proof.committee import BETWEEN
from assay.proof.court import Dispute, Party, Record, Signed, State, Terms, advance, read, read_move, summon
from assay.proof.court.encoding import encode
from assay.proof.court.moves import Prove
from assay.proof.court.wire import in_text, unpack
from assay.proof.eip712 import Domain
from assay.schema.dispute import DisputeLodged, DisputeOutcome, DisputeRuling
from assay.schema.lease import SlashReason
from assay.schema.values import address_of, derive_id
from assay.verification.domain.judging import CLAIM, CONFIRMING, Ruling, Vote

SECOND_MS: Final = 1_000
NOBODY: Final = "0x" + "0" * 40
"""Who signs receipts of moves here: they are on the bus, under their senders' signatures, for everybody to read."""
ANSWERS_S: Final = 12 * 86_400
"""How long stake that stood behind an offence is still there to be accused: it leaves after 21 days, and
a slash that is appealed takes up to 9."""
HEARD_S: Final = 86_400
"""So long a dispute waits at most for what no party can hasten: the block that draws its committee, evidence that is to
be read. Above any outage of a chain, or of the blobs."""
MOVES_MAX: Final = 64
"""More moves than any dispute has: 21 for 10,000 steps of 500 operators, three more for sixteen times as many."""
REDRAWN: Final = 2
"""So many more verifiers look at a contested segment that has no program."""
ANSWERS_MAX: Final = 9
"""So many answer at most where those of the second drawing do not decide, one after the other."""
REDRAWN_AGAIN: Final = 4
"""So many more look at it on appeal."""
APPEALED: Final = {"dispute.recounted": "dispute.appealed", "dispute.standing": "dispute.upheld"}
"""How it is called on appeal: all answers are counted again, or, where nobody came, what was decided stands."""
CASES: Final = {
    State.SLASHED: DisputeOutcome.WORKER_FAULT,
    State.WORKER_FAULT: DisputeOutcome.WORKER_FAULT,
    State.CHALLENGER_FAULT: DisputeOutcome.CHALLENGER_FAULT,
}
RULINGS: Final = {
    DisputeRuling.WORKER_FAULT: frozenset({Party.WORKER}),
    DisputeRuling.CHALLENGER_FAULT: frozenset({Party.CHALLENGER}),
    DisputeRuling.BOTH_FAULT: frozenset({Party.WORKER, Party.CHALLENGER}),
}


@dataclass(frozen=True, slots=True)
class Received:
    """A move that was taken, and when, in seconds."""

    received_s: int
    signed: Signed


def lasts_s_max(contest_s: int, move_s: int, appeal_s: int) -> int:
    """The longest that a dispute takes, in seconds, from its lodging on.

    In the court every move is made at its last moment. By verifiers, a committee is drawn late and heard late, what
    stands is appealed at the last moment, its evidence read late, and the same again. What the court decides is not
    appealed.
    """
    sitting_s = HEARD_S + 2 * move_s
    appealed_s = appeal_s + HEARD_S + sitting_s if appeal_s else 0
    return contest_s + max(MOVES_MAX * move_s, sitting_s + appealed_s)


def heard_until_ms(now_ms: int) -> int:
    """Until when a dispute waits that waits from now on for what no party can hasten."""
    return now_ms + HEARD_S * SECOND_MS


def dispute_id_of(question_id: str) -> str:
    """The id of the dispute about a question."""
    return derive_id("c", question_id)


def terms_of(
    record: Record, dispute_id: str, verifier: str, countered: bytes, bond: int, windows: tuple[int, int], at: Domain
) -> Terms:
    """The terms on which a verifier's answer is held against a record; `windows` are to contest and to move."""
    contest_s, move_s = windows
    challenger = address_of(verifier)
    return Terms(record, challenger, countered, bond, move_s, contest_s, 0, NOBODY, at, dispute_id)


def terms_in(lodged: DisputeLodged) -> Terms:
    """The court's terms that an event carries."""
    return read(Terms, unpack(lodged.terms))


def replay(lodged: DisputeLodged, summoned_s: int, received: Sequence[Received]) -> Dispute:
    """The dispute after the moves that were taken."""
    terms = terms_in(lodged)
    dispute = summon(terms.record, terms, summoned_s)
    for each in received:
        dispute = advance(dispute, each.signed, each.received_s)
    return dispute


def is_for_the_contract(dispute: Dispute, last: Signed) -> bool:
    """Whether the dispute has ended in an element of an operator, which the contract is asked about."""
    return isinstance(last.move, Prove) and dispute.leaf is not None and dispute.leaf.operator is not None


def outcome_of(at_fault: frozenset[Party]) -> DisputeOutcome:
    """What it comes to that these are wrong; a worker who is wrong is so whoever else is."""
    if Party.WORKER in at_fault:
        return DisputeOutcome.WORKER_FAULT
    return DisputeOutcome.CHALLENGER_FAULT if at_fault else DisputeOutcome.NUMERIC_TIE


def wrong_of(outcome: DisputeOutcome, lodged: DisputeLodged) -> list[str]:
    """Which party an outcome that verifiers decide finds wrong; a tie finds nobody."""
    wrong = {DisputeOutcome.WORKER_FAULT: lodged.provider, DisputeOutcome.CHALLENGER_FAULT: lodged.verifier}
    return [wrong[outcome]] if outcome in wrong else []


def recount(votes: Sequence[Vote]) -> DisputeOutcome:
    """What all answers to a contested question come to, as a receipt's check counts them again."""
    return proof.recount([vote.group for vote in votes])


def is_recounted(answers: int) -> bool:
    """Whether so many answers are those of a second drawing, too."""
    return answers >= 1 + CONFIRMING + REDRAWN


def ruling_of(outcome: DisputeOutcome, standing: Ruling | None, votes: Sequence[Vote]) -> Ruling:
    """How a question ends whose dispute is over.

    Where the claim is true, everybody who held against it is overruled. Nobody is at a tie.
    """
    if outcome is DisputeOutcome.NUMERIC_TIE:
        return Ruling(True, {})
    if outcome is DisputeOutcome.CHALLENGER_FAULT:
        return Ruling(True, {v.audit_id: SlashReason.FALSE_ACCUSATION for v in votes if v.group != CLAIM})
    overruled = standing.overruled if standing and not standing.stands else lazy(votes)
    return Ruling(False, overruled)


def ruling_by_committee(outcome: DisputeOutcome, votes: Sequence[Vote], accused: int) -> Ruling:
    """How a question ends whose committee has measured the operator that answers of the group `accused` call false.

    Where that operator is true, whoever called it false is overruled, and nobody who named another place. Who measured
    what proves nothing is overruled by nothing, and earns nothing where the others prove something.
    """
    if outcome is DisputeOutcome.NUMERIC_TIE:
        return Ruling(True, {})
    unpaid = frozenset(vote.audit_id for vote in votes if vote.group == BETWEEN)
    if outcome is DisputeOutcome.WORKER_FAULT:
        return Ruling(False, lazy(votes), unpaid=unpaid)
    wrong = {vote.audit_id: SlashReason.FALSE_ACCUSATION for vote in votes if vote.group == accused}
    return Ruling(True, wrong, unpaid=unpaid)


def lazy(votes: Sequence[Vote]) -> dict[str, SlashReason]:
    """Who upheld a false claim."""
    return {vote.audit_id: SlashReason.LAZY_VERIFIER for vote in votes if vote.group == CLAIM}


def packed_terms(terms: Terms) -> str:
    """Terms as an event carries them."""
    return in_text(encode(terms))


def move_in(content: str) -> Signed:
    """The move that an event carries. Raises Refused, ValueError."""
    return read_move(unpack(content))
