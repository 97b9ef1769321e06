"""Which work names which blob, and which snapshots and traces nothing needs any more.

They serve audits. A provider may let go of them once the job is closed, its own leases are paid, and every epoch that
pools it is settled without anything found false in it. What was ever doubted stays as long as any blob: courts, appeals
and arbiters read it. So do inputs and results, and the last checkpoint of each lease.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from assay.gateway.holder import KEPT_MS
from assay.schema.epoch import EpochAccused, EpochMismatched, EpochRejected, EpochTraced, EpochWithheld
from assay.schema.event import Event
from assay.schema.job import JobSubmitted
from assay.schema.lease import LeaseCommitted, LeaseExecuted
from assay.store import Transaction

INPUT, RESULT, SNAPSHOT, TRACE = "input", "result", "snapshot", "trace"
DOUBTED: Final = sorted(event.type for event in (EpochAccused, EpochMismatched, EpochRejected, EpochWithheld))
# What names a blob stands in its way until all that could follow from it is over.
NAMED_MS: Final = 2 * KEPT_MS
# Whoever lets something in shares it; who marks what leaves is alone, so that neither overlooks the other.
LOCK: Final = 7_340_011
SHARED: Final = "select pg_advisory_xact_lock_shared($1)"
ALONE: Final = "select pg_advisory_xact_lock($1)"
NAME: Final = """
insert into named (digest, job_id, kind, lease_id, segment, provider, at_ms)
select n.digest, coalesce(n.job_id, l.job_id, ''), n.kind, n.lease_id, n.segment, n.provider, $7
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
    as n (digest, job_id, kind, lease_id, segment, provider)
