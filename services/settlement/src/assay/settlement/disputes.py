"""What was said of disputes: kept as it was said, and shown in the receipts of the jobs that they are about; SQL.

The parties' statements do not name the epoch; what lodges and what ends a dispute does.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from assay.schema.event import Envelope, Event, event_class_of
from assay.store import Transaction

REMEMBER = """
insert into dispute_facts (event_id, dispute_id, epoch_id, type, source, time_ms, data, signature)
values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing
"""
JOBS = """
select distinct l.job_id from dispute_facts f join epoch_leases l using (epoch_id) where f.dispute_id = $1
"""
SAID = """
select dispute_id, event_id, source, time_ms, type, data, signature from dispute_facts where dispute_id = $1
order by position
"""
TOLD = """
select own.epoch_id, f.event_id, f.source, f.time_ms, f.type, f.data, f.signature
from dispute_facts f join (select distinct dispute_id, epoch_id from dispute_facts where epoch_id = any($1::text[])) own
using (dispute_id) order by f.position
"""


async def remember(tx: Transaction, said: Envelope[Any]) -> list[str]:
    """Keep what was said of a dispute; the jobs whose receipts may have waited for it."""
    event = said.event
    place = (said.id, event.dispute_id, getattr(event, "epoch_id", None), event.type)
    await tx.execute(REMEMBER, *place, said.source, said.time_ms, said.data, said.signature)
    return [row[0] for row in await tx.fetch(JOBS, event.dispute_id)]


async def said_of(tx: Transaction, dispute_id: str) -> list[Envelope[Event]]:
    """All that was said of one dispute."""
    return [envelope_of(row[1:]) for row in await tx.fetch(SAID, dispute_id)]


async def told(tx: Transaction, epochs: Sequence[str]) -> dict[str, list[Envelope[Event]]]:
    """All that was said of the disputes of these epochs, by epoch."""
    known: dict[str, list[Envelope[Event]]] = defaultdict(list)
    for row in await tx.fetch(TOLD, list(epochs)):
        known[row[0]].append(envelope_of(row[1:]))
    return known


def envelope_of(row: Sequence[Any]) -> Envelope[Event]:
    """What was said, as it was said."""
    id_, source, time_ms, type_, data, signature = row
    return Envelope(id_, source, time_ms, event_class_of(type_).model_validate_json(data), data, signature=signature)
