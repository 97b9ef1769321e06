"""What timers rest on: who runs now, and what was last said of an aggregate."""

from collections.abc import Iterable
from dataclasses import dataclass

from assay.store.transaction import Transaction

DUE = """
insert into timer (name, ran_at) select $1, now() where pg_try_advisory_xact_lock(hashtextextended($3, 0))
on conflict (name) do update set ran_at = now() where timer.ran_at <= now() - make_interval(secs => $2) returning 1
"""
LAST = """
select last.event_id, last.aggregate, last.subject, last.data from unnest($1::text[]) as wanted (aggregate)
cross join lateral (
    select * from outbox where outbox.aggregate = wanted.aggregate order by position desc limit 1
) as last
"""


@dataclass(frozen=True, slots=True)
class Said:
    """An event that this service said."""

    event_id: str
    type: str
    data: bytes


async def claim_timer(tx: Transaction, service: str, name: str, every_s: float) -> bool:
    """Whether the timer is due and this transaction runs it; until the commit no other can."""
    return bool(await tx.fetchval(DUE, name, every_s, f"timer:{service}:{name}"))


async def last_said(tx: Transaction, aggregates: Iterable[str]) -> dict[str, Said]:
    """The last event that this service said of each aggregate, of those it still keeps."""
    rows = await tx.fetch(LAST, sorted(aggregates))
    return {row["aggregate"]: Said(row["event_id"], _type_of(row["subject"]), row["data"]) for row in rows}


def _type_of(subject: str) -> str:
    return ".".join(subject.split(".")[1:3])
