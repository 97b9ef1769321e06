"""The SQL of jobs, leases and leaves, named after the questions it answers.

A job's row in the shell's `life` is the lock of its aggregate: the shell locks it before a handler is called, and
whoever comes by time takes it here, skipping what somebody else has, and reads the job only then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from assay.matching.changes import Changes
from assay.matching.domain import Job, Spare, open_lease
from assay.matching.liveness import Held
from assay.matching.offers import ListedOffer
from assay.matching.rows import job_of
from assay.schema.job import JobState
from assay.store import Transaction

LOAD: Final = """
select j.*, l.provider, l.fence as lease_fence, l.mega_unit_price, l.first_segment, l.next_segment, l.point, l.units,
    l.started_ms, s.spare_id, s.provider as spare_provider, case when $2 then
        (select array_agg(f.leaf order by f.segment) from leaf f where f.lease_id = j.lease_id) end as leaves
from job j left join lease l using (lease_id)
left join spare s on s.job_id = j.job_id
where j.job_id = any($1::text[]) order by j.job_id
"""
# The lowest free slots of an offer at these very terms; none while a slot is taken beyond those that it has by now.
FREE: Final = """
select s.slot from slot s join offer o using (provider)
where s.provider = $1 and s.lease_id is null and s.slot < o.slots
    and o.is_listed and o.offer_id = $2 and o.sequence = $3
    and o.slots > coalesce((select max(h.slot) from slot h where h.provider = $1 and h.lease_id is not null), -1)
order by s.slot limit $4 for update of s skip locked
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
SPARELESS: Final = PICK.format(
    condition="""j.spares > 0 and j.state = 'running' and j.kind = any($1::text[]) and j.sought_ms <= $2
    and not exists (select from spare s where s.job_id = j.job_id)""",
    order="j.sought_ms",
    limit="$3",
)
SPARES: Final = "select spare_id, job_id, provider, true, granted_ms from spare order by granted_ms"
HELD: Final = """
select lease_id, job_id, provider, started_ms is not null, coalesce(started_ms, granted_ms)
from lease where ended_ms is null
"""


Terms: TypeAlias = tuple[str, str, int]
"""An offer as it was listed: provider, id and sequence."""


@dataclass(slots=True)
class Loaded:
    """A job as it is by now in this transaction, with the leaves of its open lease, if they were asked for."""

    job: Job
    leaves: list[bytes]
    has_leaves: bool


