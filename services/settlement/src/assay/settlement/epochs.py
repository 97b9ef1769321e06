"""The SQL of epochs: what was said of each, which leases stand in it, and whether all of these have ended."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from assay.schema.epoch import EpochEntry, EpochFact
from assay.schema.event import Envelope, Event, event_class_of
from assay.store import Transaction

REMEMBER = """
insert into epoch_facts (event_id, epoch_id, type, data) values ($1, $2, $3, $4) on conflict do nothing
"""
FACTS = "select epoch_id, type, data from epoch_facts where epoch_id = any($1::text[]) order by position"
BEGIN = "insert into epochs (epoch_id, provider, number) values ($1, $2, $3) on conflict do nothing"
LEASES = """
insert into epoch_leases (epoch_id, lease_id, job_id, fence)
select $1, given.* from unnest($2::text[], $3::text[], $4::bigint[]) as given on conflict do nothing
"""
# A lease has come to its end once its job is closed, and its stake is taken if it is to be.
SETTLE = """
update epochs e set is_settled = true where ended_by is not null and not is_settled and not exists (
    select from epoch_leases l where l.epoch_id = e.epoch_id and (
        not exists (select from bills b where b.about = l.job_id and b.is_told) or exists (
            select from accusation_subjects s where s.kind = 'lease' and s.about = l.lease_id and not s.is_told
        )
    )
) returning epoch_id, provider, number, ended_by
"""


class Settled(NamedTuple):
    """An epoch whose leases have all come to their end, and the event that had ended its audit."""

    epoch_id: str
    provider: str
    number: int
    ended_by: str


async def begin(tx: Transaction, epoch: EpochFact, entries: Iterable[EpochEntry]) -> None:
    """Know an epoch and its leases."""
    await tx.execute(BEGIN, epoch.epoch_id, epoch.provider, epoch.number)
    rows = [(entry.lease_id, entry.job_id, entry.fence) for entry in entries]
    await tx.execute(LEASES, epoch.epoch_id, *map(list, zip(*rows, strict=True)))


async def remember(tx: Transaction, said: Envelope[Any]) -> None:
    """Keep what was said of an epoch."""
    await tx.execute(REMEMBER, said.id, said.event.epoch_id, said.event.type, said.data)


async def facts(tx: Transaction, ids: Sequence[str]) -> dict[str, list[Event]]:
    """What was said of each of these epochs."""
    known: dict[str, list[Event]] = {epoch_id: [] for epoch_id in ids}
    for epoch_id, type_, data in await tx.fetch(FACTS, list(ids)):
        known[epoch_id].append(event_class_of(type_).model_validate_json(data))
    return known


async def jobs_of(tx: Transaction, epoch_id: str) -> list[str]:
    """The jobs that have a lease in the epoch."""
    return [row[0] for row in await tx.fetch("select distinct job_id from epoch_leases where epoch_id = $1", epoch_id)]


async def end(tx: Transaction, epoch_id: str, event_id: str) -> None:
    """The epoch's audit is over."""
    await tx.execute("update epochs set ended_by = $2 where epoch_id = $1", epoch_id, event_id)


async def settle(tx: Transaction) -> list[Settled]:
    """The epochs that are settled from now on."""
    return [Settled(*row) for row in await tx.fetch(SETTLE)]
