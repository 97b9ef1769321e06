"""What becomes of a dispute: moves are taken or not, silence ends it, the contract's judgement does, or more answers.

Nothing is slashed before a dispute is over. Every move is signed over the one before it, so that the service can only
take it or not, and what it comes to is a pure function of the moves that were taken and of when.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from assay.chain.judge import call_of
from assay.proof.committee import LEAST
from assay.proof.court import Dispute, Party, Signed, advance, default
from assay.proof.court.wire import in_text
from assay.runtime import Unit
from assay.schema.audit import AuditLapsed
from assay.schema.dispute import (
    DisputeAccepted,
    DisputeContested,
    DisputeDecided,
    DisputeFact,
    DisputeJudged,
    DisputeOutcome,
    DisputePleaded,
    DisputePressed,
    DisputeProven,
    DisputeRefused,
    DisputeRuled,
    DisputeWay,
    Forfeit,
)
from assay.schema.epoch import EpochAccused
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.lease import OTHER_CLASS
from assay.schema.values import DISPUTE_BOND
from assay.store import Transaction
from assay.verification.domain import dispute as domain
from assay.verification.domain.dispute import SECOND_MS
from assay.verification.domain.verdicts import fact_of
from assay.verification.queries import bonds, disputes, epochs
from assay.verification.queries.disputes import Held
from assay.verification.queries.epochs import Kept
from assay.verification.queries.questions import Question
from assay.verification.steps import convening

CALL_BYTES_MAX: Final = 40_000
"""A longer call fits no event: the service's own judge, which is the contract's twin, then has the last word."""


Moved = DisputeContested | DisputePleaded | DisputePressed

log = logging.getLogger(__name__)


def after_s(deadline_s: int) -> int:
    """The first millisecond after a deadline in seconds."""
    return (deadline_s + 1) * SECOND_MS


async def take(tx: Transaction, said: Moved | DisputeAccepted, now_ms: int) -> list[Event]:
    """What follows from a party's statement, nothing if it counts for nothing now."""
    held = await disputes.lock(tx, said.dispute_id)
    if held is None or held.state != "lodged" or not _is_of(held, said):
        return []
    if isinstance(said, DisputeAccepted):
        return [await rule(tx, held, DisputeOutcome.WORKER_FAULT, "dispute.accepted", [said.provider])]
    assert held.lodged is not None
    if held.lodged.way is not DisputeWay.COURT and not isinstance(said, DisputeContested):
        return []
    # A move of the provider's contests as well as its word does.
    if not isinstance(said, DisputePressed) and not await bonded(tx, held, said.provider):
        return [DisputeRefused(**names_of(held), party=said.provider, code="dispute.unbonded")]
    if held.lodged.way is DisputeWay.COMMITTEE:
        await disputes.move(tx, held.dispute_id, "convening", domain.heard_until_ms(now_ms))
        return []
    if held.lodged.way is DisputeWay.SECOND_DRAWING:
        return await _redraw(tx, held, now_ms)
    return await _move(tx, held, said, now_ms // SECOND_MS)


def _is_of(held: Held, said: DisputeFact) -> bool:
    assert held.lodged is not None
    return (said.provider, said.verifier) == (held.lodged.provider, held.lodged.verifier)


async def bonded(tx: Transaction, held: Held, provider: str) -> bool:
    """Whether the provider has a bond locked for the disputes of its epoch, now at the latest."""
    if await bonds.locked(tx, held.epoch_id, provider):
        return True
    return await bonds.lock(tx, held.epoch_id, provider, DISPUTE_BOND)


async def _redraw(tx: Transaction, held: Held, now_ms: int) -> list[Event]:
    """Ask two more verifiers, drawn apart, who know of nothing; if they do not answer in time, the others' stand."""
    assert held.lodged is not None
    await disputes.widen(tx, held.question_id, domain.REDRAWN, in_class=held.code == OTHER_CLASS)
    await disputes.move(tx, held.dispute_id, "redrawing", now_ms + held.lodged.move_s * SECOND_MS)
    return []


async def _move(tx: Transaction, held: Held, said: Moved, now_s: int) -> list[Event]:
    """Take a move of the court's, if it may come now."""
    assert held.lodged is not None
    received = await disputes.received(tx, held.dispute_id)
    try:
        signed = domain.move_in(said.move)
        after = advance(domain.replay(held.lodged, held.summoned_s, received), signed, now_s)
    except (Refused, ValueError) as error:
        log.warning("a move is not taken: %s", error, extra={"dispute": held.dispute_id})
        return []
    await disputes.take(tx, held.dispute_id, len(received), signed, now_s, after_s(after.deadline_s))
    if not after.is_over:
        return []
    call = _call(after, [*(each.signed for each in received), signed])
    if call is None or len(call) > CALL_BYTES_MAX:
        return [await _rule_by(tx, held, after)]
    await disputes.move(tx, held.dispute_id, "proven")
    return [DisputeProven(**names_of(held), case=after.terms.id.hex(), call=in_text(call), head=after.last.hex())]


def _call(after: Dispute, moves: Sequence[Signed]) -> bytes | None:
    """The call that has the contract judge how the dispute ended, if it is the contract's to judge."""
    return call_of(after, [each.move for each in moves]) if domain.is_for_the_contract(after, moves[-1]) else None


async def lapse(tx: Transaction, held: Held, now_ms: int, appeal_s: int) -> list[Event]:
    """End a dispute whose deadline is over: silence loses, and without further answers the first ones stand."""
    assert held.lodged is not None
    if held.state == "decided":
        assert held.decided is not None
        return [await rule(tx, held, held.decided.outcome, held.decided.cause, held.decided.at_fault)]
    if held.state in disputes.DRAWN:
        return await _wait_no_more(tx, held, now_ms, appeal_s)
    if held.state in disputes.UNHEARD:
        return [await _unheard(tx, held)]
    if held.state != "lodged":
        return []
    if held.lodged.way is not DisputeWay.COURT:
        return [await rule(tx, held, DisputeOutcome.WORKER_FAULT, "dispute.silence", [held.lodged.provider])]
    received = await disputes.received(tx, held.dispute_id)
    ended = default(domain.replay(held.lodged, held.summoned_s, received), now_ms // SECOND_MS)
    return [await _rule_by(tx, held, ended, len(received))]


async def _wait_no_more(tx: Transaction, held: Held, now_ms: int, appeal_s: int) -> list[Event]:
    """End a drawing whose further answers do not come: without them all what was found before stands.

    Where enough have come to be counted, the referee counts them: none of these may be lost to a tie by the clock. Of a
    committee who has sealed is heard first.
    """
    assert held.lodged is not None
    until_ms = now_ms + held.lodged.move_s * SECOND_MS
    if held.committee and (late := await convening.hear_out(tx, held)) is not None:
        await disputes.move(tx, held.dispute_id, "hearing", until_ms)
        return [*late]
    needless = await disputes.narrow(tx, held.question_id)
    lapsed = [AuditLapsed(audit_id=a, verifier=v, code="audit.needless") for a, v in needless]
    if await _is_counted(tx, held):
        await disputes.ask_no_more(tx, held.question_id)
        await disputes.move(tx, held.dispute_id, "redrawing", until_ms)
        return [*lapsed]
    outcome = held.decided.outcome if held.decided else DisputeOutcome.WORKER_FAULT
    return [await decide(tx, held, outcome, "dispute.standing", appeal_end(now_ms, appeal_s)), *lapsed]


async def _unheard(tx: Transaction, held: Held) -> DisputeRuled:
    """End a dispute that nobody could hear: no block drew its committee, or its evidence could not be read.

    Nobody is to blame for that. An appeal leaves what was decided as it is: else whoever can keep its evidence from
    being read would be free.
    """
    if held.decided:
        return await rule(tx, held, held.decided.outcome, domain.APPEALED["dispute.standing"], held.decided.at_fault)
    return await rule(tx, held, DisputeOutcome.NUMERIC_TIE, "dispute.unheard", ())


async def _is_counted(tx: Transaction, held: Held) -> bool:
    """Whether the further answers that have come are enough."""
    if held.committee:
        return await convening.spoken(tx, held, "revealed") >= LEAST
    return not held.decided and domain.is_recounted(await disputes.answers(tx, held.question_id))


async def judged(tx: Transaction, said: DisputeJudged) -> list[Event]:
    """What follows from the contract's judgement."""
    held = await disputes.lock(tx, said.dispute_id)
    if held is None or held.state != "proven":
        return []
    assert held.lodged is not None
    received = await disputes.received(tx, held.dispute_id)
    after = domain.replay(held.lodged, held.summoned_s, received)
    at_fault = domain.RULINGS[said.ruling]
    if at_fault != after.at_fault:
        log.error("the contract ruled %s, its twin here %s", said.ruling, sorted(after.at_fault))
    wrong = _ids(held, at_fault)
    course = _course(after, len(received)) | {"tx": said.tx, "block": said.block}
    return [await rule(tx, held, domain.outcome_of(at_fault), "dispute.judged", wrong, course)]


async def _rule_by(tx: Transaction, held: Held, ended: Dispute, moves: int | None = None) -> DisputeRuled:
    count = moves if moves is not None else len(await disputes.received(tx, held.dispute_id))
    outcome, wrong = domain.CASES[ended.state], _ids(held, ended.at_fault)
    return await rule(tx, held, outcome, f"dispute.{ended.cause}", wrong, _course(ended, count))


def _course(ended: Dispute, moves: int) -> dict[str, Any]:
    """What the end tells of the moves, if there were any."""
    return {"moves": moves, "rounds": ended.rounds, "head": ended.last.hex() if moves else None}


def _ids(held: Held, at_fault: frozenset[Party]) -> list[str]:
    assert held.lodged is not None
    who = {Party.WORKER: held.lodged.provider, Party.CHALLENGER: held.lodged.verifier}
    return [id_ for party, id_ in who.items() if party in at_fault]


def appeal_end(now_ms: int, appeal_s: int) -> int | None:
    """Until when verifiers' decision can be appealed; None: never."""
    return now_ms + appeal_s * SECOND_MS if appeal_s else None


async def decide(
    tx: Transaction, held: Held, outcome: DisputeOutcome, cause: str, until_ms: int | None
) -> DisputeDecided | DisputeRuled:
    """What verifiers decided: it can be appealed until then by whom it finds wrong, if it was not before."""
    assert held.lodged is not None
    wrong = tuple(domain.wrong_of(outcome, held.lodged))
    if held.decided:
        return await rule(tx, held, outcome, domain.APPEALED[cause], wrong)
    if not wrong or until_ms is None:
        return await rule(tx, held, outcome, cause, wrong)
    decided = DisputeDecided(**names_of(held), outcome=outcome, at_fault=wrong, cause=cause, expires_ms=until_ms)
    await disputes.decide(tx, decided)
    return decided


async def rule(
    tx: Transaction,
    held: Held,
    outcome: DisputeOutcome,
    cause: str,
    at_fault: Sequence[str],
    course: Mapping[str, Any] | None = None,
) -> DisputeRuled:
    """The end of a dispute, kept; the referee goes on from it. `course` tells of its moves, if there were any."""
    await disputes.rule(tx, held.dispute_id, outcome)
    names = names_of(held)
    wrong = () if cause == "dispute.accepted" else at_fault
    lost = await bonds.end(tx, held.epoch_id, (names["provider"], names["verifier"]), wrong)
    forfeits = tuple(Forfeit(party=party, amount=amount) for party, amount in lost.items())
    told: dict[str, Any] = {"at_fault": tuple(at_fault), "forfeits": forfeits, "committee": held.committee}
    log.info("dispute ruled: %s by %s", outcome, cause, extra={"lease": held.lease_id})
    place = {"epoch_id": held.epoch_id, "lease_id": held.lease_id, "segment": held.segment}
    return DisputeRuled(**names, **place, outcome=outcome, cause=cause, **told, **course or {})


def names_of(held: Held) -> dict[str, str]:
    """What every event of a dispute names."""
    assert held.lodged is not None
    return {"dispute_id": held.dispute_id, "provider": held.lodged.provider, "verifier": held.lodged.verifier}


async def accuse(unit: Unit, epoch: Kept, asked: Sequence[Question]) -> str:
    """The state of an epoch whose answers differ: accused, as soon as a segment of it is in dispute."""
    found = {held.question_id: held for held in await disputes.of_epoch(unit.tx, epoch.closed.epoch_id)}
    for question in asked:
        held = found.get(question.question_id)
        if held and question.finding:
            place = {"lease_id": question.lease_id, "segment": question.segment, "code": question.finding.code}
            event = EpochAccused(**fact_of(epoch.closed), **place, dispute_id=held.dispute_id)
            unit.emission.add(event, held.dispute_id)
    if not found:
        return epoch.state
    await epochs.move(unit.tx, epoch.closed.epoch_id, "accused")
    return "accused"
