"""The whole service in its shell: what is away is waited for, and one replica holds the desk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from services.settlement.tests.market import DEPOSIT, OPERATOR, Knobs, Market, context_of, settlement, until
from services.settlement.tests.stories import Part, Story, key_of

from assay.bus.port import Record
from assay.chain import wallet
from assay.chain.errors import ChainUnreachable
from assay.chain.values import Block
from assay.runtime.context import Context
from assay.runtime.shell import Shell
from assay.settlement.bell import Bell
from assay.settlement.work import keep_desk

pytestmark = pytest.mark.server


class Fickle:
    """A chain whose node can be away."""

    def __init__(self, chain: Any) -> None:
        self._chain, self.is_away = chain, False
        self.deployment = chain.deployment

    def at(self, block: Block) -> "Fickle":
        then = Fickle(self._chain.at(block))
        then.is_away = self.is_away
        return then

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            if self.is_away:
                raise ChainUnreachable("The node is away.")
            return await getattr(self._chain, name)(*args)

        return call


def at_work(context: Context, chain: Fickle) -> Context:
    """The service with a desk over this chain."""

    @asynccontextmanager
    async def open_chain() -> AsyncIterator[Any]:
        await chain.block()
        yield chain

    async def desk(context: Context) -> None:
        await keep_desk(context, open_chain, OPERATOR, Knobs(), Bell())

    return replace(context, service=replace(settlement(), tasks=(desk,)))


@asynccontextmanager
async def running(*contexts: Context) -> AsyncIterator[None]:
    shells = [asyncio.create_task(Shell(context).run()) for context in contexts]
    try:
        yield
    finally:
        for context in contexts:
            context.stopping.set()
        await asyncio.gather(*shells)


async def publish(market: Market, story: Story, *, is_first: bool) -> None:
    said = [story.submitted()] if is_first else story.work()
    await market.context.bus.publish([Record(e.id, e.subject, e.headers(), e.data) for e in said])


async def test_a_chain_that_is_away_makes_jobs_wait_and_loses_nothing(market: Market) -> None:
    chain, story = Fickle(market.chain), market.story("patient", (Part("alpha", 2),))
    chain.is_away = True
    async with running(at_work(market.context, chain)):
        await publish(market, story, is_first=True)
        await until(lambda: market.rows("select from awaiting"))
        assert await market.said() == []
        chain.is_away = False
        await until(lambda: market.said("job.funded"))
        chain.is_away = True
        await publish(market, story, is_first=False)
        await until(lambda: market.rows("select from touched"))
        chain.is_away = False
        await until(lambda: market.said("job.settled"))
    await market.check()


async def test_an_order_that_waits_for_a_deposit_is_not_refused_while_the_chain_is_away(market: Market) -> None:
    """For however long: the deposit may be there, and nobody could see it."""
    chain, story = Fickle(market.chain), market.story("hour", (), price_limit=2 * DEPOSIT)
    hands = market.hands(chain=chain)
    await hands.rounds(2)
    chain.is_away = True
    await market.hear(story.submitted())
    await market.rows("update awaiting set until_ms = 0")
    await wallet.deposit(market.chain, key_of("requester"), DEPOSIT)
    for _ in range(3):
        assert not await hands.herald.step()
    chain.is_away = False
    assert not await hands.herald.step(), "what came meanwhile is not in the ledger yet"
    await hands.rounds(2)
    assert [event["type"] for event in await market.said("job.funded", "job.unfunded")] == ["job.funded"]


async def test_replicas_share_the_work_and_one_of_them_holds_the_desk(market: Market, schema_dsn: str) -> None:
    other = replace(await context_of(schema_dsn, settlement()), bus=market.context.bus)
    stories = [market.story(f"shared {turn}", (Part("alpha", 1),)) for turn in range(10)]
    first, second = at_work(market.context, Fickle(market.chain)), at_work(other, Fickle(market.chain))
    async with running(first, second):
        for story in stories:
            await publish(market, story, is_first=True)

        async def are_funded() -> bool:
            return len(await market.said("job.funded")) == len(stories)

        await until(are_funded)
        first.stopping.set()
        market.chain.advance(2)
        for story in stories:
            await publish(market, story, is_first=False)

        async def are_settled() -> bool:
            return len(await market.said("job.settled")) == len(stories)

        await until(are_settled)
    await market.check()
    await other.store.close()
