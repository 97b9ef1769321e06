"""Disputes: those that are to be lodged, the moves that were taken, what they came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from assay.proof.court import Signed, read_move, write_move
from assay.schema.dispute import Committee, DisputeDecided, DisputeLodged, DisputeOutcome
from assay.store import Transaction
from assay.verification.domain.dispute import Received

DRAWN: Final = ("redrawing", "hearing")
"""Those which further verifiers answer; in the second no other committee member is waited for than who has sealed."""
UNHEARD: Final = ("convening", "appealed")
"""Those which wait for what no party can hasten: for the block that draws a committee, for evidence to be read."""


@dataclass(frozen=True, slots=True)
class Held:
    """A dispute as it is kept."""

    dispute_id: str
    question_id: str
    epoch_id: str
    lease_id: str
    segment: int
    audit_id: str
    verifier: str
    code: str
    state: str
    lodged: DisputeLodged | None
    summoned_s: int
    deadline_ms: int
    outcome: DisputeOutcome | None
    decided: DisputeDecided | None = None
    evidence: str | None = None
    """What the appellant showed, once there was an appeal."""
    committee: Committee | None = None
    """Who measured the operator that it is about."""
    committee_block: int | None = None
    """The block that draws a committee next."""


async def want(tx: Transaction, dispute_id: str, question_id: str, audit_id: str, verifier: str, code: str) -> None:
    """Keep that a question's answers, which differ as `code` says, are to be disputed, once."""
    sql = """insert into disputes (dispute_id, question_id, epoch_id, lease_id, segment, audit_id, verifier, code)
             select $1, question_id, epoch_id, lease_id, segment, $3, $4, $5 from questions where question_id = $2
             on conflict do nothing"""
    await tx.execute(sql, dispute_id, question_id, audit_id, verifier, code)


async def lock(tx: Transaction, dispute_id: str) -> Held | None:
    """The dispute, which nobody else moves until the commit."""
    row = await tx.fetchrow("select * from disputes where dispute_id = $1 for update", dispute_id)
    return held_of(row) if row else None


async def of_question(tx: Transaction, question_id: str) -> Held | None:
    """The dispute about a question, if there is one; it is locked."""
    row = await tx.fetchrow("select * from disputes where question_id = $1 for update", question_id)
    return held_of(row) if row else None


async def of_questions(tx: Transaction, question_ids: Sequence[str]) -> dict[str, Held]:
    """The disputes about these questions, by question: each has deadlines of its own."""
    rows = await tx.fetch("select * from disputes where question_id = any($1::text[])", sorted(question_ids))
    return {row["question_id"]: held_of(row) for row in rows}


async def of_epoch(tx: Transaction, epoch_id: str) -> list[Held]:
    """All disputes about an epoch."""
    sql = "select * from disputes where epoch_id = $1 order by dispute_id"
    return [held_of(row) for row in await tx.fetch(sql, epoch_id)]


async def count(tx: Transaction, epoch_id: str) -> int:
    """How many disputes there were about an epoch."""
    return int(await tx.fetchval("select count(*) from disputes where epoch_id = $1", epoch_id))


async def wanted(tx: Transaction) -> list[Held]:
    """Those that are to be lodged."""
    sql = "select * from disputes where state = 'wanted' order by dispute_id limit 16"
    return [held_of(row) for row in await tx.fetch(sql)]


async def overdue(tx: Transaction, now_ms: int) -> list[str]:
    """Those whose next move, or further answers, did not come in time; those of UNHEARD are tried before they end."""
    sql = """select dispute_id from disputes where state in ('lodged', 'redrawing', 'hearing', 'decided')
             and deadline_ms <= $1 order by dispute_id limit 64"""
    return [row["dispute_id"] for row in await tx.fetch(sql, now_ms)]


async def has_open(tx: Transaction) -> bool:
    """Whether any dispute is under way."""
    return bool(await tx.fetchval("select exists (select 1 from disputes where state <> 'ruled')"))


async def lodge(tx: Transaction, lodged: DisputeLodged, now_s: int) -> None:
    """Keep what a dispute is about, and until when it can be contested."""
    sql = """update disputes set state = 'lodged', lodged = $2, summoned_s = $3, deadline_ms = $4
             where dispute_id = $1 and state = 'wanted'"""
    await tx.execute(sql, lodged.dispute_id, lodged.model_dump_json(), now_s, lodged.expires_ms)


async def received(tx: Transaction, dispute_id: str) -> list[Received]:
    """The moves that were taken, in their order."""
    sql = "select received_s, content from dispute_moves where dispute_id = $1 order by number"
    return [Received(row["received_s"], read_move(row["content"])) for row in await tx.fetch(sql, dispute_id)]


async def take(tx: Transaction, dispute_id: str, number: int, signed: Signed, now_s: int, deadline_ms: int) -> None:
    """Keep a move, and until when the next is awaited."""
    await tx.execute("insert into dispute_moves values ($1, $2, $3, $4)", dispute_id, number, now_s, write_move(signed))
    await tx.execute("update disputes set deadline_ms = $2 where dispute_id = $1", dispute_id, deadline_ms)


async def move(tx: Transaction, dispute_id: str, state: str, deadline_ms: int = 0) -> None:
    """Keep how far a dispute has come."""
    sql = "update disputes set state = $2, deadline_ms = $3 where dispute_id = $1"
    await tx.execute(sql, dispute_id, state, deadline_ms)


