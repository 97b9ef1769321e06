"""Whatever a writer with a bug sends, the ledger stays whole: the database refuses, or nothing was wrong with it."""

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from services.settlement.tests.market import Market
from services.settlement.tests.test_ledger import ALICE, BOB, balance, deposit, post

from assay.chain.values import Block
from assay.settlement import books

pytestmark = pytest.mark.server

REFUSED = (asyncpg.IntegrityConstraintViolationError, asyncpg.NumericValueOutOfRangeError)
LOG = "0x" + "cd" * 32
TRANSFER = "insert into transfers (log, era, kind, block, reverses) values ($1, $2, $3, $4, $5) returning number"
INSERT = "insert into entries (number, line, account, asset, amount)"
ENTRIES = f"""{INSERT}
select $1, $2 + given.turn, account, asset, amount from unnest($3::text[], $4::text[], $5::numeric[])
with ordinality as given (account, asset, amount, turn)
"""
WHOLE = """
select not exists (select from entries group by number, asset having sum(amount) <> 0)
and not exists (select from transfers where number not in (select number from entries))
and (select coalesce(max(number), 0) = count(*) from transfers)
and not exists (
    select from accounts a left join (
        select account, asset, sum(amount) as amount from entries group by account, asset
    ) e using (account, asset) where a.balance is distinct from coalesce(e.amount, 0)
) and not exists (select from accounts where balance < 0 and account not in ('outside', 'pool'))
and not exists (
    select from transfers t join transfers r on r.reverses = t.number join entries e on e.number in (t.number, r.number)
    group by t.number, account, asset having sum(amount) <> 0
) and not exists (
    select from transfers where reverses is null group by log having count(*) > 1
    and count(*) > 1 + count(*) filter (where exists (select from transfers r where r.reverses = transfers.number))
)
"""

accounts = st.sampled_from(["outside", "pool", ALICE, BOB, "nobody"])
assets = st.sampled_from(["stable", "stable", "native", "gold"])
amounts = st.sampled_from([-(10**80), -7, -3, 0, 3, 7, 100])
lines = st.lists(st.tuples(accounts, assets, amounts), max_size=4)
pairs = st.tuples(accounts, accounts, st.sampled_from([3, 7, 100])).map(
    lambda pair: [(pair[0], "stable", -pair[2]), (pair[1], "stable", pair[2])]
)
writes = st.one_of(
    st.tuples(
        st.just("transfer"),
        st.one_of(lines, pairs, pairs),
        st.integers(0, 2),
        st.sampled_from([0, 0, 0, 1]),
        st.sampled_from([None, None, None, 1, 2, 3]),
        st.sampled_from([False, False, True]),
    ),
    st.tuples(st.just("late entry"), st.integers(1, 4), pairs),
    st.tuples(
        st.just("sql"),
        st.sampled_from(
            [
                f"insert into accounts (account, asset, balance) values ('{ALICE}', 'native', 5)",
                "update accounts set balance = balance + 1",
                "update chain_cursor set era = era + 1",
                "update chain_cursor set era = era - 1",
                "update chain_cursor set block = block - 1",
                "update transfers set block = 0",
                "delete from entries where line = 0",
                "insert into ledger_head (number) values (9)",
                "update ledger_head set number = number + 1",
                "delete from chain_cursor",
            ]
        ),
    ),
)


async def write(connection: Any, said: Sequence[Any]) -> None:
    """One transaction of the writer."""
    kind, *rest = said
    if kind == "sql":
        await connection.execute(rest[0])
    elif kind == "late entry":
        number, entries = rest
        await connection.execute(ENTRIES, number, 10, *columns(entries))
    else:
        entries, turn, era, reverses, is_one_by_one = rest
        number = await connection.fetchval(TRANSFER, f"{LOG}:{turn}", era, "Deposited", turn, reverses)
        for line, entry in enumerate(entries if is_one_by_one else []):
            await connection.execute(ENTRIES, number, line, *columns([entry]))
        if entries and not is_one_by_one:
            await connection.execute(ENTRIES, number, 0, *columns(entries))


