"""The rules of the ledger, as the database itself holds them."""

from decimal import Decimal

import asyncpg
import pytest
from services.settlement.tests.market import Market
from services.settlement.tests.stories import key_of

from assay.chain.values import Block
from assay.settlement import books
from assay.settlement.ledger import Asset, Entry, Transfer, move, stake

pytestmark = pytest.mark.server

ALICE, BOB = stake(key_of("alice").address), stake(key_of("bob").address)


def transfer(turn: int, *entries: Entry, block: int = 1) -> Transfer:
    return Transfer("0x" + "ab" * 32 + f":{turn}", "Deposited", block, entries)


def deposit(turn: int, amount: int, block: int = 1) -> Transfer:
    return transfer(turn, *move(Asset.STABLE, amount, "outside", ALICE), block=block)


async def post(market: Market, *transfers: Transfer) -> None:
    async with market.context.store.transaction() as tx:
        await books.begin(tx, Block(0, b"\1" * 32, b"\0" * 32, 0))
        await books.post(tx, transfers)


async def balance(market: Market, account: str) -> int:
    rows = await market.rows("select balance from accounts where account = $1", account)
    return int(rows[0][0]) if rows else 0


async def test_balances_follow_from_entries(market: Market) -> None:
    await post(market, deposit(0, 100), transfer(1, *move(Asset.STABLE, 30, ALICE, BOB)))
    assert (await balance(market, ALICE), await balance(market, BOB), await balance(market, "outside")) == (
        70,
        30,
        -100,
    )


async def test_amounts_may_be_as_large_as_the_chain_knows(market: Market) -> None:
    await post(market, deposit(0, 2**256 - 1))
    assert await balance(market, ALICE) == 2**256 - 1


async def test_entries_that_do_not_sum_to_zero_are_refused(market: Market) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await post(market, transfer(0, Entry("outside", Asset.STABLE, -5), Entry(ALICE, Asset.STABLE, 4)))


async def test_one_asset_does_not_make_up_for_another(market: Market) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await post(market, transfer(0, Entry("outside", Asset.STABLE, -5), Entry(ALICE, Asset.NATIVE, 5)))


async def test_a_transfer_without_entries_is_refused(market: Market) -> None:
    await post(market)
    with pytest.raises(asyncpg.CheckViolationError):
        await market.rows(
            "insert into transfers (log, era, kind, block) values ($1, 0, 'x', 1)", "0x" + "a" * 64 + ":0"
        )


async def test_no_party_overdraws(market: Market) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await post(market, deposit(0, 10), transfer(1, *move(Asset.STABLE, 11, ALICE, BOB)))
    assert await balance(market, ALICE) == 0


async def test_a_log_posts_once(market: Market) -> None:
    await post(market, deposit(0, 10))
    with pytest.raises(asyncpg.UniqueViolationError):
        await post(market, deposit(0, 10))
    assert await balance(market, ALICE) == 10


async def test_what_fails_leaves_no_gap_in_the_numbers(market: Market) -> None:
    await post(market, deposit(0, 10))
    with pytest.raises(asyncpg.CheckViolationError):
        await post(market, transfer(1, *move(Asset.STABLE, 99, ALICE, BOB)))
    await post(market, deposit(2, 10))
    assert [row[0] for row in await market.rows("select number from transfers order by number")] == [1, 2]


@pytest.mark.parametrize(
    "change",
    [
        "update transfers set kind = 'x'",
        "delete from transfers",
        "update entries set amount = 1",
        "delete from entries",
        "truncate entries",
        "truncate transfers cascade",
        "update accounts set balance = 10",
        "delete from accounts",
        "update ledger_head set number = 10",
        "delete from ledger_head",
    ],
)
async def test_the_past_cannot_be_changed(market: Market, change: str) -> None:
    await post(market, deposit(0, 10))
    with pytest.raises(asyncpg.RestrictViolationError):
        await market.rows(change)


async def test_what_a_fork_undid_is_posted_the_other_way_round_and_may_come_again(market: Market) -> None:
    await post(market, deposit(0, 10, block=1), deposit(1, 5, block=2))
    async with market.context.store.transaction() as tx:
        seen = await books.cursor(tx)
        assert seen is not None and await books.advance(tx, seen, Block(2, b"\2" * 32, b"\1" * 32, 0))
        await tx.execute("insert into blocks (number, hash) values (1, $1)", "0x" + "01" * 32)
    async with market.context.store.transaction() as tx:
        seen = await books.cursor(tx)
        assert seen is not None and await books.undo(tx, seen, 1)
    assert await balance(market, ALICE) == 10
    await post(market, deposit(1, 5, block=2))
    assert await balance(market, ALICE) == 15
    rows = await market.rows("select era, reverses is not null from transfers order by number")
    assert [tuple(row) for row in rows] == [(0, False), (0, False), (0, True), (1, False)]
    assert sum(row[0] for row in await market.rows("select sum(amount) from entries")) == Decimal(0)