async def decide(tx: Transaction, decided: DisputeDecided) -> None:
    """Keep what most verifiers decided, and until when it can be appealed."""
    sql = "update disputes set state = 'decided', decided = $2, deadline_ms = $3 where dispute_id = $1"
    await tx.execute(sql, decided.dispute_id, decided.model_dump_json(), decided.expires_ms)


async def appeal(tx: Transaction, dispute_id: str, evidence: str, until_ms: int) -> None:
    """Keep that what was decided is appealed; the evidence is to be looked at until then."""
    sql = "update disputes set state = 'appealed', evidence = $2, deadline_ms = $3 where dispute_id = $1"
    await tx.execute(sql, dispute_id, evidence, until_ms)


async def appealed(tx: Transaction) -> list[Held]:
    """Those with evidence to be looked at, those that wait longest first."""
    sql = "select * from disputes where state = 'appealed' order by deadline_ms, dispute_id limit 16"
    return [held_of(row) for row in await tx.fetch(sql)]


async def convening(tx: Transaction) -> list[Held]:
    """Those whose committee is to be drawn, those that wait longest first: each is tried before its time is over."""
    sql = "select * from disputes where state = 'convening' order by deadline_ms, dispute_id limit 16"
    return [held_of(row) for row in await tx.fetch(sql)]


async def await_block(tx: Transaction, dispute_id: str, block: int) -> None:
    """Keep the block that is to draw a committee, where none is fixed."""
    sql = "update disputes set committee_block = $2 where dispute_id = $1 and committee_block is null"
    await tx.execute(sql, dispute_id, block)


async def keep(tx: Transaction, dispute_id: str, committee: Committee) -> None:
    """Keep who sat, and what was measured; another sitting has another block."""
    sql = "update disputes set committee = $2, committee_block = null where dispute_id = $1"
    await tx.execute(sql, dispute_id, committee.model_dump_json())


async def close(tx: Transaction, question_id: str) -> list[tuple[str, str]]:
    """Ask nobody further, and wait for none but who has sealed; audit and verifier of the others."""
    sql = """update audits set state = 'lapsed' where question_id = $1 and state = 'assigned'
             returning audit_id, verifier"""
    late = await tx.fetch(sql, question_id)
    sql = """update questions q set is_last = true, claimed_until_ms = 0, wanted = (
                 select count(*) from audits a where a.question_id = q.question_id
                 and a.state in ('sealed', 'called', 'revealed'))
             where question_id = $1"""
    await tx.execute(sql, question_id)
    return sorted((row["audit_id"], row["verifier"]) for row in late)


async def rule(tx: Transaction, dispute_id: str, outcome: DisputeOutcome) -> None:
    """Keep the end of a dispute."""
    await tx.execute("update disputes set state = 'ruled', outcome = $2 where dispute_id = $1", dispute_id, outcome)


async def widen(tx: Transaction, question_id: str, more: int, in_class: bool) -> None:
    """Have a question answered by so many more, of the claim's class first if only its bits can settle it."""
    sql = """update questions set wanted = wanted + $2, in_class = $3, is_last = false, claimed_until_ms = 0
             where question_id = $1"""
    await tx.execute(sql, question_id, more, in_class)


async def narrow(tx: Transaction, question_id: str) -> list[tuple[str, str]]:
    """Have a question judged by the answers that are there; audit and verifier of those that are waited for no more."""
    sql = """update questions q set claimed_until_ms = 0, wanted = least(q.wanted, (
                 select count(*) from audits a where a.question_id = q.question_id and a.state = 'revealed'))
             where question_id = $1"""
    await tx.execute(sql, question_id)
    sql = """update audits set state = 'lapsed' where question_id = $1 and state in ('assigned', 'sealed', 'called')
             returning audit_id, verifier"""
    return sorted((row["audit_id"], row["verifier"]) for row in await tx.fetch(sql, question_id))


async def ask_no_more(tx: Transaction, question_id: str) -> None:
    """Have the answers that are there counted as the last ones."""
    await tx.execute("update questions set is_last = true, claimed_until_ms = 0 where question_id = $1", question_id)


async def answers(tx: Transaction, question_id: str) -> int:
    """How many answers to a question there are."""
    sql = "select count(*) from audits where question_id = $1 and state = 'revealed'"
    return int(await tx.fetchval(sql, question_id))


def held_of(row: Any) -> Held:
    """The dispute in a row."""
    return Held(
        dispute_id=row["dispute_id"],
        question_id=row["question_id"],
        epoch_id=row["epoch_id"],
        lease_id=row["lease_id"],
        segment=row["segment"],
        audit_id=row["audit_id"],
        verifier=row["verifier"],
        code=row["code"],
        state=row["state"],
        lodged=DisputeLodged.model_validate_json(row["lodged"]) if row["lodged"] else None,
        summoned_s=row["summoned_s"] or 0,
        deadline_ms=row["deadline_ms"],
        outcome=DisputeOutcome(row["outcome"]) if row["outcome"] else None,
        decided=DisputeDecided.model_validate_json(row["decided"]) if row["decided"] else None,
        evidence=row["evidence"],
        committee=Committee.model_validate_json(row["committee"]) if row["committee"] else None,
        committee_block=row["committee_block"],
    )
