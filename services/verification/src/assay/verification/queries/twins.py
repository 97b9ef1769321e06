"""Questions beside their twins: whose turn it is, who was asked the other, and when nobody is asked any more."""

from collections.abc import Sequence

from assay.proof.opened import question_id_of
from assay.store import Transaction
from assay.verification.queries.questions import LIVE, Audit, Question, audits_of, question_of


async def short(tx: Transaction, now_ms: int) -> list[Question]:
    """Open questions for which more answers are wanted than verifiers were drawn, second ones after their first.

    Whoever is asked sees when: so nothing of an epoch is asked before all of it can be shown, nor in another order
    than that of its places.
    """
    sql = f"""select q.* from questions q join epochs e using (epoch_id)
              where stands is null and e.ask_ms <= $1
              and not exists (select 1 from questions u where u.epoch_id = q.epoch_id
                              and u.is_read and u.shown is null and u.stands is null)
              and not (is_second and exists (
                  select 1 from questions f where (f.twin_of = q.question_id or f.question_id = q.twin_of)
                  and f.stands is null and not exists (select 1 from audits a where a.question_id = f.question_id)))
              and wanted > (select count(*) from audits a where a.question_id = q.question_id and a.state in {LIVE})
              order by epoch_id, is_second, coalesce(twin_of, question_id) limit 256"""
    return [question_of(row) for row in await tx.fetch(sql, now_ms)]


async def audits_of_twins(tx: Transaction, short: Sequence[Question]) -> dict[str, list[Audit]]:
    """The audits of the other of each question and its twin, if there is one."""
    others = {q.question_id: q.twin_of or twin_id_of(q) for q in short}
    found = await audits_of(tx, sorted(set(others.values())))
    return {question_id: found[other] for question_id, other in others.items()}


def twin_id_of(question: Question) -> str:
    """The id of a question's twin, if it has one."""
    return question_id_of(question.epoch_id, question.lease_id, question.segment, is_planted=True)


async def standing(tx: Transaction, question_ids: Sequence[str]) -> set[str]:
    """Those of these questions whose claim stands by its answers: without a quorum, or any, nothing is known of it."""
    sql = """select question_id from questions where question_id = any($1::text[]) and stands
             and (finding ->> 'passed')::boolean"""
    return {row["question_id"] for row in await tx.fetch(sql, sorted(set(question_ids)))}


async def forget(tx: Transaction, question_id: str) -> None:
    """Have a planted question be over that nobody has answered, and nobody will."""
    sql = "update questions set stands = true, wanted = 0 where question_id = $1 and twin_of is not null"
    await tx.execute(sql, question_id)


async def ask_no_more(tx: Transaction, question_id: str, answers: int) -> None:
    """Have a question judged by so many answers: there is nobody left to ask."""
    sql = "update questions set wanted = $2, is_last = true, claimed_until_ms = 0 where question_id = $1"
    await tx.execute(sql, question_id, answers)
