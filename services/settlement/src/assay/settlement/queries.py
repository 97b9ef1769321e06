"""The SQL of what was heard and what is wanted: facts about jobs, and intents."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.schema.event import Envelope, Event, event_class_of
from assay.settlement.domain import CLOSINGS
from assay.settlement.intents import KINDS, Body, Key
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
and exists (select from intents i where i.about = facts.job_id and i.kind = 'open' and i.state = 'done')
and not exists (select from intents i where i.about = facts.job_id and i.kind = 'settle')
"""
FACTS = """
select event_id, source, time_ms, type, data, signature, job_id from facts where job_id = any($1::text[])
order by position
"""
WANT = """
insert into intents (kind, about, fence, cause, body) values ($1, $2, $3, $4, $5::jsonb) on conflict do nothing
"""
PENDING = """
select position, kind, cause, body from intents
where state = 'pending' and not_before_ms <= $1 and kind = (
    select kind from intents where state = 'pending' and not_before_ms <= $1 order by position limit 1
) order by position limit $2
"""
OPEN_INTENTS = """
select position, kind, cause, body from intents where about = any($1::text[]) and state in ('pending', 'sent')
"""
COUNT_COMMITS = """
select count(*) from facts where job_id = $1 and type = 'lease.committed' and lease_id = $2
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


async def count_commits(tx: Transaction, job_id: str, lease_id: str) -> int:
    """How many commitments of the lease are known."""
    return int(await tx.fetchval(COUNT_COMMITS, job_id, lease_id))


async def touch(tx: Transaction, jobs: Sequence[str]) -> None:
    """Have these jobs looked at again."""
    await tx.execute("insert into touched (job_id) select unnest($1::text[])", list(jobs))


async def touched(tx: Transaction, most: int) -> dict[str, list[int]]:
    """Jobs to look at, each with the places of its marks."""
    places: dict[str, list[int]] = defaultdict(list)
    for position, job_id in await tx.fetch("select position, job_id from touched order by position limit $1", most):
        places[job_id].append(position)
    return places


async def forget_touches(tx: Transaction, positions: Sequence[int]) -> None:
    """The jobs were looked at."""
    await tx.execute("delete from touched where position = any($1::bigint[])", list(positions))


async def closable(tx: Transaction, jobs: Sequence[str]) -> dict[str, list[Envelope[Event]]]:
    """All that was said about those of `jobs` that are funded, have stopped, and are not being settled yet."""
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


def _intent(row: Sequence[Any]) -> Intent:
    position, kind, cause, body = row
    return Intent(position, cause, KINDS[kind].model_validate(json.loads(body)))
