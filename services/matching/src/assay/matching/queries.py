"""The SQL of jobs, leases and leaves, named after the questions it answers.

A job's row in the shell's `life` is the lock of its aggregate: the shell locks it before a handler is called, and
whoever comes by time takes it here, skipping what somebody else has, and reads the job only then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from assay.matching.domain import Job, Lease
from assay.matching.liveness import Held
from assay.matching.offers import ListedOffer
from assay.matching.rows import columns_of, job_of
from assay.schema.job import JobState
from assay.store import Transaction

BEAR: Final = """
insert into job (job_id, requester, kind, spec, spec_digest, price_limit, deadline_ms, state, price_max)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing
"""
LOAD: Final = """
select j.*, l.provider, l.fence as lease_fence, l.mega_unit_price, l.first_segment, l.next_segment, l.point, l.units,
    l.started_ms, case when $2 then
        (select array_agg(f.leaf order by f.segment) from leaf f where f.lease_id = j.lease_id) end as leaves
from job j left join lease l using (lease_id) where j.job_id = any($1::text[]) order by j.job_id
"""
SAVE: Final = """
update job set state = $2, is_withdrawn = $3, fence = $4, spent = $5, price_max = $6, resume = $7, past = $8,
    excluded = $9, lease_id = $10, reasons = $11, tried_ms = $12,
    funded_ms = case when $2 <> 'submitted' then coalesce(funded_ms, $12) end