def columns(entries: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Accounts, assets and amounts."""
    return [list(column) for column in zip(*entries, strict=True)]


@settings(max_examples=settings().max_examples * 2 // 5, suppress_health_check=list(HealthCheck))
@given(said=st.lists(writes, min_size=1, max_size=12))
async def test_no_writer_breaks_the_ledger(said: list[Any], ledger: Any) -> None:
    connection, fresh = ledger
    await fresh()
    for each in said:
        try:
            async with connection.transaction():
                await write(connection, each)
        except REFUSED:
            pass
        assert await connection.fetchval(WHOLE), (each, said)


@pytest.fixture
async def ledger(market: Market, schema_dsn: str) -> Any:
    """A connection of a writer, and what empties the ledger again (by the one who may switch triggers off)."""
    connection = await asyncpg.connect(schema_dsn, server_settings={"search_path": "settlement"})

    async def fresh() -> None:
        async with connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            await connection.execute("truncate entries, transfers, accounts, ledger_head, chain_cursor")
            await connection.execute("insert into ledger_head (number) values (0)")
            await connection.execute("insert into chain_cursor (block) values (9)")

    yield connection, fresh
    await connection.close()


CHANGES = [
    f"insert into accounts (account, asset, balance) values ('{BOB}', 'stable', 5)",
    "update chain_cursor set era = era + 2, block = 0",
    "update chain_cursor set block = block - 1",
    "update chain_cursor set era = era + 1, block = 0",
    "insert into transfers (log, era, kind, block) select log, era + 1, kind, block from transfers",
    "with t as (insert into transfers (log, era, kind, block, reverses) select log, era, kind, block, number "
    f"from transfers returning number) {INSERT} select t.number, line, '{BOB}', asset, -amount from t, entries",
]


async def test_balances_eras_and_reversals_follow_from_what_happened(market: Market) -> None:
    await post(market, deposit(0, 10, block=2))
    async with market.context.store.transaction() as tx:
        seen = await books.cursor(tx)
        assert seen is not None and await books.advance(tx, seen, Block(3, b"\3" * 32, b"\0" * 32, 0))
    for change in CHANGES:
        with pytest.raises((asyncpg.CheckViolationError, asyncpg.RestrictViolationError)):
            await market.rows(change)
    assert await balance(market, ALICE) == 10


async def test_nothing_is_added_to_what_was_posted_before(market: Market) -> None:
    await post(market, deposit(0, 10))
    late = f"{INSERT} values (1, 7, 'outside', 'stable', -5), (1, 8, '{ALICE}', 'stable', 5)"
    with pytest.raises(asyncpg.RestrictViolationError):
        await market.rows(late)


async def test_no_log_of_the_chain_moves_what_is_held_for_a_job(market: Market) -> None:
    await post(market, deposit(0, 10))
    with pytest.raises(asyncpg.CheckViolationError, match="held_by_decision"):
        async with market.context.store.transaction() as tx:
            number = await tx.fetchval(TRANSFER, f"{LOG}:1", 0, "Deposited", 1, None)
            await tx.execute(ENTRIES, number, 0, ["outside", "hold:j"], ["stable", "stable"], [-5, 5])


async def test_a_transfer_takes_the_next_number_whatever_a_writer_does_to_the_setting(
    market: Market,
) -> None:
    await post(market, deposit(0, 10))
    bent = "case when set_config('assay.transfer', (each * 10)::text, true) <> '' then 1 end"
    rows = f"select '{LOG}:' || each, era, 'Deposited', {bent} from chain_cursor, generate_series(1, 2) as each"
    with pytest.raises(asyncpg.CheckViolationError, match="without gaps"):
        await market.rows(f"insert into transfers (log, era, kind, block) {rows}")


async def test_writers_that_come_together_take_numbers_one_after_the_other(market: Market) -> None:
    await post(market, deposit(0, 10))

    async def come(turn: int) -> list[int]:
        async with market.context.store.transaction() as tx:
            first = await books.post(tx, [deposit(3 * turn + 1, 1), deposit(3 * turn + 2, 1)])
            return first + await books.post(tx, [deposit(3 * turn + 3, 1)])

    numbers = await asyncio.gather(*map(come, range(8)))
    assert sorted(chain.from_iterable(numbers)) == list(range(2, 26))
    assert all(last == first + 2 for first, _, last in numbers), "each has its own in a row"
    assert await balance(market, ALICE) == 34


async def test_lines_that_do_not_balance_by_themselves_are_refused_though_others_would_follow(market: Market) -> None:
    await post(market, deposit(0, 10))
    with pytest.raises(asyncpg.CheckViolationError, match="do not sum to zero"):
        async with market.context.store.transaction() as tx:
            number = await tx.fetchval(TRANSFER, f"{LOG}:1", 0, "Deposited", 1, None)
            await tx.execute(ENTRIES, number, 0, [ALICE], ["stable"], [5])
            await tx.execute(ENTRIES, number, 1, [BOB], ["stable"], [-5])
