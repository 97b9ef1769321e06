"""Questions about segments, and the audits by which verifiers answer them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.proof.opened import question_id_of
from assay.schema.audit import AuditAssigned, AuditRevealed, AuditSealed
from assay.schema.job import JobSpec
from assay.schema.values import BOND_PER_VERIFIER
from assay.schema.verdict import Finding
from assay.store import Transaction
from assay.verification.domain import Asking, Candidate
from assay.verification.methods import method_of

LIVE = "('assigned', 'sealed', 'called', 'revealed', 'upheld')"
"""Audits that count as answers to come or come; others are replaced."""
NAMES = (
    *("question_id", "epoch_id", "lease_id", "segment", "twin_of", "is_second", "method", "is_read", "shown"),
    *("wanted", "in_class", "first_group", "stands", "replicas", "is_last", "share", "ordered_by", "root"),
    "spoiled",
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one segment, by which method, and what came of it.

    What is read of a claim (`is_read`) is the blob `shown`; nobody is asked before there is one. So many `replicas` are
    asked at once; `is_last` if nobody is left to ask. The fund pays `share` for an answer at most. `root` is that of a
    trace that is shown, `spoiled` the group of those who find where that was made false. A planted one is the
    `twin_of` another; of such two one `is_second`.
    """

    question_id: str
    epoch_id: str
    lease_id: str
    segment: int
    twin_of: str | None
    is_second: bool
    method: str
    is_read: bool
    shown: str | None
    wanted: int
    in_class: bool
    first_group: int | None
    stands: bool | None
    replicas: int
    is_last: bool
    share: int
    ordered_by: str | None
    finding: Finding | None
    root: str | None = None
    spoiled: int | None = None

    @property
    def is_planted(self) -> bool:
        """Whether its answer will be known."""
        return self.twin_of is not None

    @property
    def place_id(self) -> str:
        """What stands for its segment wherever a verifier may see what follows from it: the same of both twins."""
        return self.twin_of or self.question_id


@dataclass(frozen=True, slots=True)
class Audit:
    """One verifier's part in a question."""

    audit_id: str
    question_id: str
    verifier: str
    network: str
    state: str
    assigned: AuditAssigned
    seal: str | None
    revealed: AuditRevealed | None
    bond: int = BOND_PER_VERIFIER
    ordered_by: str | None = None


async def ask(tx: Transaction, epoch_id: str, asked: Sequence[Asking], now_ms: int = 0, show_ms: int = 0) -> None:
    """Ask about these segments, each once, by the method that its work admits.

    If any is read, nobody is asked before so much time for each such claim is over, whatever has to be made of them.
    """
    sql = """insert into questions (question_id, epoch_id, lease_id, segment, twin_of, is_second, method, is_read,
                                    wanted, replicas, share, ordered_by)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11) on conflict do nothing"""
    how = await methods_of(tx, [each.lease_id for each in asked])
    rows = []
    for each in sorted(asked, key=lambda each: (each.is_planted, each.lease_id, each.segment)):
        place = (epoch_id, each.lease_id, each.segment)
        question_id, own = question_id_of(*place, each.is_planted), question_id_of(*place)
        names = (question_id, *place, own if each.is_planted else None, each.is_second)
        rows.append((*names, *how[each.lease_id], each.replicas, each.share, each.ordered_by))
    await tx.executemany(sql, rows)
    read = sum(how[each.lease_id][1] for each in asked if not each.is_planted)
    await tx.execute("update epochs set ask_ms = $2 where epoch_id = $1", epoch_id, now_ms + show_ms * read)


async def ordered_before(tx: Transaction, job_ids: Sequence[str]) -> dict[str, int]:
    """How many questions each of these jobs' orders pays for already; no other epoch adds to them until the commit."""
    await tx.execute("select from jobs where job_id = any($1::text[]) order by job_id for update", sorted(job_ids))
    sql = "select ordered_by, count(*) as n from questions where ordered_by = any($1::text[]) group by ordered_by"
    return {row["ordered_by"]: row["n"] for row in await tx.fetch(sql, sorted(job_ids))}


