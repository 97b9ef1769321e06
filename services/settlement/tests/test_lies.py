"""A node that lies or hangs delays money; it neither loses nor doubles any."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from services.settlement.tests.lying import LIES, Node, lying
from services.settlement.tests.market import DEADLINE_S, DEPOSIT, TERMS, Hands, Market, pass_time
from services.settlement.tests.stories import Part, key_of, net_of

from assay.chain import rpc
from assay.chain.client import connect
from assay.chain.errors import ChainError
from assay.schema.errors import Retry, Unreachable
from assay.settlement import sender

pytestmark = pytest.mark.server


@pytest.fixture
async def liar(chain_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Node]:
    """A node that tells the truth until it is told to lie, and is waited for less long than others."""
    monkeypatch.setattr(rpc, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(sender, "RESEND_S", 0.2)
    async with lying(chain_url) as node:
        yield node


async def test_a_node_that_lies_or_hangs_delays_money_and_each_payment_happens_once(
    node_market: Market, liar: Node
) -> None:
    market, deployment = node_market, node_market.chain.deployment
    chain = await connect(liar.url, deployment)
    hands = market.hands(chain=chain)
    await hands.rounds(2)  # Deposits are known.

    async def paid() -> int:
        return int(await market.chain.token_balance(deployment.stable, key_of("alpha").address)) - DEPOSIT

    for turn, (name, (lie, times)) in enumerate({"truth": (None, 0), **LIES}.items(), 1):
        story = market.story(name, (Part("alpha", 1),))
        await market.hear(story.submitted())
        await market.hear_all(story.work())

        async def is_settled(turn: int = turn) -> bool:
            return len(await market.said("job.settled")) == turn

        async def is_paid(turn: int = turn) -> bool:
            return await paid() == turn * net_of(1)

        for is_done, wait_s in ((is_settled, 2), (is_paid, TERMS.windows.window_s + 2)):
            await pass_time(market.chain, wait_s)
            if lie is not None:
                await liar.begin(lie, times)
            await work_until(hands, market, is_done, name)
            liar.left = 0

    async def is_final() -> bool:
        return not await market.rows("select from transactions where state in ('sent', 'void')")

    await work_until(hands, market, is_final, "the end")
    nonces = [row[0] for row in await market.rows("select nonce from transactions order by nonce")]
    assert nonces == list(range(nonces[0], nonces[0] + len(nonces)))
    assert await paid() == (1 + len(LIES)) * net_of(1)
    await market.check()
    await chain.close()


async def work_until(hands: Hands, market: Market, is_done: Callable[[], Awaitable[Any]], what: str) -> None:
    """The desk works; what is away is asked again, as its loops do, and the chain goes on by itself."""
    end_s = time.monotonic() + DEADLINE_S
    while not await is_done():
        assert time.monotonic() < end_s, f"it never healed: {what}"
        try:
            has_moved = await hands.round()
        except (ChainError, Retry, Unreachable):
            continue
        if not has_moved:
            await pass_time(market.chain, 2)
