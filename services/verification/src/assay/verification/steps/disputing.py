"""What becomes of a dispute: moves are taken or not, silence ends it, the contract's judgement does, or more answers.

Nothing is slashed before a dispute is over. Every move is signed over the one before it, so that the service can only
take it or not, and what it comes to is a pure function of the moves that were taken and of when.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from assay.chain.judge import call_of
from assay.proof.court import Dispute, Party, Signed, advance, default
from assay.runtime import Unit
from assay.schema.audit import AuditLapsed
from assay.schema.dispute import (
    DisputeAccepted,
    DisputeContested,
    DisputeFact,
    DisputeJudged,
    DisputeOutcome,
    DisputePleaded,
    DisputePressed,
    DisputeProven,
    DisputeRuled,
    DisputeWay,
)
from assay.schema.epoch import EpochAccused
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.lease import TIE
from assay.schema.verdict import Finding
from assay.store import Transaction
from assay.verification.domain import Ruling, Vote
from assay.verification.domain import dispute as domain
from assay.verification.domain.verdicts import fact_of
from assay.verification.queries import disputes, epochs
from assay.verification.queries.disputes import Held
from assay.verification.queries.epochs import Kept
from assay.verification.queries.questions import Question

CALL_BYTES_MAX: Final = 40_000
"""A longer call fits no event: the service's own judge, which is the contract's twin, then has the last word."""
SECOND_MS: Final = 1_000
DEFENDED: Final = "segment.defended"
"""What is found of a segment that its provider has defended."""

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
    if held.lodged.way is DisputeWay.SECOND_DRAWING:
        return await _redraw(tx, held, now_ms)
    return await _move(tx, held, said, now_ms // SECOND_MS)


def _is_of(held: Held, said: DisputeFact) -> bool:
    assert held.lodged is not None
    return (said.provider, said.verifier) == (held.lodged.provider, held.lodged.verifier)


async def _redraw(tx: Transaction, held: Held, now_ms: int) -> list[Event]:
    """Ask two more verifiers, drawn apart, who know of nothing; if they do not answer in time, the others' stand."""
    assert held.lodged is not None
    await disputes.widen(tx, held.question_id, domain.REDRAWN)
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
    return [DisputeProven(**_names(held), case=after.terms.id.hex(), call=domain.pack(call))]


def _call(after: Dispute, moves: Sequence[Signed]) -> bytes | None:
    """The call that has the contract judge how the dispute ended, if it is the contract's to judge."""
    return call_of(after, moves) if domain.is_for_the_contract(after, moves[-1]) else None