async def methods_of(tx: Transaction, lease_ids: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """The method by which the segments of each lease are judged, and whether it is by reading the claim."""
    sql = "select lease_id, granted -> 'spec' as spec from leases where lease_id = any($1::text[])"
    rows = await tx.fetch(sql, sorted(set(lease_ids)))
    methods = {row["lease_id"]: method_of(JobSpec.model_validate_json(row["spec"])) for row in rows}
    return {lease_id: (method.name, method.is_read) for lease_id, method in methods.items()}


async def claim_unshown(tx: Transaction, now_ms: int, claim_ms: int, limit: int) -> list[Question]:
    """Questions about claims that cannot be shown yet, which nobody else prepares until `now_ms + claim_ms`."""
    sql = """update questions set claimed_until_ms = $1 + $2 where question_id in (
                 select question_id from questions
                 where stands is null and is_read and shown is null and claimed_until_ms <= $1
                 order by question_id limit $3 for update skip locked)
             returning *"""
    return [question_of(row) for row in await tx.fetch(sql, now_ms, claim_ms, limit)]


async def has_unshown(tx: Transaction) -> bool:
    """Whether anything has to be made that verifiers are to be shown."""
    sql = "select exists (select 1 from questions where stands is null and is_read and shown is null)"
    return bool(await tx.fetchval(sql))


async def show(
    tx: Transaction, question_id: str, shown: str, root: str | None = None, spoiled: int | None = None
) -> None:
    """Keep what verifiers are shown; they can be asked now."""
    sql = "update questions set shown = $2, root = $3, spoiled = $4, claimed_until_ms = 0 where question_id = $1"
    await tx.execute(sql, question_id, shown, root, spoiled)


async def audits_of(tx: Transaction, question_ids: Sequence[str]) -> dict[str, list[Audit]]:
    """All audits of these questions, in a fixed order."""
    found: dict[str, list[Audit]] = {question_id: [] for question_id in question_ids}
    if not found:
        return found
    sql = "select * from audits where question_id = any($1::text[]) order by audit_id"
    for row in await tx.fetch(sql, sorted(question_ids)):
        found[row["question_id"]].append(audit_of(row))
    return found


async def asked_about(tx: Transaction, lease_ids: Sequence[str]) -> dict[tuple[str, int], set[str]]:
    """Who was asked about each segment of these leases, whatever became of it."""
    sql = """select lease_id, segment, array_agg(verifier) as verifiers from audits join questions using (question_id)
             where lease_id = any($1::text[]) group by lease_id, segment"""
    return {(row["lease_id"], row["segment"]): set(row["verifiers"]) for row in await tx.fetch(sql, sorted(lease_ids))}


async def assign(
    tx: Transaction, question_id: str, chosen: Candidate, assigned: AuditAssigned, ordered_by: str | None
) -> None:
    """Keep whom a question was given to, what stands behind it, and whose order pays it."""
    sql = """insert into audits (audit_id, question_id, verifier, network, assigned, deadline_ms, bond, ordered_by)
             values ($1, $2, $3, $4, $5, $6, $7, $8)"""
    row = (assigned.audit_id, question_id, assigned.verifier, chosen.announced.network, assigned.model_dump_json())
    await tx.execute(sql, *row, assigned.deadline_ms, chosen.bond, ordered_by)


async def seal(tx: Transaction, sealed: AuditSealed) -> None:
    """Keep a seal."""
    sql = "update audits set state = 'sealed', seal = $2 where audit_id = $1 and state = 'assigned'"
    await tx.execute(sql, sealed.audit_id, sealed.seal)


async def reveal(tx: Transaction, revealed: AuditRevealed) -> None:
    """Keep what was revealed."""
    sql = "update audits set state = 'revealed', revealed = $2 where audit_id = $1 and state = 'called'"
    await tx.execute(sql, revealed.audit_id, revealed.model_dump_json())


async def decline(tx: Transaction, audit_id: str, code: str) -> bool:
    """Keep that the verifier cannot, and why; whether that is news."""
    sql = "update audits set state = 'declined', code = $2 where audit_id = $1 and state = 'assigned' returning true"
    return bool(await tx.fetchval(sql, audit_id, code))


async def late(tx: Transaction, now_ms: int) -> list[str]:
    """Audits whose answer or reveal is overdue."""
    sql = """select audit_id from audits where deadline_ms <= $1 and state in ('assigned', 'called')
             order by audit_id limit 256"""
    return [row["audit_id"] for row in await tx.fetch(sql, now_ms)]


async def lapse(tx: Transaction, audit_ids: Sequence[str], now_ms: int) -> list[Audit]:
    """Those of these audits that are overdue still, which count no more."""
    sql = """with late as (select audit_id, state from audits where audit_id = any($1::text[]) and deadline_ms <= $2
                           and state in ('assigned', 'called') order by audit_id for update)
             update audits a set state = 'lapsed' from late where a.audit_id = late.audit_id
             returning a.*, late.state as was"""
    rows = await tx.fetch(sql, sorted(audit_ids), now_ms)
    return [audit_of(row, row["was"]) for row in sorted(rows, key=lambda row: row["audit_id"])]


async def ready(tx: Transaction) -> list[Audit]:
    """Sealed audits of questions for which all who were asked have sealed."""
    sql = f"""select a.* from audits a join questions q using (question_id)
              where a.state = 'sealed' and q.stands is null
              and q.wanted <= (select count(*) from audits b where b.question_id = a.question_id and b.state in {LIVE}
                               and b.state <> 'assigned')
              order by a.audit_id limit 256"""
    return [audit_of(row) for row in await tx.fetch(sql)]


async def call(tx: Transaction, audit_ids: Sequence[str], deadline_ms: int) -> None:
    """Keep that these may reveal."""
    sql = "update audits set state = 'called', deadline_ms = $2 where audit_id = any($1::text[]) and state = 'sealed'"
    await tx.execute(sql, sorted(audit_ids), deadline_ms)


async def claim_answered(tx: Transaction, now_ms: int, claim_ms: int, limit: int) -> list[Question]:
    """Open questions with all wanted answers, none of one that is given up, which nobody else judges until then.

    One whose first answer was weighed waits until all of its epoch are, one in dispute until that is over. One with a
    twin waits until that is answered, for its end would tell while an answer can be kept back; the twin for its ruling.
    """
    sql = """update questions set claimed_until_ms = $1 + $2 where question_id in (
                  select q.question_id from questions q where q.stands is null and q.claimed_until_ms <= $1
                  and (q.is_last and q.wanted = 0 or exists (
                       select 1 from audits a where a.question_id = q.question_id and a.state = 'revealed'))
                  and q.wanted <= (select count(*) from audits a
                                   where a.question_id = q.question_id and a.state in ('revealed', 'upheld'))
                  and (q.first_group is null or q.wanted > 1 or q.is_last)
                  and not exists (select 1 from disputes d where d.question_id = q.question_id
                                  and d.state not in ('redrawing', 'hearing', 'ruled'))
                  and (q.wanted = 0 or not exists (
                       select 1 from questions t where t.twin_of = q.question_id and t.stands is null
                       and t.wanted > (select count(*) from audits a where a.question_id = t.question_id
                                       and a.state in ('revealed', 'upheld'))))
                  and (q.twin_of is null
                       or exists (select 1 from disputes d where d.question_id = q.twin_of)
                       or exists (select 1 from questions o where o.question_id = q.twin_of and o.stands is not null))
                  order by q.question_id limit $3 for update skip locked) returning *"""
    return [question_of(row) for row in await tx.fetch(sql, now_ms, claim_ms, limit)]


async def release(tx: Transaction, question_ids: Sequence[str], again_ms: int = 0) -> None:
    """Let anybody judge the questions from `again_ms` on."""
    sql = "update questions set claimed_until_ms = $2 where question_id = any($1::text[])"
    await tx.execute(sql, sorted(question_ids), again_ms)


async def of_epoch(tx: Transaction, epoch_id: str) -> list[Question]:
    """The questions about an epoch's draw; planted ones are no part of it."""
    sql = "select * from questions where epoch_id = $1 and twin_of is null order by lease_id, segment"
    return [question_of(row) for row in await tx.fetch(sql, epoch_id)]


async def count_ended(tx: Transaction, epoch_id: str) -> int:
    """How many audits of an epoch's own questions have ended with an answer, whatever became of it."""
    sql = """select count(*) from audits join questions using (question_id)
             where epoch_id = $1 and twin_of is null and state in ('upheld', 'overruled')"""
    return int(await tx.fetchval(sql, epoch_id))


async def note(tx: Transaction, question: Question) -> None:
    """Keep what has become of a question."""
    sql = """update questions set wanted = $2, first_group = $3, stands = $4, finding = $5, claimed_until_ms = 0
             where question_id = $1"""
    finding = question.finding.model_dump_json() if question.finding else None
    await tx.execute(sql, question.question_id, question.wanted, question.first_group, question.stands, finding)


async def end(tx: Transaction, states: dict[str, str]) -> None:
    """Keep how audits ended."""
    sql = "update audits a set state = d.state from unnest($1::text[], $2::text[]) as d (id, state) where audit_id = id"
    ids = sorted(states)
    await tx.execute(sql, ids, [states[audit_id] for audit_id in ids])


def question_of(row: Any) -> Question:
    """The question in a row."""
    finding = Finding.model_validate_json(row["finding"]) if row["finding"] else None
    return Question(**{name: row[name] for name in NAMES}, finding=finding)


def audit_of(row: Any, state: str | None = None) -> Audit:
    """The audit in a row."""
    return Audit(
        audit_id=row["audit_id"],
        question_id=row["question_id"],
        verifier=row["verifier"],
        network=row["network"],
        state=state or row["state"],
        assigned=AuditAssigned.model_validate_json(row["assigned"]),
        seal=row["seal"],
        revealed=AuditRevealed.model_validate_json(row["revealed"]) if row["revealed"] else None,
        bond=int(row["bond"]),
        ordered_by=row["ordered_by"],
    )
