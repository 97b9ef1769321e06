"""What the ledger takes a second, by settlement's own statements and rules, beside the same rows without any rule.

Both write into one database of one server, with transactions of the size that the closer makes.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]

from assay.proof.settlement import Payout, Settlement
from assay.schema.values import derive_id, job_word
from assay.settlement import books
from assay.settlement.closer import TOUCHED_MAX
from assay.settlement.finality import UNLIMITED
from assay.settlement.ledger import OUTSIDE, Asset, Transfer, deposit, move
from assay.settlement.paying import holds
from assay.settlement.service import MIGRATIONS
from assay.store import Store
from bench.settlement.service import Running

BATCHES: Final = 10
PRICE: Final = 3_000
LIMIT: Final = 4_000
NOW_MS: Final = 1_800_000_000_000
REQUESTER: Final = f"0x{1:040x}"
PLAIN: Final = """
create table plain_accounts (account text, asset text, balance numeric(78, 0) not null, primary key (account, asset));
create table plain_transfers (number bigint primary key, log text not null unique, kind text not null);
create table plain_entries (
    number bigint, line smallint, account text not null, asset text not null, amount numeric(78, 0) not null,
    primary key (number, line)
);
create table plain_steps (like steps);
alter table plain_steps add primary key (position);
"""
SUM_UP: Final = """
insert into plain_accounts as a select account, asset, sum(amount) from plain_entries where number between $1 and $2
group by 1, 2 on conflict (account, asset) do update set balance = a.balance + excluded.balance
"""
TABLES: Final = ("transfers", "entries", "steps")
COLUMNS: Final = {"transfers": "number, log, kind", "entries": "*", "steps": "*"}


@dataclass(frozen=True, slots=True)
class Posted:
    """Lines of the ledger a second: ours, and those of plain rows."""

    ours: float
    plain: float

    def figures(self) -> dict[str, float]:
        """What is printed of ours."""
        return {"ledger_lines_a_second": self.ours}


async def measure(running: Running) -> Posted:
    """Ours first, then the very rows that came of it once more."""
    await running.memory.execute("create database postings")
    dsn = running.servers.postgres.dsn_of("postings")
    plain = await asyncpg.connect(dsn)
    await plain.execute("create schema settlement")
    await plain.execute("set search_path to settlement")
    store = await Store.connect(dsn, "settlement")
    try:
        await store.migrate(MIGRATIONS)
        await begin(store)
        lines, seconds = await post_all(store)
        return Posted(lines / seconds, lines / await copy_all(plain))
    finally:
        await store.close()
        await plain.close()


async def begin(store: Store) -> None:
    """Somebody has a deposit."""
    async with store.transaction() as tx:
        await tx.execute("insert into blocks (number, hash) values (1, $1)", "0x" + "11" * 32)
        await tx.execute("insert into chain_cursor (block) values (1)")
        given = move(Asset.STABLE, 10**12, OUTSIDE, deposit(REQUESTER))
        await books.post(tx, [Transfer("0x" + "22" * 32 + ":0", "Deposited", 1, given)])


async def post_all(store: Store) -> tuple[int, float]:
    """How many lines holding and charging a few thousand jobs made, and in how many seconds."""
    batches = [settlements(turn) for turn in range(BATCHES)]
    begun_s = time.perf_counter()
    for batch in batches:
        async with store.transaction() as tx:
            holder = holds.Holder(tx, UNLIMITED)
            for each in batch:
                await holder.take(job_of(each), REQUESTER, LIMIT)
            await holder.write()
        async with store.transaction() as tx:
            await holds.charge_all(tx, batch, NOW_MS)
    seconds = time.perf_counter() - begun_s
    async with store.reading() as tx:
        return int(await tx.fetchval("select count(*) from entries")), seconds


def settlements(turn: int) -> Sequence[Settlement]:
    """A batch of jobs, each with a price, a fee, and something that goes back."""
    first, fee = turn * TOUCHED_MAX, PRICE // 100
    return [
        Settlement(
            job_word(derive_id("j", "posting", number)),
            REQUESTER,
            (Payout(f"0x{1000 + number % 10:040x}", PRICE - fee, fee),),
            bytes(32),
        )
        for number in range(first, first + TOUCHED_MAX)
    ]


def job_of(each: Settlement) -> str:
    """A job's id."""
    return each.job.rstrip(b"\0").decode()


async def copy_all(plain: Any) -> float:
    """The seconds in which the same rows are written with nothing but their keys, and summed up."""
    await plain.execute(PLAIN)
    rows = {name: await plain.fetch(f"select {COLUMNS[name]} from {name} order by 1") for name in TABLES}
    begun_s, size = time.perf_counter(), {name: -(-len(rows[name]) // (2 * BATCHES)) for name in TABLES}
    for turn in range(2 * BATCHES):
        async with plain.transaction():
            for name in TABLES:
                await plain.copy_records_to_table(f"plain_{name}", records=part_of(rows[name], turn, size[name]))
            numbers = [row[0] for row in part_of(rows["entries"], turn, size["entries"])]
            await plain.execute(SUM_UP, numbers[0], numbers[-1])
    return time.perf_counter() - begun_s


def part_of(rows: Sequence[Any], turn: int, size: int) -> Sequence[Any]:
    """One batch of the rows."""
    return rows[turn * size : (turn + 1) * size]
