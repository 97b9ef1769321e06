"""What verification remembers: grants, commitments, and the audits that follow from them."""

from collections.abc import Iterable, Sequence

from assay.schema.job import JobStopped, LeaseShare
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.store import Transaction
from assay.verification.domain import Audited, Case, case_of


async def remember_grant(tx: Transaction, granted: LeaseGranted) -> None:
    """Keep the terms of a lease."""
    sql = "insert into leases (lease_id, granted) values ($1, $2) on conflict do nothing"
    await tx.execute(sql, granted.lease_id, granted.model_dump_json())


async def remember_commit(tx: Transaction, commit: LeaseCommitted) -> None:
    """Keep what was committed for a segment; the first statement stands."""
    sql = "insert into commits values ($1, $2, $3) on conflict do nothing"
    await tx.execute(sql, commit.lease_id, commit.segment, commit.model_dump_json())


async def count_commits(tx: Transaction, shares: list[LeaseShare]) -> dict[str, int]:
    """How many of the commitments that each share of a granted lease counts are known."""
    sql = """select s.lease_id, count(c.segment) as n
             from unnest($1::text[], $2::bigint[], $3::bigint[]) as s (lease_id, first, segments)
             join leases using (lease_id)
             left join commits c on c.lease_id = s.lease_id and c.segment >= first and c.segment < first + segments
             group by 1"""
    columns = [[s.lease_id for s in shares], [s.first_segment for s in shares], [s.segments for s in shares]]
    return {row["lease_id"]: row["n"] for row in await tx.fetch(sql, *columns)}


async def remember_stop(tx: Transaction, job: JobStopped, is_executed: bool, cause: str, stopped_ms: int) -> None:
    """Keep that a job has stopped, and why."""
    sql = "insert into jobs values ($1, $2, $3, $4, $5) on conflict do nothing"
    await tx.execute(sql, job.job_id, job.requester, is_executed, cause, stopped_ms)


async def open_audits(tx: Transaction, job_id: str, shares: list[LeaseShare], results: dict[str, str]) -> None:
    """Open an audit for each share of a job."""
    sql = "insert into audits (lease_id, job_id, share, result) values ($1, $2, $3, $4) on conflict do nothing"
    rows = [(s.lease_id, job_id, s.model_dump_json(), results.get(s.lease_id)) for s in shares]
    await tx.executemany(sql, rows)


async def claim_audits(tx: Transaction, now_ms: int, claim_ms: int, limit: int) -> list[tuple[Case, int]]:
    """Cases that nobody else audits until `now_ms + claim_ms`, oldest stop first, each with when its job stopped."""
    sql = """update audits a set claimed_until_ms = $1 + $2
             from jobs j, leases l
             where j.job_id = a.job_id and l.lease_id = a.lease_id and a.lease_id in (
                 select a2.lease_id from audits a2 join jobs j2 using (job_id)
                 where a2.passed is null and a2.claimed_until_ms <= $1
                 order by j2.stopped_ms limit $3 for update of a2 skip locked)
             returning a.lease_id, a.share, a.result, l.granted, j.stopped_ms"""
    rows = await tx.fetch(sql, now_ms, claim_ms, limit)
    commits = await _commits(tx, [row["lease_id"] for row in rows])
    return [
        (
            case_of(
                LeaseGranted.model_validate_json(row["granted"]),
                LeaseShare.model_validate_json(row["share"]),
                commits[row["lease_id"]],
                row["result"],
            ),
            row["stopped_ms"],
        )
        for row in rows
    ]


async def _commits(tx: Transaction, lease_ids: list[str]) -> dict[str, list[LeaseCommitted]]:
    sql = "select lease_id, committed from commits where lease_id = any($1) order by lease_id, segment"
    found: dict[str, list[LeaseCommitted]] = {lease_id: [] for lease_id in lease_ids}
    for row in await tx.fetch(sql, lease_ids):
        found[row["lease_id"]].append(LeaseCommitted.model_validate_json(row["committed"]))
    return found


async def release_audit(tx: Transaction, lease_id: str, again_ms: int) -> None:
    """Let anybody claim the audit from `again_ms` on."""
    await tx.execute("update audits set claimed_until_ms = $2 where lease_id = $1", lease_id, again_ms)


async def finish_audits(tx: Transaction, audited: Sequence[Audited]) -> set[str]:
    """Keep the outcomes; the leases of those where nobody else was first."""
    sql = """update audits a set passed = d.passed, audit_ms = d.audit_ms, job_ms = d.job_ms
             from unnest($1::text[], $2::boolean[], $3::bigint[], $4::bigint[])
             as d (lease_id, passed, audit_ms, job_ms)
             where a.lease_id = d.lease_id and a.passed is null returning a.lease_id"""
    columns = ("lease_id", "passed", "audit_ms", "job_ms")
    in_order = sorted(audited, key=lambda each: each.lease_id)
    rows = await tx.fetch(sql, *([getattr(each, name) for each in in_order] for name in columns))
    return {row["lease_id"] for row in rows}


async def all_done(tx: Transaction, job_ids: Iterable[str]) -> dict[str, tuple[str, list[Audited]]]:
    """Requester and audits of those of these jobs that are executed and whose audits are all done.

    The jobs' rows are locked, so that of two audits that end at once exactly one sees the last.
    """
    lock = "select job_id, requester, is_executed from jobs where job_id = any($1) order by job_id for update"
    jobs = {row["job_id"]: row["requester"] for row in await tx.fetch(lock, sorted(set(job_ids))) if row["is_executed"]}
    sql = "select job_id, lease_id, passed, audit_ms, job_ms from audits where job_id = any($1)"
    audits: dict[str, list[Audited]] = {job_id: [] for job_id in jobs}
    for job_id, *rest in await tx.fetch(sql, list(jobs)):
        audits[job_id].append(Audited(*rest))
    return {
        job_id: (jobs[job_id], found) for job_id, found in audits.items() if all(a.passed is not None for a in found)
    }
