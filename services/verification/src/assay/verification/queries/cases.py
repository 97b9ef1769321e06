"""Grants, commitments, and the cases that stopped jobs make of them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from assay.proof.epoch import Entry
from assay.schema.event import Envelope
from assay.schema.job import JobStopped, LeaseShare
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.schema.verdict import Finding
from assay.store import Transaction
from assay.verification.domain import Audited, Case, Part, case_of

CASES = """
select p.lease_id, p.share, p.result, p.job_id, p.findings, l.granted, q.segment as doubled
from parts p join leases l using (lease_id) left join equivocations q using (lease_id)
"""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A job that has stopped, the leases that did some of it, and the result that each is bound to, if it is."""

    job: JobStopped
    shares: Sequence[LeaseShare]
    is_executed: bool
    results: Mapping[str, str]

    def parts(self) -> Iterator[tuple[str, str, str, str, str | None]]:
        """The row of each lease."""
        for each in self.shares:
            result = self.results.get(each.lease_id)
            yield each.lease_id, self.job.job_id, each.provider, each.model_dump_json(), result


@dataclass(frozen=True, slots=True)
class Ready:
    """A part that has passed the free checks, with what decides how long its epoch stays open for it."""

    part: Part
    findings: Sequence[Finding]
    needed: int = 1
    presses_ms: int = 0


def shares_of(job: JobStopped) -> list[LeaseShare]:
    """The leases of a job that did some of it."""
    return [share for share in job.leases if share.segments]


async def remember_grants(tx: Transaction, granted: Sequence[LeaseGranted]) -> None:
    """Keep the terms of leases."""
    sql = "insert into leases select * from unnest($1::text[], $2::jsonb[]) on conflict do nothing"
    in_order = sorted(granted, key=lambda each: each.lease_id)
    await tx.execute(sql, [each.lease_id for each in in_order], [each.model_dump_json() for each in in_order])


async def remember_commits(tx: Transaction, said: Sequence[Envelope[LeaseCommitted]]) -> None:
    """Keep what was committed for each segment, with its signature; two that differ are both kept as evidence."""
    insert = """insert into commits select * from unnest($1::text[], $2::int[], $3::jsonb[], $4::jsonb[])
                on conflict do nothing returning lease_id, segment"""
    first: dict[tuple[str, int], Envelope[LeaseCommitted]] = {}
    later: list[Envelope[LeaseCommitted]] = []
    for each in said:
        place = (each.event.lease_id, each.event.segment)
        if place in first:
            later.append(each)
        else:
            first[place] = each
    places = sorted(first)
    rows = [first[place] for place in places]
    new = await tx.fetch(
        insert,
        [lease_id for lease_id, _ in places],
        [segment for _, segment in places],
        [row.event.model_dump_json() for row in rows],
        [evidence_of(row) for row in rows],
    )
    known = first.keys() - {(row["lease_id"], row["segment"]) for row in new}
    if again := [*later, *(first[place] for place in sorted(known))]:
        await _compare(tx, again)


async def _compare(tx: Transaction, again: Sequence[Envelope[LeaseCommitted]]) -> None:
    """Keep what differs from what was committed first."""
    sql = """insert into equivocations
             select c.lease_id, c.segment, c.said, $4::jsonb from commits c
             where c.lease_id = $1 and c.segment = $2 and c.committed ->> 'commitment' <> $3
             on conflict do nothing"""
    await tx.executemany(sql, [(s.event.lease_id, s.event.segment, s.event.commitment, evidence_of(s)) for s in again])


def evidence_of(said: Envelope[LeaseCommitted]) -> str:
    """A signed statement, whole enough to be checked by anyone."""
    return json.dumps({"headers": said.headers(), "data": said.data.decode()})


async def count_commits(tx: Transaction, shares: Sequence[LeaseShare]) -> dict[str, int]:
    """How many of the commitments that each share of a granted lease counts are known."""
    sql = """select s.lease_id, count(c.segment) as n
             from unnest($1::text[], $2::bigint[], $3::bigint[]) as s (lease_id, first, segments)
             join leases using (lease_id)
             left join commits c on c.lease_id = s.lease_id and c.segment >= first and c.segment < first + segments
             group by 1"""
    columns = [[s.lease_id for s in shares], [s.first_segment for s in shares], [s.segments for s in shares]]
    return {row["lease_id"]: row["n"] for row in await tx.fetch(sql, *columns)}


async def remember_stops(tx: Transaction, stops: Sequence[Stopped]) -> None:
    """Keep that jobs have stopped, and a part for each lease that did some of one."""
    sql = "insert into jobs select * from unnest($1::text[], $2::text[], $3::boolean[]) on conflict do nothing"
    jobs = sorted((stop.job.job_id, stop.job.requester, stop.is_executed) for stop in stops)
    await tx.execute(sql, *map(list, zip(*jobs, strict=True)))
    sql = """insert into parts (lease_id, job_id, provider, share, result)
             select * from unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::text[]) on conflict do nothing"""
    rows = sorted(row for stop in stops for row in stop.parts())
    if rows:
        await tx.execute(sql, *map(list, zip(*rows, strict=True)))