"""
SAVE_JOB: Final = SAVE + "where job_id = $1"
GRANT: Final = f"""
with free as (
    select s.provider, s.slot from slot s join offer o using (provider)
    where s.provider = $13 and s.lease_id is null and s.slot < o.slots
        and o.is_listed and o.offer_id = $14 and o.sequence = $15
        and o.slots > coalesce((select max(h.slot) from slot h where h.provider = $13 and h.lease_id is not null), -1)
    order by s.slot limit 1 for update of s skip locked
), taken as (
    update slot s set lease_id = $10, changed = default from free
    where s.provider = free.provider and s.slot = free.slot returning s.provider
), granted as (
    insert into lease (lease_id, job_id, provider, fence, mega_unit_price, first_segment, next_segment, granted_ms)
    select $10, $1, provider, $4, $16, $17, $17, $12 from taken
)
{SAVE} from taken where job_id = $1 returning job_id
"""
CLOSE: Final = f"""
with ended as (update lease set ended_ms = $12 where lease_id = $13),
freed as (update slot set lease_id = null, changed = default where lease_id = $13)
{SAVE} where job_id = $1
"""
START: Final = """
with begun as (update lease set started_ms = $3 where lease_id = $2) update job set state = $4 where job_id = $1
"""
COMMIT: Final = """
with told as (update lease set next_segment = $3 + 1, point = $4, units = $5 where lease_id = $1 returning lease_id)
insert into leaf (lease_id, segment, leaf) select lease_id, $3, $2 from told
"""
LOCK: Final = "select id from life where entity = 'job' and id = any($1::text[]) for update skip locked"
PICK: Final = """
select j.job_id from job j join life v on v.entity = 'job' and v.id = j.job_id
where {condition} order by {order} limit {limit} for update of v skip locked
"""
WAITING: Final = PICK.format(
    condition="j.state = 'funded' and j.kind = any($1::text[]) and j.price_max >= $2",
    order="j.funded_ms",
    limit="$3",
)
UNTRIED: Final = PICK.format(condition="j.state = 'funded' and j.tried_ms <= $1", order="j.tried_ms", limit="$2")
DUE: Final = PICK.format(
    condition="j.state in ('funded', 'matched', 'running') and j.deadline_ms <= $1",
    order="j.deadline_ms",
    limit="$2",
)
HELD: Final = """
select lease_id, job_id, provider, started_ms is not null, coalesce(started_ms, granted_ms)
from lease where ended_ms is null
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A job with the leaves of its open lease, if they were asked for."""

    job: Job
    leaves: tuple[bytes, ...]


class Jobs:
    """The questions matching asks of its jobs within one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx

    async def bear(self, job: Job) -> None:
        """Keeps a new job; one that is there stays as it is."""
        values = (job.job_id, job.requester, job.spec.kind, job.spec.model_dump_json(), job.spec_digest)
        await self.tx.execute(BEAR, *values, job.price_limit, job.deadline_ms, job.state, job.price_max)

    async def load(self, job_id: str, with_leaves: bool = False) -> Loaded | None:
        """The job, or None if it is unknown."""
        return next(iter(await self.load_all([job_id], with_leaves)), None)

    async def load_all(self, job_ids: Sequence[str], with_leaves: bool = False) -> list[Loaded]:
        """The jobs that are known of these."""
        if not job_ids:
            return []
        rows = await self.tx.fetch(LOAD, list(job_ids), with_leaves)
        return [Loaded(job_of(row), tuple(row["leaves"] or ())) for row in rows]

    async def save(self, job: Job, now_ms: int) -> None:
        """Keeps the job, whose lease did not change."""
        await self.tx.execute(SAVE_JOB, *columns_of(job, now_ms))

    async def grant(self, job: Job, offer: ListedOffer, now_ms: int) -> bool:
        """Keeps the job with its new lease, if a slot of the offer can be had at these very terms."""
        assert job.lease is not None
        terms = (offer.provider, offer.offer_id, offer.sequence, offer.mega_unit_price, job.lease.first_segment)
        return await self.tx.fetchval(GRANT, *columns_of(job, now_ms), *terms) is not None

    async def close(self, job: Job, lease_id: str, now_ms: int) -> None:
        """Keeps the job after its lease, whose slot is free again."""
        await self.tx.execute(CLOSE, *columns_of(job, now_ms), lease_id)

    async def start(self, job: Job, lease_id: str, now_ms: int) -> None:
        """Keeps that the lease has begun."""
        await self.tx.execute(START, job.job_id, lease_id, now_ms, job.state)

    async def commit(self, lease: Lease, leaf: bytes) -> None:
        """Keeps one more committed segment."""
        assert lease.point is not None
        point = lease.point.model_dump_json()
        await self.tx.execute(COMMIT, lease.lease_id, leaf, lease.point.segment, point, lease.units)

    async def lock(self, job_ids: Sequence[str]) -> set[str]:
        """Those of the jobs that nobody else has in hand; they are locked now."""
        return {row[0] for row in await self.tx.fetch(LOCK, sorted(job_ids))}

    async def waiting_for(self, offer: ListedOffer, at_most: int) -> list[Job]:
        """The jobs that have waited longest for an offer of these kinds and this price."""
        rows = await self.tx.fetch(WAITING, sorted(offer.kinds), offer.mega_unit_price, at_most)
        return await self._still_waiting([row[0] for row in rows])

    async def untried(self, since_ms: int, at_most: int) -> list[Job]:
        """The waiting jobs that were tried last before `since_ms`."""
        return await self._still_waiting([row[0] for row in await self.tx.fetch(UNTRIED, since_ms, at_most)])

    async def due(self, now_ms: int, at_most: int) -> list[Loaded]:
        """The living jobs whose deadline has passed."""
        rows = await self.tx.fetch(DUE, now_ms, at_most)
        return [one for one in await self.load_all([row[0] for row in rows], True) if one.job.is_alive]

    async def held(self) -> list[Held]:
        """Every open lease."""
        return [Held(*row) for row in await self.tx.fetch(HELD)]

    async def _still_waiting(self, job_ids: Sequence[str]) -> list[Job]:
        loaded = {one.job.job_id: one.job for one in await self.load_all(job_ids)}
        return [loaded[id_] for id_ in job_ids if loaded[id_].state is JobState.FUNDED]
