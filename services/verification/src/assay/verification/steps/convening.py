"""The committee of a dispute: a block after the contest, or the appeal, draws it, and who has sealed in time is heard.

Its members are asked the dispute's own question, each about one operator alone (docs/adr/0038-committee.md).
"""

from collections.abc import Sequence
from dataclasses import replace

from assay.proof.beacon import Beacon
from assay.proof.committee import LEAST, SIZE, looks_of
from assay.schema.audit import AuditClaim, AuditLapsed
from assay.schema.dispute import Committee, Measured, Sitting
from assay.schema.values import Digest
from assay.store import Transaction
from assay.verification.desk import Desk
from assay.verification.domain.dispute import SECOND_MS
from assay.verification.queries import disputes, epochs, questions
from assay.verification.queries.disputes import Held
from assay.verification.queries.questions import Audit

SPOKEN = ("sealed", "called", "revealed")
"""Audits of members who have bound themselves to an answer."""


async def seat(desk: Desk, beacon: Beacon, held: Held) -> bool:
    """Fix the block that draws a committee; once its hash is there, have it asked. Whether it is. Raises Retry.

    So nobody who contests, accuses or appeals knows who will look, or with what vectors.
    """
    if held.committee_block is None:
        block = await beacon.next_round()
        async with desk.context.unit() as unit:
            await disputes.await_block(unit.tx, held.dispute_id, block)
        return False
    pulse = await beacon.pulse(held.committee_block)
    async with desk.context.unit() as unit:
        now = await disputes.lock(unit.tx, held.dispute_id)
        if now is None or now.lodged is None or now.state != "convening":
            return False
        sat = Sitting(block=held.committee_block, block_hash=pulse.value.hex())
        before = now.committee or Committee()
        await disputes.keep(unit.tx, held.dispute_id, before.model_copy(update={"sittings": (*before.sittings, sat)}))
        await disputes.widen(unit.tx, held.question_id, SIZE, in_class=False)
        await disputes.move(unit.tx, held.dispute_id, "redrawing", desk.now() + now.lodged.move_s * SECOND_MS)
    desk.bells.tend.set()
    return True


def sitting_of(held: Held | None) -> Sitting | None:
    """The last sitting of a dispute's committee, if it has one."""
    return held.committee.sittings[-1] if held and held.committee else None


def claim_of_member(held: Held, claim: AuditClaim, seed: Digest, verifier: str) -> AuditClaim:
    """What a member is asked of a claim, in an epoch with this seed."""
    sitting = sitting_of(held)
    assert held.lodged is not None and sitting is not None
    look = looks_of(sitting, seed, held.question_id, verifier)
    return claim.model_copy(update={"seed": look, "operator": held.lodged.operator, "first": claim.seed})


def seated(held: Held, seed: Digest, audits: Sequence[Audit]) -> list[Audit]:
    """Those of a question's audits that are of the committee's last sitting."""
    sitting = sitting_of(held)
    return [
        audit
        for audit in audits
        if sitting
        and audit.assigned.claim
        and audit.assigned.claim.seed == looks_of(sitting, seed, held.question_id, audit.verifier)
    ]


async def spoken(tx: Transaction, held: Held, *states: str) -> int:
    """How many members of the last sitting have come so far."""
    kept = (await epochs.by_id(tx, [held.epoch_id]))[held.epoch_id]
    audits = (await questions.audits_of(tx, [held.question_id]))[held.question_id]
    assert kept.seed is not None
    return sum(audit.state in states for audit in seated(held, kept.seed, audits))


async def hear_out(tx: Transaction, held: Held) -> list[AuditLapsed] | None:
    """Have those heard who have sealed, if they are a committee, and nobody else asked: a silent member stops nothing.

    The audits that are waited for no more; None where this was done, or there are too few.
    """
    if held.state == "hearing" or await spoken(tx, held, *SPOKEN) < LEAST:
        return None
    late = await disputes.close(tx, held.question_id)
    return [AuditLapsed(audit_id=audit_id, verifier=verifier, code="audit.needless") for audit_id, verifier in late]


async def note(tx: Transaction, held: Held, members: Sequence[Measured]) -> Held:
    """Keep what all members have measured."""
    assert held.committee is not None
    committee = held.committee.model_copy(update={"members": tuple(members)})
    await disputes.keep(tx, held.dispute_id, committee)
    return replace(held, committee=committee)