async def lapse(tx: Transaction, held: Held, now_ms: int) -> list[Event]:
    """End a dispute whose deadline is over: silence loses, and without further answers the first ones stand."""
    assert held.lodged is not None
    if held.state == "redrawing":
        needless = await disputes.narrow(tx, held.question_id)
        ruled = await rule(tx, held, DisputeOutcome.WORKER_FAULT, "dispute.standing", [held.lodged.provider])
        return [ruled, *(AuditLapsed(audit_id=a, verifier=v, code="audit.needless") for a, v in needless)]
    if held.state != "lodged":
        return []
    if held.lodged.way is DisputeWay.SECOND_DRAWING:
        return [await rule(tx, held, DisputeOutcome.WORKER_FAULT, "dispute.silence", [held.lodged.provider])]
    received = await disputes.received(tx, held.dispute_id)
    ended = default(domain.replay(held.lodged, held.summoned_s, received), now_ms // SECOND_MS)
    return [await _rule_by(tx, held, ended, len(received))]


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
    course = {"moves": len(received), "rounds": after.rounds, "tx": said.tx}
    return [await rule(tx, held, domain.outcome_of(at_fault), "dispute.judged", wrong, course)]


async def _rule_by(tx: Transaction, held: Held, ended: Dispute, moves: int | None = None) -> DisputeRuled:
    count = moves if moves is not None else len(await disputes.received(tx, held.dispute_id))
    outcome, wrong = domain.CASES[ended.state], _ids(held, ended.at_fault)
    return await rule(tx, held, outcome, f"dispute.{ended.cause}", wrong, {"moves": count, "rounds": ended.rounds})


def _ids(held: Held, at_fault: frozenset[Party]) -> list[str]:
    assert held.lodged is not None
    who = {Party.WORKER: held.lodged.provider, Party.CHALLENGER: held.lodged.verifier}
    return [id_ for party, id_ in who.items() if party in at_fault]


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
    log.info("dispute ruled: %s by %s", outcome, cause, extra={"lease": held.lease_id})
    place = {"epoch_id": held.epoch_id, "lease_id": held.lease_id, "segment": held.segment}
    return DisputeRuled(**_names(held), **place, outcome=outcome, cause=cause, at_fault=tuple(at_fault), **course or {})


def _names(held: Held) -> dict[str, str]:
    assert held.lodged is not None
    return {"dispute_id": held.dispute_id, "provider": held.lodged.provider, "verifier": held.lodged.verifier}


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What a question comes to: its ruling, if it is not in dispute; how its dispute ended; what is said of that."""

    ruling: Ruling | None
    outcome: DisputeOutcome | None = None
    is_disputed: bool = False
    said: tuple[Event, ...] = ()


async def hold_back(
    tx: Transaction, question_id: str, votes: Sequence[Vote], verifiers: Mapping[str, str], ruling: Ruling | None
) -> HeldBack:
    """What a question comes to. A segment that its answers find false is disputed first, with one of who decided.

    `verifiers` are those of the answers, by audit.
    """
    held = await disputes.of_question(tx, question_id)
    if held is None and ruling is not None and not ruling.stands:
        accuser = min(vote.audit_id for vote in votes if vote.audit_id not in ruling.overruled)
        await disputes.want(tx, domain.dispute_id_of(question_id), question_id, accuser, verifiers[accuser])
        return HeldBack(None, is_disputed=True)
    if held is None:
        return HeldBack(ruling)
    if held.outcome is not None:
        return HeldBack(domain.ruling_of(held.outcome, ruling, votes), held.outcome)
    if held.state != "redrawing":
        return HeldBack(None, is_disputed=True)
    ruled = await _recount(tx, held, votes)
    return HeldBack(domain.ruling_of(ruled.outcome, ruling, votes), ruled.outcome, said=(ruled,))


async def _recount(tx: Transaction, held: Held, votes: Sequence[Vote]) -> DisputeRuled:
    """The end of a dispute by all answers, now that those of the second drawing are there."""
    assert held.lodged is not None
    wrong = {
        DisputeOutcome.WORKER_FAULT: [held.lodged.provider],
        DisputeOutcome.CHALLENGER_FAULT: [held.lodged.verifier],
    }
    outcome = domain.recount(votes)
    return await rule(tx, held, outcome, "dispute.recounted", wrong.get(outcome, []))


def found_by(outcome: DisputeOutcome | None, finding: Finding) -> Finding:
    """The finding about a segment whose dispute is over, which has the last word."""
    changes: dict[DisputeOutcome, dict[str, Any]] = {
        DisputeOutcome.CHALLENGER_FAULT: {"passed": True, "code": DEFENDED},
        DisputeOutcome.NUMERIC_TIE: {"passed": False, "code": TIE},
    }
    return finding.model_copy(update=changes.get(outcome, {})) if outcome else finding


async def accuse(unit: Unit, epoch: Kept, asked: Sequence[Question]) -> str:
    """The state of an epoch whose answers differ: accused, as soon as a segment of it is in dispute."""
    found = {held.question_id: held for held in await disputes.of_epoch(unit.tx, epoch.committed.epoch_id)}
    for question in asked:
        held = found.get(question.question_id)
        if held and question.finding:
            place = {"lease_id": question.lease_id, "segment": question.segment, "code": question.finding.code}
            event = EpochAccused(**fact_of(epoch.committed), **place, dispute_id=held.dispute_id)
            unit.emission.add(event, held.dispute_id)
    if not found:
        return epoch.state
    await epochs.move(unit.tx, epoch.committed.epoch_id, "accused")
    return "accused"
