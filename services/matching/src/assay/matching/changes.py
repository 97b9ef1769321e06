"""What one transaction changes of jobs, leases, slots and leaves: gathered, then written with one statement of a kind.

The order of the statements is that in which the tables refer to one another; rows are written in the order of their
ids, so that two replicas wait for one another instead of deadlocking.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

from assay.matching.domain import Job, Lease, open_lease
from assay.matching.rows import columns_of
from assay.store import Transaction

BEAR: Final = """
insert into job (job_id, requester, kind, spec, spec_digest, price_limit, deadline_ms, state, price_max,
    spares)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::bigint[],
    $8::text[], $9::numeric[], $10::int[]) on conflict do nothing
"""
END: Final = """
with gone as (select * from unnest($1::text[], $2::bigint[]) as given (lease_id, ms)),
freed as (update slot set lease_id = null, changed = default from gone where slot.lease_id = gone.lease_id)
update lease set ended_ms = gone.ms from gone where lease.lease_id = gone.lease_id
"""
GRANT: Final = """
with given as (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::numeric[], $6::int[], $7::bigint[],
        $8::int[]) as given (lease_id, job_id, provider, fence, price, first, ms, slot)
), taken as (
    update slot s set lease_id = given.lease_id, changed = default from given
    where s.provider = given.provider and s.slot = given.slot
)
insert into lease (lease_id, job_id, provider, fence, mega_unit_price, first_segment, next_segment, granted_ms)
select lease_id, job_id, provider, fence, price, first, first, ms from given
"""
BEGIN: Final = """
update lease l set started_ms = given.ms from unnest($1::text[], $2::bigint[]) as given (lease_id, ms)
where l.lease_id = given.lease_id
"""
TELL: Final = """
update lease l set next_segment = given.next, point = given.point, units = given.units
from unnest($1::text[], $2::int[], $3::text[], $4::numeric[]) as given (lease_id, next, point, units)
where l.lease_id = given.lease_id
"""
LEAVES: Final = """
insert into leaf (lease_id, segment, leaf) select * from unnest($1::text[], $2::int[], $3::bytea[])
"""
STAND: Final = """
insert into spare (spare_id, job_id, provider, granted_ms)
select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
"""
DISMISS: Final = "delete from spare where spare_id = any($1::text[])"
SEEK: Final = """
update job j set sought_ms = given.ms from unnest($1::text[], $2::bigint[]) as given (job_id, ms)
where j.job_id = given.job_id
"""
SAVE: Final = """
update job j set state = n.state, is_withdrawn = n.is_withdrawn, fence = n.fence, spent = n.spent,
    price_max = n.price_max, resume = n.resume, past = n.past, excluded = n.excluded, faults = n.faults,
    lease_id = n.lease_id, reasons = n.reasons, tried_ms = n.ms,
    funded_ms = case when n.state <> 'submitted' then coalesce(funded_ms, n.ms) end
from unnest($1::text[], $2::text[], $3::bool[], $4::bigint[], $5::numeric[], $6::numeric[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[])
    as n (job_id, state, is_withdrawn, fence, spent, price_max, resume, past, excluded, faults, lease_id, reasons, ms)
where j.job_id = n.job_id
"""


@dataclass(slots=True)
class Changes:
    """What is not written yet: the last word on each job and lease."""

    born: dict[str, Job] = field(default_factory=dict)
    saved: dict[str, tuple[Job, int]] = field(default_factory=dict)
    granted: dict[str, tuple[Job, int, int]] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)
    told: dict[str, Lease] = field(default_factory=dict)
    leaves: list[tuple[str, int, bytes]] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    stood: dict[str, tuple[str, str, str, int]] = field(default_factory=dict)
    dismissed: set[str] = field(default_factory=set)
    sought: dict[str, int] = field(default_factory=dict)

    @property
    def has_waiting(self) -> bool:
        """Whether a job is to be kept as one that waits for an offer."""
        return any(job.state == "funded" for job, _ in self.saved.values())

    async def write(self, tx: Transaction) -> None:
        """Writes all of it."""
        await _write(tx, BEAR, (birth_of(job) for job in self.born.values()))
        await _write(tx, END, self.ended.items())
        await _write(tx, GRANT, (grant_of(*granted) for granted in self.granted.values()))
        await _write(tx, BEGIN, self.begun.items())
        await _write(tx, TELL, (told_of(lease) for lease in self.told.values()))
        await _write(tx, LEAVES, self.leaves)
        await _write(tx, DISMISS, ((spare_id,) for spare_id in self.dismissed))
        await _write(tx, STAND, self.stood.values())
        await _write(tx, SAVE, (columns_of(*saved) for saved in self.saved.values()))
        await _write(tx, SEEK, self.sought.items())
        of_leases = (self.granted, self.begun, self.told, self.leaves, self.ended)
        for kind in (self.born, self.saved, *of_leases, self.stood, self.dismissed, self.sought):
            kind.clear()


async def _write(tx: Transaction, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
    if in_order := sorted(rows, key=itemgetter(slice(2))):
        await tx.execute(sql, *map(list, zip(*in_order, strict=True)))


def birth_of(job: Job) -> tuple[Any, ...]:
    """The row of a new job."""
    spec = (job.spec.kind, job.spec.model_dump_json(), job.spec_digest)
    limits = (job.price_limit, job.deadline_ms, job.state, job.price_max, job.spec.policy.spares)
    return (job.job_id, job.requester, *spec, *limits)


def grant_of(job: Job, slot: int, now_ms: int) -> tuple[Any, ...]:
    """The row of a job's new lease, in this slot of its provider."""
    lease = open_lease(job)
    terms = (lease.provider, lease.fence, lease.mega_unit_price, lease.first_segment)
    return (lease.lease_id, job.job_id, *terms, now_ms, slot)


def told_of(lease: Lease) -> tuple[Any, ...]:
    """What changes of a lease with a commitment."""
    assert lease.point is not None
    return (lease.lease_id, lease.next_segment, lease.point.model_dump_json(), lease.units)
