"""Settlement on a real EVM node: the whole way of a job, and a reorganisation in the middle of it."""

import pytest
from services.settlement.tests.market import DEPOSIT, Market, until
from services.settlement.tests.stories import PRICE, UNITS, Part
from tests.servers import rpc

from assay.schema.values import cost_of

pytestmark = pytest.mark.server
COIN_WEI = hex(10**21)
CONFIRMATIONS = 3


async def test_a_job_is_paid_refunded_and_slashed_on_a_real_chain(node_market: Market) -> None:
    market = node_market
    await market.play(market.story("node", (Part("alpha", 2), Part("beta", 1, is_true=False))))
    assert await market.balance("alpha") == DEPOSIT + cost_of(2 * UNITS, PRICE)
    assert await market.balance("beta") == DEPOSIT
    said = [event["type"] for event in await market.said("job.funded", *MONEY)]
    assert sorted(said) == ["job.funded", "job.refunded", "lease.paid", "lease.slashed"]
    assert await market.chain.pool_balance() == 50 * 10**18
    await market.check()


MONEY = ("lease.paid", "lease.slashed", "job.settled", "job.refunded")


async def test_a_reorganisation_of_two_blocks_takes_nothing_and_pays_nothing_twice(
    node_market: Market, chain_url: str
) -> None:
    market = node_market
    await mine(chain_url, CONFIRMATIONS)
    story = market.story("reorganised", (Part("alpha", 2),))
    hands = market.hands(confirmations=CONFIRMATIONS)
    for said, answer in (([story.submitted()], "job.funded"), (story.work(), "job.settled")):
        await market.hear_all(said)
        await hands.rounds(3)
        await mine(chain_url, 1)
        assert await market.said(answer) == []
        (attempt,) = await market.rows("select hash from attempts order by at_ms desc limit 1")
        assert await market.chain.receipt(bytes(attempt[0])) is not None
        await rpc(chain_url, "anvil_reorg", 2, [])
        assert await market.chain.receipt(bytes(attempt[0])) is None

        async def is_answered(answer: str = answer) -> bool:
            await hands.rounds(1)
            await mine(chain_url, 1)
            return bool(await market.said(answer))

        await until(is_answered)
    await mine(chain_url, CONFIRMATIONS)
    await hands.rounds(3)
    assert await market.balance("alpha") == DEPOSIT + cost_of(2 * UNITS, PRICE)
    assert len(await market.said("job.funded")) == len(await market.said("job.settled")) == 1
    assert await market.rows("select from transfers where reverses is not null") == []
    assert [row[0] for row in await market.rows("select state from transactions order by nonce")] == ["final", "final"]
    await market.check()


async def mine(url: str, count: int) -> None:
    await rpc(url, "anvil_mine", hex(count))
