"""What is told to whom: every event once, and a feed for each recipient, numbered without gaps.

The public feed's head is locked first in every transaction that tells, so those come one after the other: numbers have
no gaps and appear in order, and no two transactions wait in a circle.
"""

import json
from typing import Final

from assay.bus.feed import FeedItem
from assay.gateway.domain import PUBLIC
from assay.schema.event import Envelope, Event, decode
from assay.store import Transaction

# Of one job, but for its commitments; more than any job has unless it waits for days.
STEPS_MAX: Final = 400
TELL: Final = """
with new as (
    insert into said (event_id, type, about, job_id, source, time_ms, headers, data)
    select event_id, type, about, job_id, source, time_ms, headers, data
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::bytea[])
    with ordinality as e (event_id, type, about, job_id, source, time_ms, headers, data, turn) order by turn
    on conflict do nothing returning event_id
), told as (
    select t.event_id, t.recipient, count(*) over whole as many, row_number() over (whole order by t.turn) as step
    from unnest($9::text[], $10::text[]) with ordinality as t (event_id, recipient, turn) join new using (event_id)
    window whole as (partition by t.recipient)
), head as (
    insert into feed_head (recipient, seq)
    select recipient, count(*) from told group by recipient order by recipient <> 'public', recipient
    on conflict (recipient) do update set seq = feed_head.seq + excluded.seq returning recipient, seq
), laid as (
    insert into feed (recipient, seq, event_id)
    select told.recipient, head.seq - told.many + told.step, told.event_id from told join head using (recipient)
    returning recipient, seq, event_id
)
select a.account, laid.seq, laid.event_id
from laid join account a on a.participant = laid.recipient and a.revoked_ms is null order by laid.seq
"""
REPLAY: Final = """
select f.seq, s.headers, s.data from feed f join said s using (event_id)
where f.recipient = $1 and f.seq > $2 and ($4::text = '' or s.type like $4 || '.%') order by f.seq limit $3
"""
OF_JOBS: Final = """
select job_id, headers, data from (
    select job_id, type, headers, data,
        row_number() over (partition by job_id, type = 'lease.committed' order by position desc) as turn
    from (
        select job_id, type, headers, data, position from said
        where job_id = any($1::text[]) and type not in ('lease.progressed', 'spare.advanced', 'spare.warmed')
        union all
        select e.job_id, type, headers, data, position
        from epoch_job e join said on about = e.epoch_id and type like 'epoch.%' where e.job_id = any($1::text[])
        union all
        select l.job_id, type, headers, data, position
        from (select distinct job_id, provider from lease where job_id = any($1::text[])) as l
        join open_epoch o using (provider) join said on about = o.epoch_id and type = 'epoch.waiting'
        where not exists (select from epoch_job e where e.job_id = l.job_id) and not exists (
            select from said c where c.about = o.epoch_id and c.type in ('epoch.committed', 'epoch.pooled')
        )
    ) as of_jobs
) as latest where turn <= case type when 'lease.committed' then $2::bigint else $3::bigint end or type = 'job.submitted'
"""
COMMITS: Final = """
select about, count(*) from said where job_id = any($1::text[]) and type = 'lease.committed' group by about
"""
RECENT: Final = "select job_id from job where requester = $1 order by submitted_ms desc, job_id limit $2"


class Feed:
    """The feeds within one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self._said: dict[str, Envelope[Event]] = {}

    def tell(self, said: Envelope[Event]) -> None:
        """Has an event laid into the feeds of all whom it is told; one that is kept already changes nothing."""
        self._said.setdefault(said.id, said)

    async def write(self) -> list[tuple[str, FeedItem]]:
        """Keeps what was told and lays it into the feeds; the items to be pushed, each with its account."""
        if not self._said:
            return []
        said, self._said = list(self._said.values()), {}
        rows = [row_of(envelope) for envelope in said]
        told = [(envelope.id, who) for envelope in said for who in recipients_of(envelope.event)]
        laid = await self.tx.fetch(TELL, *map(list, zip(*rows, strict=True)), *map(list, zip(*told, strict=True)))
        by_id = {envelope.id: envelope for envelope in said}
        return [(row[0], FeedItem(row[1], by_id[row[2]].headers(), by_id[row[2]].data)) for row in laid]

    async def replay(self, recipient: str, after: int, limit: int, entity: str = "") -> list[FeedItem]:
        """The next items of a feed after a number, oldest first; of one entity only, if it is named."""
        rows = await self.tx.fetch(REPLAY, recipient, after, limit, entity)
        return [FeedItem(row[0], json.loads(row[1]), row[2]) for row in rows]

    async def of_jobs(self, job_ids: list[str], commits_max: int) -> dict[str, list[Envelope[Event]]]:
        """What was said of each of these jobs, their leases and epochs; of commitments the latest only."""
        said: dict[str, list[Envelope[Event]]] = {}
        for job_id, headers, data in await self.tx.fetch(OF_JOBS, job_ids, commits_max, STEPS_MAX):
            said.setdefault(job_id, []).append(decode(json.loads(headers), data))
        return said

    async def commits(self, job_ids: list[str]) -> dict[str, int]:
        """How many segments each lease of these jobs has committed."""
        return {row[0]: row[1] for row in await self.tx.fetch(COMMITS, job_ids)}

    async def recent(self, requester: str, limit: int) -> list[str]:
        """A requester's latest jobs, newest first."""
        return [row[0] for row in await self.tx.fetch(RECENT, requester, limit)]


def row_of(said: Envelope[Event]) -> tuple[object, ...]:
    """What is kept of an event."""
    event = said.event
    job_id, headers = getattr(event, "job_id", None), json.dumps(said.headers())
    return (said.id, event.type, event.about, job_id, said.source, said.time_ms, headers, said.data)


def recipients_of(event: Event) -> list[str]:
    """Whose feeds get the event; the public one, whose head is the lock, comes first and the rest in order."""
    told = sorted({getattr(event, field) for field in event.tells})
    return [PUBLIC, *told] if event.public else told
