"""The SQL of what was heard and what is wanted: facts about jobs, and intents."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.schema.event import Envelope, Event, event_class_of
from assay.schema.lease import LeaseExecuted, LeaseVerified
from assay.settlement.domain import CLOSINGS
from assay.settlement.intents import KINDS, Body
from assay.settlement.paying.intents import Key
from assay.store import Transaction

REMEMBER = """
insert into facts (event_id, job_id, lease_id, type, source, time_ms, data, signature)
select event_id, job_id, lease_id, type, source, time_ms, data, signature
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bytea[], $8::text[])
with ordinality as said (event_id, job_id, lease_id, type, source, time_ms, data, signature, turn) order by turn
on conflict do nothing
"""
CLOSABLE = """
select distinct job_id from facts
where job_id = any($1::text[]) and type = any($2::text[])
and exists (select from transfers t where t.log = 'hold:' || facts.job_id and t.log not like '0x%')
and not exists (select from bills b where b.about = facts.job_id)
"""
FACTS = """
select event_id, source, time_ms, type, data, signature, job_id from facts where job_id = any($1::text[])
order by position
"""
TOUCHED = "select position, job_id from touched where not_before_ms <= $2 order by position limit $1"
WANT = """
insert into intents (kind, about, fence, cause, body) values ($1, $2, $3, $4, $5::jsonb) on conflict do nothing
"""
# An answer to a demand has a deadline, and goes before everything else; what is posted, many wait for.
PENDING = """
select position, kind, cause, body from intents
where state = 'pending' and not_before_ms <= $1 and kind = (
    select kind from intents where state = 'pending' and not_before_ms <= $1
    order by kind = 'answer' desc, kind = 'post' desc, position limit 1
) order by position limit $2
"""
OPEN_INTENTS = """
select position, kind, cause, body from intents where about = any($1::text[]) and state in ('pending', 'sent')
"""
IS_ANY_TOUCHED = """
select exists (select from touched) or exists (select from epochs where ended_by is not null and not is_settled)
"""
COUNT_COMMITS = """
select lease_id, count(*) from facts
where job_id = any($1::text[]) and type = 'lease.committed' and lease_id = any($2::text[]) group by lease_id
"""


@dataclass(frozen=True, slots=True)
class Intent:
    """A stored intent: its place in the queue, what led to it, and what it wants."""

    position: int
    cause: str
    body: Body

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return self.body.key


async def remember(tx: Transaction, said: Sequence[Envelope[Any]]) -> None:
    """Keep what was said about jobs."""
    rows = [
        (
            s.id,
            s.event.job_id,
            getattr(s.event, "lease_id", None),
            s.event.type,
            s.source,
            s.time_ms,
            s.data,
            s.signature,
        )
        for s in said
    ]
    await tx.execute(REMEMBER, *map(list, zip(*rows, strict=True)))


async def count_commits(tx: Transaction, leases: Sequence[LeaseExecuted | LeaseVerified]) -> dict[str, int]:
    """How many commitments of each of these leases are known, of those with any."""
    rows = await tx.fetch(COUNT_COMMITS, [lease.job_id for lease in leases], [lease.lease_id for lease in leases])
    return {row[0]: row[1] for row in rows}


async def touch(tx: Transaction, jobs: Sequence[str], not_before_ms: int = 0) -> None:
    """Have these jobs looked at again, now or then."""
    sql = "insert into touched (job_id, not_before_ms) select each, $2 from unnest($1::text[]) as each"
    await tx.execute(sql, list(jobs), not_before_ms)


async def is_any_touched(tx: Transaction) -> bool:
    """Whether there is a job to look at, or an epoch of which only the end of its leases is awaited."""
    return bool(await tx.fetchval(IS_ANY_TOUCHED))


async def touched(tx: Transaction, most: int, now_ms: int) -> dict[str, list[int]]:
    """Jobs to look at, each with the places of its marks."""
    places: dict[str, list[int]] = defaultdict(list)
    for position, job_id in await tx.fetch(TOUCHED, most, now_ms):
        places[job_id].append(position)
    return places


async def forget_touches(tx: Transaction, positions: Sequence[int]) -> None:
    """The jobs were looked at."""
    await tx.execute("delete from touched where position = any($1::bigint[])", list(positions))


async def closable(tx: Transaction, jobs: Sequence[str]) -> dict[str, list[Envelope[Event]]]:
    """All that was said about those of `jobs` that are funded, have stopped, and are not billed yet."""
    closing = [event.type for event in CLOSINGS]
    ready = [row[0] for row in await tx.fetch(CLOSABLE, list(jobs), closing)]
    said: dict[str, list[Envelope[Event]]] = defaultdict(list)
    for id_, source, time_ms, type_, data, signature, job_id in await tx.fetch(FACTS, ready) if ready else []:
        event = event_class_of(type_).model_validate_json(data)
        said[job_id].append(Envelope(id_, source, time_ms, event, data, signature=signature))
    return said


async def want(tx: Transaction, body: Body, cause: str) -> None:
    """Have this done on the chain; wanted twice is done once."""
    await tx.execute(WANT, *body.key, cause, body.model_dump_json())


async def is_wanted(tx: Transaction, kind: str, about: str) -> bool:
    """Whether this was ever wanted."""
    return bool(await tx.fetchval("select exists (select from intents where kind = $1 and about = $2)", kind, about))


async def pending(tx: Transaction, now_ms: int, most: int) -> list[Intent]:
    """The intents of one kind that wait longest."""
    return [_intent(row) for row in await tx.fetch(PENDING, now_ms, most)]


async def unfinished(tx: Transaction, about: Sequence[str]) -> dict[Key, Intent]:
    """The intents about these jobs, audits and epochs that the chain has not answered yet."""
    intents = [_intent(row) for row in await tx.fetch(OPEN_INTENTS, list(about))]
    return {intent.key: intent for intent in intents}


async def finish(tx: Transaction, state: str, positions: Sequence[int]) -> int:
    """How many of these intents were unfinished and now are `done` or `refused`."""
    sql = "update intents set state = $1 where position = any($2::bigint[]) and state in ('pending', 'sent')"
    return int((await tx.execute(sql, state, list(positions))).rpartition(" ")[2])


async def postpone(tx: Transaction, positions: Sequence[int], until_ms: int) -> None:
    """Leave these intents alone for a while."""
    sql = "update intents set not_before_ms = $2 where position = any($1::bigint[])"
    await tx.execute(sql, list(positions), until_ms)


def read(value: Any) -> Any:
    """A JSON column as it was written."""
    return json.loads(value)


def _intent(row: Sequence[Any]) -> Intent:
    position, kind, cause, body = row
    return Intent(position, cause, KINDS[kind].model_validate(read(body)))