async def claim_unchecked(tx: Transaction, now_ms: int, claim_ms: int, limit: int) -> list[Case]:
    """Cases that nobody else checks until `now_ms + claim_ms`."""
    sql = """update parts set claimed_until_ms = $1 + $2 where lease_id in (
                 select lease_id from parts
                 where checked_ms is null and passed is null and claimed_until_ms <= $1
                 order by claimed_until_ms limit $3 for update skip locked)
             returning lease_id"""
    claimed = [row["lease_id"] for row in await tx.fetch(sql, now_ms, claim_ms, limit)]
    return [case for case, _ in await cases(tx, claimed)]


async def cases(tx: Transaction, lease_ids: Sequence[str]) -> list[tuple[Case, list[Finding]]]:
    """The cases of leases, in their order, each with what the free checks found."""
    if not lease_ids:
        return []
    rows = await tx.fetch(f"{CASES} where p.lease_id = any($1) order by p.lease_id", list(lease_ids))
    commits = await _commits(tx, [row["lease_id"] for row in rows])
    return [
        (
            case_of(
                LeaseGranted.model_validate_json(row["granted"]),
                LeaseShare.model_validate_json(row["share"]),
                commits[row["lease_id"]],
                row["result"],
                row["doubled"],
            ),
            [Finding.model_validate(finding) for finding in json.loads(row["findings"])],
        )
        for row in rows
    ]


async def _commits(tx: Transaction, lease_ids: list[str]) -> dict[str, list[LeaseCommitted]]:
    sql = "select lease_id, committed from commits where lease_id = any($1) order by lease_id, segment"
    found: dict[str, list[LeaseCommitted]] = {lease_id: [] for lease_id in lease_ids}
    for row in await tx.fetch(sql, lease_ids):
        found[row["lease_id"]].append(LeaseCommitted.model_validate_json(row["committed"]))
    return found


async def release_part(tx: Transaction, lease_id: str, again_ms: int) -> None:
    """Let anybody claim the part from `again_ms` on."""
    await tx.execute("update parts set claimed_until_ms = $2 where lease_id = $1", lease_id, again_ms)


async def pass_free_checks(tx: Transaction, ready: Sequence[Ready], now_ms: int) -> None:
    """Keep that parts wait for their epoch, with what was found."""
    sql = """update parts p set checked_ms = $6, entry = d.entry, findings = d.findings, needed = d.needed,
             presses_ms = d.presses_ms
             from unnest($1::text[], $2::jsonb[], $3::jsonb[], $4::int[], $5::bigint[])
             as d (lease_id, entry, findings, needed, presses_ms)
             where p.lease_id = d.lease_id and p.checked_ms is null and p.passed is null"""
    in_order = sorted(ready, key=lambda each: each.part.entry.lease_id)
    await tx.execute(
        sql,
        [each.part.entry.lease_id for each in in_order],
        [json.dumps(row_of(each.part)) for each in in_order],
        [json.dumps([finding.model_dump(mode="json") for finding in each.findings]) for each in in_order],
        [each.needed for each in in_order],
        [each.presses_ms for each in in_order],
        now_ms,
    )


def row_of(part: Part) -> list[int | str]:
    """A part's entry as it is kept."""
    entry = part.entry
    return [entry.lease_id, entry.fence, entry.first_segment, entry.segments, entry.range_root, entry.units]


def part_of_row(entry: str, job_id: str, reaches: bool = False) -> Part:
    """The part that was kept."""
    return Part(Entry(*json.loads(entry)), job_id, reaches)


async def finish(tx: Transaction, audited: Sequence[Audited]) -> set[str]:
    """Keep the outcomes; the leases of those where nobody else was first."""
    sql = """update parts p set passed = d.passed, audit_ms = d.audit_ms, job_ms = d.job_ms
             from unnest($1::text[], $2::boolean[], $3::bigint[], $4::bigint[])
             as d (lease_id, passed, audit_ms, job_ms)
             where p.lease_id = d.lease_id and p.passed is null returning p.lease_id"""
    columns = ("lease_id", "passed", "audit_ms", "job_ms")
    in_order = sorted(audited, key=lambda each: each.lease_id)
    rows = await tx.fetch(sql, *([getattr(each, name) for each in in_order] for name in columns))
    return {row["lease_id"] for row in rows}


async def all_done(tx: Transaction, job_ids: Iterable[str]) -> dict[str, tuple[str, list[Audited]]]:
    """Requester and leases of those of these jobs that are executed and whose leases are all judged.

    The jobs' rows are locked, so that of two verdicts that are reached at once exactly one sees the last.
    """
    lock = "select job_id, requester, is_executed from jobs where job_id = any($1) order by job_id for update"
    jobs = {row["job_id"]: row["requester"] for row in await tx.fetch(lock, sorted(set(job_ids))) if row["is_executed"]}
    sql = "select job_id, lease_id, passed, audit_ms, job_ms from parts where job_id = any($1)"
    audits: dict[str, list[Audited]] = {job_id: [] for job_id in jobs}
    for job_id, *rest in await tx.fetch(sql, list(jobs)):
        audits[job_id].append(Audited(*rest))
    return {
        job_id: (jobs[job_id], found) for job_id, found in audits.items() if all(a.passed is not None for a in found)
    }
