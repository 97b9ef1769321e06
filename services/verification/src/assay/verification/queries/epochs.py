"""Epochs: what waits to be pooled, what is pooled, and how far it has come."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from assay.schema.epoch import ENTRIES_MAX, DrawnSegment, EpochClosed, EpochFault
from assay.schema.lease import UNPROVEN
from assay.schema.values import NO_DIGEST
from assay.store import Transaction
from assay.verification.domain import Draw, Part, Waiting, Whole, fitting
from assay.verification.queries.cases import part_of_row

CLOSED: Final[TypeAdapter[EpochClosed]] = TypeAdapter(EpochClosed)


@dataclass(frozen=True, slots=True)
class Kept:
    """An epoch as it is kept."""

    closed: EpochClosed
    state: str
    block: int | None
    beacon_block: int | None
    beacon_hash: bytes | None
    seed: str | None
    drawn: tuple[DrawnSegment, ...]
    extra: frozenset[tuple[str, int]]
    drawn_ms: int | None
    waits: dict[str, int]
    trace_block: int | None = None
    trace_hash: str | None = None
    pay: int = 0
    """What its work is to be paid, base units, once it is drawn."""
    work_ms: int = 0
    fault: EpochFault | None = None


@dataclass(frozen=True, slots=True)
class HeldOpen:
    """That an epoch stays open: which, for what, and until when at the latest."""

    epoch_id: str
    code: str
    closes_ms: int


async def waiting(tx: Transaction) -> list[Waiting]:
    """Providers whose parts wait, and whose last epoch is on chain, so that the next may follow it."""
    sql = """select provider, count(*) as parts, min(checked_ms) as since_ms, max(needed) as needed,
                    sum((entry->>3)::bigint)::bigint as segments, min(presses_ms) as presses_ms from parts p
             where checked_ms is not null and epoch_id is null and passed is null
             and not exists (select 1 from epochs e where e.provider = p.provider and e.state = 'committed')
             group by provider"""
    return [Waiting(**row) for row in await tx.fetch(sql)]


async def held_open(tx: Transaction, provider: str) -> HeldOpen | None:
    """What was said last of the provider's epoch that stays open."""
    row = await tx.fetchrow("select epoch_id, code, closes_ms from held_open where provider = $1", provider)
    return HeldOpen(**row) if row else None


async def hold_open(tx: Transaction, provider: str, held: HeldOpen) -> None:
    """Keep what is said of the provider's epoch that stays open."""
    sql = """insert into held_open (provider, epoch_id, code, closes_ms) values ($1, $2, $3, $4)
             on conflict (provider) do update set (epoch_id, code, closes_ms)
             = (excluded.epoch_id, excluded.code, excluded.closes_ms)"""
    await tx.execute(sql, provider, held.epoch_id, held.code, held.closes_ms)


async def next_of(tx: Transaction, provider: str) -> tuple[int, str, list[Part]]:
    """Number, previous root and parts of a provider's next epoch."""
    last = "select number, root from epochs where provider = $1 order by number desc limit 1"
    row = await tx.fetchrow(last, provider)
    sql = """select entry, job_id, coalesce(granted #>> '{spec,params,egress}', '[]') <> '[]' as reaches
             from parts join leases using (lease_id)
             where provider = $1 and checked_ms is not null and epoch_id is null and passed is null
             order by checked_ms, lease_id limit $2"""
    parts = fitting([part_of_row(*found) for found in await tx.fetch(sql, provider, ENTRIES_MAX)])
    return (row["number"] + 1, row["root"], parts) if row else (1, NO_DIGEST, parts)


async def keep_epoch(tx: Transaction, closed: EpochClosed, lease_ids: Sequence[str]) -> None:
    """Keep a new epoch, and that the parts of these leases are in it."""
    sql = "insert into epochs (epoch_id, provider, number, committed, root) values ($1, $2, $3, $4, $5)"
    epoch_id = closed.epoch_id
    await tx.execute(sql, epoch_id, closed.provider, closed.number, closed.model_dump_json(), closed.root)
    sql = "update parts set epoch_id = $1 where lease_id = any($2::text[])"
    await tx.execute(sql, epoch_id, list(lease_ids))


async def parts_of(tx: Transaction, epoch_id: str) -> list[Part]:
    """The parts of an epoch, in its order."""
    sql = "select entry, job_id from parts where epoch_id = $1 order by lease_id"
    return [part_of_row(row["entry"], row["job_id"]) for row in await tx.fetch(sql, epoch_id)]


async def jobs_of(tx: Transaction, epoch_id: str) -> list[str]:
    """The jobs that have a lease in an epoch."""
    sql = "select distinct job_id from parts where epoch_id = $1 order by job_id"
    return [row["job_id"] for row in await tx.fetch(sql, epoch_id)]


async def anchor(tx: Transaction, epoch_id: str, block: int) -> None:
    """Keep the block that the epoch's root stands in."""
    sql = "update epochs set state = 'anchored', block = $2, waits = null where epoch_id = $1 and state = 'committed'"
    await tx.execute(sql, epoch_id, block)


async def claim(tx: Transaction, state: str, now_ms: int, claim_ms: int, limit: int) -> list[Kept]:
    """Epochs in a state that nobody else works on until `now_ms + claim_ms`."""
    sql = """update epochs set claimed_until_ms = $2 + $3 where epoch_id in (
                 select epoch_id from epochs where state = $1 and claimed_until_ms <= $2
                 order by claimed_until_ms limit $4 for update skip locked)
             returning *"""
    return [kept_of(row) for row in await tx.fetch(sql, state, now_ms, claim_ms, limit)]


