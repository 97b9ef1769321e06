"""Questions that nobody answers: which are given up, and why their verifiers declined."""

from collections.abc import Sequence

from assay.store import Transaction
from assay.verification.queries.questions import LIVE

OVERDUE = f"""
select q.question_id, (select count(*) from audits a where a.question_id = q.question_id and a.state in {LIVE}) as live
from questions q join epochs e using (epoch_id)
where q.stands is null and q.twin_of is null and greatest(e.ask_ms, e.drawn_ms) <= $1
and q.wanted > (select count(*) from audits a where a.question_id = q.question_id and a.state in {LIVE})
and not exists (select 1 from disputes d where d.question_id = q.question_id)
order by q.question_id limit 256
"""
# A twin that cannot be shown is just over.
UNSHOWN = """
with shut as (select q.question_id, epoch_id from questions q join epochs e using (epoch_id)
              where q.stands is null and q.is_read and q.shown is null and greatest(e.ask_ms, e.drawn_ms) <= $1),
anew as (update epochs set ask_ms = $2 where epoch_id in (select epoch_id from shut))
update questions set wanted = 0, is_last = true, claimed_until_ms = 0, stands = nullif(twin_of is not null, false)
where question_id in (select question_id from shut) returning question_id
"""


async def overdue(tx: Transaction, since_ms: int) -> dict[str, int]:
    """Questions that lack an answer, and could be asked since then; how many answers each has or awaits."""
    return {row["question_id"]: row["live"] for row in await tx.fetch(OVERDUE, since_ms)}


async def give_up_unshown(tx: Transaction, since_ms: int, now_ms: int) -> bool:
    """Give up what could not be shown since then, if anything: the others of its epoch are asked from now on."""
    return bool(await tx.fetch(UNSHOWN, since_ms, now_ms))


async def wait_anew(tx: Transaction, epoch_id: str, now_ms: int) -> None:
    """Count from now on how long the questions of an epoch lack an answer: others are asked."""
    await tx.execute("update epochs set ask_ms = $2 where epoch_id = $1", epoch_id, now_ms)


async def codes(tx: Transaction, question_ids: Sequence[str]) -> list[str]:
    """Why there is no answer to these questions: what each verifier said that declined, or that it was late."""
    sql = """select coalesce(code, 'audit.lapsed') as code from audits
             where question_id = any($1::text[]) and state in ('declined', 'lapsed') order by audit_id"""
    return [row["code"] for row in await tx.fetch(sql, sorted(question_ids))]
