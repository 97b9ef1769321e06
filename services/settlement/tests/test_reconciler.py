"""Ledger and chain are compared, account by account: what differs shows, and what is only late does not."""

from collections.abc import Iterable
from typing import Any

import pytest
from services.settlement.tests.market import DEPOSIT, PEOPLE, Market
from services.settlement.tests.stories import key_of

from assay.chain import wallet
from assay.chain.events import LoggedEvent
from assay.chain.memory import MemoryChain
from assay.chain.values import Block
from assay.settlement import books
from assay.settlement.ledger import Book
from assay.store import Transaction

pytestmark = pytest.mark.server


async def test_a_ledger_that_differs_from_the_chain_shows(market: Market) -> None:
    await market.hands().until_still()
    hands = market.hands(chain=Poorer(market.chain))
    assert await hands.reconciler.step()
    assert hands.gauges.drift.value == len(PEOPLE)


async def test_accounts_are_compared_however_fast_the_chain_goes_on(market: Market) -> None:
    await market.hands().until_still()
    hands = market.hands(chain=Restless(market.chain))
    assert await hands.reconciler.step()
    assert hands.gauges.drift.value == 0 and await market.deposit("requester") == DEPOSIT


async def test_a_follower_that_commits_between_two_statements_makes_no_difference(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    await market.hands().until_still()
    hands, load = market.hands(), books.load
    await wallet.deposit(market.chain, key_of("requester"), 1)

    async def follow_first(tx: Transaction, accounts: Iterable[str], sql: str = books.BALANCES) -> Book:
        monkeypatch.undo()
        assert await hands.follower.advance()
        return await load(tx, accounts, sql)

    monkeypatch.setattr(books, "load", follow_first)
    assert await hands.reconciler.step()
    assert hands.gauges.drift.value == 0 and await market.deposit("requester") == DEPOSIT + 1


async def test_a_node_that_answered_a_block_too_late_is_asked_again(market: Market) -> None:
    await market.hands().until_still()
    hands = market.hands(chain=Hasty(market.chain))
    assert await hands.reconciler.step()
    assert hands.gauges.drift.value == 0


async def test_what_differs_only_the_second_time_does_not_count_either(market: Market) -> None:
    await market.hands().until_still()
    hands = market.hands(chain=Flickering(market.chain))
    assert await hands.reconciler.step()
    assert hands.gauges.drift.value == 0


class Flickering:
    """A chain whose node errs in each answer of how accounts stood, by one unit of another person."""

    def __init__(self, chain: MemoryChain) -> None:
        self._chain, self._turns, self._wrong = chain, iter(sorted(PEOPLE)), ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    def at(self, block: Block) -> Any:
        self._wrong = key_of(next(self._turns)).address.lower()
        return self

    async def stake_of(self, address: str) -> int:
        return await self._chain.stake_of(address) - (address.lower() == self._wrong)


class Hasty:
    """A chain whose node, asked how accounts stood, mines deposits and says how they stand, the first time."""

    def __init__(self, chain: MemoryChain) -> None:
        self._chain, self._is_calm = chain, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    def at(self, block: Block) -> Any:
        then = self._chain.at(block) if self._is_calm else self
        self._is_calm = True
        return then

    async def account_of(self, address: str) -> Any:
        await wallet.deposit(self._chain, key_of("requester"), 1)
        return await self._chain.account_of(address)


class Restless:
    """A chain on which somebody deposits between any two questions."""

    def __init__(self, chain: MemoryChain) -> None:
        self._chain = chain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    async def events(self, from_block: int, to_block: int) -> list[LoggedEvent]:
        await wallet.deposit(self._chain, key_of("requester"), 1)
        return await self._chain.events(from_block, to_block)


class Poorer:
    """A chain on which everybody lacks one unit."""

    def __init__(self, chain: MemoryChain) -> None:
        self._chain = chain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    def at(self, block: Block) -> "Poorer":
        return Poorer(self._chain.at(block))

    async def stake_of(self, address: str) -> int:
        return await self._chain.stake_of(address) - 1