async def release(tx: Transaction, epoch_ids: Sequence[str], again_ms: int) -> None:
    """Let anybody claim the epochs from `again_ms` on."""
    sql = "update epochs set claimed_until_ms = $2 where epoch_id = any($1::text[])"
    await tx.execute(sql, sorted(epoch_ids), again_ms)


async def lock(tx: Transaction, epoch_id: str) -> Kept:
    """The epoch, which nobody else moves until the commit."""
    row = await tx.fetchrow("select * from epochs where epoch_id = $1 for update", epoch_id)
    assert row is not None
    return kept_of(row)


async def keep_draw(tx: Transaction, epoch_id: str, draw: Draw, whole: Whole, now_ms: int) -> None:
    """Keep what was drawn, and what the whole of it comes to."""
    sql = """update epochs set state = 'drawn', beacon_block = $2, seed = $3, drawn = $4, extra = $5, drawn_ms = $6,
             pay = $7, work_ms = $8, waits = null, claimed_until_ms = 0 where epoch_id = $1"""
    drawn = json.dumps([[each.lease_id, each.segment] for each in draw.segments])
    row = (draw.block, draw.seed, drawn, json.dumps(sorted(draw.extra)), now_ms, whole.pay, whole.work_ms)
    await tx.execute(sql, epoch_id, *row)


async def end(tx: Transaction, epoch_id: str, fault: EpochFault | None) -> None:
    """Keep that the epoch has passed, or why it is forfeit; its leases are still to be judged."""
    sql = "update epochs set state = $2, fault = $3, is_judged = false, waits = null where epoch_id = $1"
    await tx.execute(sql, epoch_id, "rejected" if fault else "passed", fault.model_dump_json() if fault else None)


async def unjudged(tx: Transaction, epoch_id: str, limit: int) -> list[str]:
    """Leases of an epoch without their verdict, in its order."""
    sql = "select lease_id from parts where epoch_id = $1 and passed is null order by lease_id limit $2"
    return [row["lease_id"] for row in await tx.fetch(sql, epoch_id, limit)]


async def judged(tx: Transaction, epoch_id: str) -> None:
    """Keep that all leases of an epoch have their verdict."""
    await tx.execute("update epochs set is_judged = true where epoch_id = $1", epoch_id)


async def lock_unjudged(tx: Transaction) -> Kept | None:
    """An epoch that has ended before all its leases are judged, which nobody else judges until the commit."""
    row = await tx.fetchrow("select * from epochs where not is_judged limit 1 for update skip locked")
    return kept_of(row) if row else None


async def move(tx: Transaction, epoch_id: str, state: str) -> None:
    """Keep how far the epoch has come; what it waited for is over."""
    sql = "update epochs set state = $2, waits = null, claimed_until_ms = 0 where epoch_id = $1"
    await tx.execute(sql, epoch_id, state)


async def note_wait(tx: Transaction, epoch_id: str, reasons: dict[str, int]) -> None:
    """Keep what the epoch waits for."""
    await tx.execute("update epochs set waits = $2 where epoch_id = $1", epoch_id, json.dumps(reasons))


async def passed_since_fault(tx: Transaction, provider: str) -> int:
    """How many epochs of a provider have passed, answered, since the last that was rejected."""
    sql = """select count(*) from epochs e where provider = $1 and state = 'passed' and number > coalesce(
             (select max(number) from epochs where provider = $1 and state = 'rejected'), 0)
             and not exists (select 1 from questions q where q.epoch_id = e.epoch_id and q.finding ->> 'code' = $2)"""
    return int(await tx.fetchval(sql, provider, UNPROVEN))


async def by_id(tx: Transaction, epoch_ids: Sequence[str]) -> dict[str, Kept]:
    """These epochs."""
    rows = await tx.fetch("select * from epochs where epoch_id = any($1::text[])", sorted(epoch_ids))
    return {row["epoch_id"]: kept_of(row) for row in rows}


async def has_open(tx: Transaction) -> bool:
    """Whether any part waits or any epoch is under way."""
    sql = """select exists (select 1 from parts where checked_ms is not null and epoch_id is null and passed is null)
             or exists (select 1 from questions where stands is null)"""
    return bool(await tx.fetchval(sql))


def kept_of(row: Any) -> Kept:
    """The epoch in a row."""
    drawn = json.loads(row["drawn"] or "[]")
    return Kept(
        closed=CLOSED.validate_json(row["committed"]),
        state=row["state"],
        block=row["block"],
        beacon_block=row["beacon_block"],
        beacon_hash=row["beacon_hash"],
        seed=row["seed"],
        drawn=tuple(DrawnSegment(lease_id=lease_id, segment=segment) for lease_id, segment in drawn),
        extra=frozenset((lease_id, segment) for lease_id, segment in json.loads(row["extra"] or "[]")),
        drawn_ms=row["drawn_ms"],
        waits=json.loads(row["waits"] or "{}"),
        trace_block=row["trace_block"],
        trace_hash=row["trace_hash"],
        pay=int(row["pay"] or 0),
        work_ms=row["work_ms"] or 0,
        fault=EpochFault.model_validate_json(row["fault"]) if row["fault"] else None,
    )
