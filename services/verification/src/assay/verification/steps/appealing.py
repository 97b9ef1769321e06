"""Appeal: whom verifiers found wrong has one, with a second bond and the state that it stands by as evidence.

Who accused an operator of a trace stands by its reading of it.

What the contract ruled follows from signed moves alone and is final, and so is what was admitted or lost by silence. An
appeal is decided by more verifiers, drawn apart and as blind as those before; if they do not come, what was decided
stands. Nothing is slashed meanwhile.
"""

import logging

from assay.schema.dispute import DisputeAppealed, DisputeObjected, DisputeRefused, DisputeWay
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.job import JobSpec
from assay.schema.lease import OTHER_CLASS
from assay.schema.values import DISPUTE_BOND
from assay.store import Transaction
from assay.verification.desk import Desk
from assay.verification.domain import dispute as domain
from assay.verification.domain.dispute import SECOND_MS
from assay.verification.methods.method import UNHELD
from assay.verification.queries import bonds, disputes
from assay.verification.queries.disputes import Held
from assay.verification.steps.disputing import names_of
from assay.workloads.errors import BadCheckpoint

log = logging.getLogger(__name__)


async def take_appeal(tx: Transaction, said: DisputeAppealed | DisputeObjected, now_ms: int) -> list[Event]:
    """What follows from an appeal; it is refused by name if it counts for nothing."""
    held = await disputes.lock(tx, said.dispute_id)
    if held is None or held.lodged is None or names_of(held) != names_of_event(said):
        return []
    party = said.provider if isinstance(said, DisputeAppealed) else said.verifier
    code = "" if is_open(held, party, now_ms) else "dispute.unappealable"
    if not code and not await bonds.lock(tx, held.epoch_id, party, DISPUTE_BOND):
        code = "dispute.unbonded"
    if code:
        return [DisputeRefused(**names_of(held), party=party, code=code)]
    await disputes.appeal(tx, held.dispute_id, said.evidence, domain.heard_until_ms(now_ms))
    return []


def names_of_event(said: DisputeAppealed | DisputeObjected) -> dict[str, str]:
    """What the event names."""
    return {"dispute_id": said.dispute_id, "provider": said.provider, "verifier": said.verifier}


def is_open(held: Held, party: str, now_ms: int) -> bool:
    """Whether this party may appeal now: verifiers found it wrong, and nobody has appealed yet."""
    decided = held.decided
    is_due = held.state == "decided" and held.evidence is None and decided is not None
    return is_due and decided is not None and party in decided.at_fault and now_ms <= decided.expires_ms


async def look_at(desk: Desk, held: Held, spec: JobSpec) -> None:
    """Have an appeal decided whose evidence is what it should be; else what was decided stands. Raises Unreachable."""
    assert held.lodged is not None and held.decided is not None and held.evidence is not None
    (party,) = held.decided.at_fault
    if held.lodged.way is DisputeWay.COMMITTEE and party == held.lodged.verifier:
        is_proven = held.evidence == held.lodged.countered and await _is_held(desk, spec, held.evidence)
    else:
        stood_by = held.lodged.claimed if party == held.lodged.provider else held.lodged.countered
        is_proven = await _state_of(desk, spec, held.evidence) == stood_by
    async with desk.context.unit() as unit:
        now = await disputes.lock(unit.tx, held.dispute_id)
        if now is None or now.state != "appealed":
            return
        if is_proven and held.lodged.way is DisputeWay.COMMITTEE:
            await disputes.move(unit.tx, held.dispute_id, "convening", domain.heard_until_ms(desk.now()))
        elif is_proven:
            in_class = held.code == OTHER_CLASS
            await disputes.widen(unit.tx, held.question_id, domain.REDRAWN_AGAIN, in_class)
            await disputes.move(unit.tx, held.dispute_id, "redrawing", desk.now() + held.lodged.move_s * SECOND_MS)
        else:
            await disputes.move(unit.tx, held.dispute_id, "decided", held.decided.expires_ms)
            refused = DisputeRefused(**names_of(held), party=party, code="dispute.unproven")
            unit.emission.add(refused, held.dispute_id)
    log.info("an appeal is %s", "drawn for" if is_proven else "refused", extra={"dispute": held.dispute_id})


async def _is_held(desk: Desk, spec: JobSpec, blob: str) -> bool:
    """Whether a reading is there to be read. Raises Unreachable; Refused: key.*."""
    try:
        await desk.jobs.read(spec, blob)
    except Refused as refusal:
        if refusal.code not in UNHELD:
            raise
        return False
    return True


async def _state_of(desk: Desk, spec: JobSpec, blob: str) -> str | None:
    """The digest of the state in a blob; None if there is none. Raises Unreachable; Refused: key.*."""
    try:
        return await desk.replayer.digest(spec, await desk.jobs.read(spec, blob))
    except BadCheckpoint:
        return None
    except Refused as refusal:
        if refusal.code not in UNHELD:
            raise
        return None