class Jobs:
    """The jobs of one transaction: each is read once, led in memory, and written with all others at the end.

    `at_once` is how many grants are to come: so many slots of an offer are taken in hand together.
    """

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self.at_once = 1
        self._known: dict[str, Loaded] = {}
        self._changes = Changes()
        self._slots: dict[str, tuple[Terms, list[int]]] = {}
        self._sated: set[str] = set()

    async def write(self) -> None:
        """Writes what has changed."""
        await self._changes.write(self.tx)

    def bear(self, job: Job) -> None:
        """Keeps a new job; one that is there stays as it is."""
        self._changes.born[job.job_id] = job
        self._known[job.job_id] = Loaded(job, [], has_leaves=True)

    async def load(self, job_id: str, with_leaves: bool = False) -> Loaded | None:
        """The job, or None if it is unknown."""
        return next(iter(await self.load_all([job_id], with_leaves)), None)

    async def load_all(self, job_ids: Sequence[str], with_leaves: bool = False) -> list[Loaded]:
        """The jobs that are known of these, in the order of their ids."""
        lacking = [id_ for id_ in job_ids if id_ not in self._known or with_leaves > self._known[id_].has_leaves]
        if lacking:
            if any(id_ in self._known for id_ in lacking):
                await self.write()
            for row in await self.tx.fetch(LOAD, lacking, with_leaves):
                self._known[row["job_id"]] = Loaded(job_of(row), list(row["leaves"] or ()), with_leaves)
        return [self._known[id_] for id_ in sorted(set(job_ids)) if id_ in self._known]

    def save(self, job: Job, now_ms: int) -> None:
        """Keeps the job."""
        self._known[job.job_id].job = job
        self._changes.saved[job.job_id] = (job, now_ms)
        if job.state is JobState.FUNDED:
            self._sated.clear()

    async def grant(self, job: Job, offer: ListedOffer, now_ms: int) -> bool:
        """Keeps the job with its new lease, if a slot of the offer can be had at these very terms."""
        slots = await self._free(offer)
        if not slots:
            return False
        self.at_once -= 1
        self._changes.granted[open_lease(job).lease_id] = (job, slots.pop(0), now_ms)
        self._known[job.job_id] = Loaded(job, [], has_leaves=True)
        self.save(job, now_ms)
        return True

    async def _free(self, offer: ListedOffer) -> list[int]:
        """The slots of an offer that this transaction has in hand, new ones if it has none; empty if there are none."""
        terms = (offer.provider, offer.offer_id, offer.sequence)
        known, slots = self._slots.get(offer.provider, (terms, []))
        if not slots or known != terms:
            if offer.provider in self._slots or self._changes.ended:
                # Read after what this transaction has taken and freed itself.
                await self.write()
            slots = [row[0] for row in await self.tx.fetch(FREE, *terms, max(self.at_once, 1))]
            self._slots[offer.provider] = (terms, slots)
        return slots

    async def close(self, job: Job, lease_id: str, now_ms: int) -> None:
        """Keeps the job after its lease, whose slot is free again."""
        if lease_id in self._changes.granted:
            await self.write()
        self._changes.ended[lease_id] = now_ms
        self.save(job, now_ms)

    def start(self, job: Job, lease_id: str, now_ms: int) -> None:
        """Keeps that the lease has begun."""
        self._changes.begun[lease_id] = now_ms
        self.save(job, now_ms)

    def commit(self, job: Job, leaf: bytes) -> None:
        """Keeps one more committed segment of the job's open lease; the job's own row stays as it is."""
        lease = open_lease(job)
        assert lease.point is not None
        self._changes.told[lease.lease_id] = lease
        self._changes.leaves.append((lease.lease_id, lease.point.segment, leaf))
        self._known[job.job_id].job = job
        self._known[job.job_id].leaves.append(leaf)

    async def lock(self, job_ids: Sequence[str]) -> set[str]:
        """Those of the jobs that nobody else has in hand; they are locked now."""
        return {row[0] for row in await self.tx.fetch(LOCK, sorted(job_ids))}

    async def waiting_for(self, offer: ListedOffer, at_most: int) -> list[Job]:
        """The jobs that have waited longest for an offer of these kinds and this price."""
        if offer.offer_id in self._sated:
            return []
        if self._changes.has_waiting:
            await self.write()
        rows = await self.tx.fetch(WAITING, sorted(offer.kinds), offer.mega_unit_price, at_most)
        if not rows:
            self._sated.add(offer.offer_id)
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

    async def spareless(self, kinds: Sequence[str], since_ms: int, at_most: int) -> list[Job]:
        """The running jobs of these kinds that lack the spare they ask for, looked for last before `since_ms`."""
        rows = await self.tx.fetch(SPARELESS, kinds, since_ms, at_most)
        loaded = await self.load_all([row[0] for row in rows])
        return [one.job for one in loaded if one.job.state is JobState.RUNNING and one.job.spare is None]

    async def spares(self) -> list[Held]:
        """Every spare, the oldest first: held by whoever names it in its heartbeats."""
        return [Held(*row) for row in await self.tx.fetch(SPARES)]

    def stand(self, job: Job, now_ms: int) -> None:
        """Keeps the job with its new spare."""
        assert job.spare is not None
        self._changes.stood[job.spare.spare_id] = (job.spare.spare_id, job.job_id, job.spare.provider, now_ms)
        self.save(job, now_ms)

    def seek_in_vain(self, job_id: str, now_ms: int) -> None:
        """Keeps that no spare was found for the job at this time; the job itself stays as it is."""
        self._changes.sought[job_id] = now_ms

    def dismiss(self, spare: Spare) -> None:
        """Forgets a spare that has ended."""
        self._changes.dismissed.add(spare.spare_id)

    async def _still_waiting(self, job_ids: Sequence[str]) -> list[Job]:
        loaded = {one.job.job_id: one.job for one in await self.load_all(job_ids)}
        return [loaded[id_] for id_ in job_ids if loaded[id_].state is JobState.FUNDED]