left join lease l on l.lease_id = n.lease_id
on conflict do nothing
"""
# Only an intermediate checkpoint: the last of a lease has none after it.
MAY_GO: Final = """
(n.kind = 'trace' or (n.kind = 'snapshot' and exists (
    select from named later where later.lease_id = n.lease_id and later.kind = 'snapshot' and later.segment > n.segment
)))
"""
OF_PROVIDER: Final = f"""
select n.digest, n.job_id from named n where n.provider = $1 and n.kind in ('snapshot', 'trace') and {MAY_GO}
order by n.at_ms
"""
NAMING: Final = f"select n.digest, n.job_id, {MAY_GO} from named n where n.digest = any($1::text[])"
FREE: Final = """
select j.job_id from unnest($1::text[]) as j (job_id)
join life s on s.entity = 'job' and s.id = j.job_id and s.state in ('settled', 'refunded')
where exists (select from epoch_job e where e.job_id = j.job_id)
and not exists (
    select from epoch_job e left join life x on x.entity = 'epoch' and x.id = e.epoch_id
    where e.job_id = j.job_id and x.state is distinct from 'settled'
)
and not exists (
    select from epoch_job e join said t on t.about = e.epoch_id and t.type like 'epoch.%' and t.type = any($2::text[])
    where e.job_id = j.job_id
)
and not exists (
    select from lease l left join life x on x.entity = 'lease' and x.id = l.lease_id
    where l.job_id = j.job_id and x.state is distinct from 'paid'
    and exists (select from named n where n.lease_id = l.lease_id)
)
and not exists (
    select from named n join readable r using (digest) join overruled o on o.verifier = r.participant
    where n.job_id = j.job_id and o.at_ms > $3
)
"""
EVIDENCE: Final = """
select digest from receipt where digest = any($1::text[])
union select statement from accusation where statement = any($1::text[])
union select appeal from accusation where appeal = any($1::text[])
"""
MARK: Final = "insert into leaving (account, digest) select $1, unnest($2::text[]) on conflict do nothing"
LEAVING: Final = "select turn, account, digest from let_go left join leaving on true"
# Two who delete the same wait for one another: the slower one would delete what came anew.
MARKED: Final = "select digest from leaving where account = $1 order by digest for update"
LEND: Final = """
insert into lent (account, source, borrower, at_ms) select $1, source, $3, $4 from unnest($2::text[]) as source
on conflict (account, source, borrower) do update set at_ms = excluded.at_ms
"""
LENT: Final = """
select source, borrower from lent l where account = $1 and source = any($2::text[])
and not exists (select from leaving g where g.account = l.account and g.digest = l.borrower)
"""
GONE: Final = (
    "delete from lent where account = $1 and borrower = any($2::text[])",
    "delete from named where digest = any($2::text[]) and kind in ('snapshot', 'trace')"
    " and provider = (select participant from account where account = $1)",
)
UNMARK: Final = "delete from leaving where account = $1"
TURN: Final = "update let_go set turn = turn + 1"
# Who else named what is gone, by a copy of its own: nobody asks again whether it holds it.
HEIRS: Final = """
select distinct a.account, n.digest from named n left join job j using (job_id)
join account a on a.participant = coalesce(nullif(n.provider, ''), j.requester)
where n.digest = any($2::text[]) and a.account <> $1
"""
OVERRULE: Final = """
insert into overruled (verifier, at_ms) values ($1, $2)
on conflict (verifier) do update set at_ms = greatest(overruled.at_ms, excluded.at_ms)
"""
PRUNES: Final = ("delete from named where at_ms < $1", "delete from lent where at_ms < $1")

NAMERS: Final = frozenset(event.type for event in (JobSubmitted, LeaseCommitted, LeaseExecuted, EpochTraced))
"""What names a blob for others to read."""

Named = tuple[str, str | None, str, str, int, str]


class Sharing(NamedTuple):
    """What is leaving, by account and digest, and how often anything was let go."""

    turn: int
    leaving: frozenset[tuple[str, str]]


class Snapshots:
    """What is named, lent and leaving, within one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self._named: list[Named] = []

    async def share(self) -> Sharing:
        """What is leaving until the transaction ends: nothing more is marked before that."""
        await self.tx.execute(SHARED, LOCK)
        rows = await self.tx.fetch(LEAVING)
        return Sharing(rows[0][0], frozenset((row[1], row[2]) for row in rows if row[1]))

    def note(self, event: Event) -> None:
        """Notes the blobs that a statement names which is let in."""
        self._named += named_in(event)

    async def write(self, now_ms: int) -> None:
        """Keeps what was noted."""
        if self._named:
            named, self._named = sorted(self._named, key=lambda each: each[0]), []
            await self.tx.execute(NAME, *map(list, zip(*named, strict=True)), now_ms)

    async def lend(self, account: str, sources: Collection[str], borrower: str, now_ms: int) -> bool:
        """Whether a blob may borrow of these; then it is written down."""
        shared = await self.share()
        if any((account, source) in shared.leaving for source in sources):
            return False
        await self.tx.execute(LEND, account, sorted(sources), borrower, now_ms)
        return True

    async def mark(self, account: str, provider: str, limit: int, now_ms: int) -> None:
        """Mark up to `limit` blobs of a provider that nothing needs any more, if none are marked yet."""
        if not await self.marked(account):
            jobs = defaultdict[str, set[str]](set)
            for digest, job_id in await self.tx.fetch(OF_PROVIDER, provider):
                jobs[digest].add(job_id)
            free = await self._free({job_id for of_digest in jobs.values() for job_id in of_digest}, now_ms)
            chosen = await self._unneeded([digest for digest, named in jobs.items() if named <= free], now_ms)
            if chosen:
                await self.tx.execute(ALONE, LOCK)
                await self.tx.execute(MARK, account, await self._unneeded(chosen[:limit], now_ms))

    async def marked(self, account: str) -> list[str]:
        """What is marked, locked until the transaction ends."""
        return [row[0] for row in await self.tx.fetch(MARKED, account)]

    async def borrowers(self, account: str, sources: Sequence[str]) -> Mapping[str, list[str]]:
        """Which blobs that stay may have borrowed of each of these."""
        found = defaultdict[str, list[str]](list)
        for source, borrower in await self.tx.fetch(LENT, account, list(sources)):
            found[source].append(borrower)
        return found

    async def heirs(self, account: str, digests: Sequence[str]) -> list[tuple[str, str]]:
        """Which other accounts named which of these; until the transaction ends nobody names anything."""
        await self.tx.execute(ALONE, LOCK)
        return [(row[0], row[1]) for row in await self.tx.fetch(HEIRS, account, list(digests))]

    async def gone(self, account: str, digests: Sequence[str]) -> None:
        """Keeps that these are gone."""
        for sql in GONE:
            await self.tx.execute(sql, account, list(digests))

    async def unmark(self, account: str) -> None:
        """Keeps that nothing is leaving any more, and that what was remembered of the store may be over."""
        await self.tx.execute(UNMARK, account)
        await self.tx.execute(TURN)

    async def overrule(self, verifier: str, now_ms: int) -> None:
        """Keeps that a verifier was overruled."""
        await self.tx.execute(OVERRULE, verifier, now_ms)

    async def prune(self, now_ms: int) -> None:
        """Forgets what named blobs that are gone by their age."""
        for sql in PRUNES:
            await self.tx.execute(sql, now_ms - NAMED_MS)

    async def _unneeded(self, digests: Sequence[str], now_ms: int) -> list[str]:
        """Those of the blobs that whatever names them is done with."""
        naming: Sequence[Any] = await self.tx.fetch(NAMING, list(digests))
        free = await self._free({row[1] for row in naming}, now_ms)
        needed = {digest for digest, job_id, may_go in naming if not may_go or job_id not in free}
        needed |= {row[0] for row in await self.tx.fetch(EVIDENCE, list(digests))}
        return sorted(set(digests) - needed)

    async def _free(self, jobs: Collection[str], now_ms: int) -> set[str]:
        """Those of the jobs that no audit, court or appeal can come back to."""
        return {row[0] for row in await self.tx.fetch(FREE, sorted(jobs), DOUBTED, now_ms - KEPT_MS)}


def named_in(event: Event) -> list[Named]:
    """The blobs that a statement names: digest, job (if it says), kind, lease, segment, provider."""
    match event:
        case JobSubmitted():
            return [(digest, event.job_id, INPUT, "", 0, "") for digest in event.spec.inputs]
        case LeaseCommitted():
            return [(event.checkpoint, event.job_id, SNAPSHOT, event.lease_id, event.segment, event.provider)]
        case LeaseExecuted():
            return [(event.result, event.job_id, RESULT, event.lease_id, 0, event.provider)]
        case EpochTraced():
            return [(event.trace, None, TRACE, event.lease_id, event.segment, event.provider)]
    return []
