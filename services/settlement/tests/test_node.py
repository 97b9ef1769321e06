"""Settlement on a real EVM node: the whole way of a job, and a reorganisation in the middle of it."""

import pytest
from services.settlement.tests.auditing import FEE, Epoch, overruled, upheld
from services.settlement.tests.market import ADMIN, DEPOSIT, Market, until
from services.settlement.tests.stories import Part, net_of
from tests.servers import rpc

from assay.chain import wallet
from assay.proof import verify
from assay.schema.values import BOND_PER_VERIFIER

pytestmark = pytest.mark.server
COIN_WEI = hex(10**21)
CONFIRMATIONS = 3


async def test_a_job_is_paid_refunded_and_slashed_on_a_real_chain(node_market: Market) -> None:
    market = node_market
    await market.play(market.story("node", (Part("alpha", 2), Part("beta", 1, is_true=False))))
    assert await market.balance("alpha") == DEPOSIT + net_of(2)
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
    assert await market.balance("alpha") == DEPOSIT + net_of(2)
    assert len(await market.said("job.funded")) == len(await market.said("job.settled")) == 1
    assert await market.rows("select from transfers where reverses is not null") == []
    assert [row[0] for row in await market.rows("select state from transactions order by nonce")] == ["final", "final"]
    await market.check()


async def test_an_epoch_is_anchored_across_a_reorganisation_paid_and_audited(
    node_market: Market, chain_url: str
) -> None:
    market, hands = node_market, node_market.hands(confirmations=CONFIRMATIONS)
    await wallet.mint_stable(market.chain, ADMIN, ADMIN.address, 10 * FEE)
    await wallet.fund_audits(market.chain, ADMIN, 10 * FEE)
    await mine(chain_url, CONFIRMATIONS)
    story = market.story("epoch", (Part("alpha", 2),))
    epoch = Epoch("alpha", 1, [story])

    async def is_said(*types: str) -> bool:
        await hands.rounds(1)
        await mine(chain_url, 1)
        return {event["type"] for event in await market.said(*types)} == set(types)

    await market.hear(story.submitted())
    await until(lambda: is_said("job.funded"))
    await market.hear(epoch.committed())
    await hands.rounds(1)
    assert (await market.chain.root_of(epoch.address, 1)).hex() == epoch.root.root
    await rpc(chain_url, "anvil_reorg", 2, [])
    await until(lambda: is_said("epoch.anchored"))
    await mine(chain_url, CONFIRMATIONS)
    await market.hear_all([await epoch.draw(market), epoch.ended(), *epoch.judge(story.work())])
    await market.hear(upheld("good", "beta"), overruled("bad", "beta"))
    await until(lambda: is_said("epoch.settled", "job.settled", "audit.paid", "verifier.slashed"))
    (anchored,), (settled,) = await market.said("epoch.anchored"), await market.said("job.settled")
    logged = [
        each for each in await market.chain.events(0, anchored["block"]) if each.block_number == anchored["block"]
    ]
    assert anchored["tx"] in {"0x" + each.tx_hash.hex() for each in logged}
    assert verify((await market.context.bus.blobs.get(settled["receipt"])).decode()).faults == ()
    assert await market.balance("alpha") == DEPOSIT + net_of(2) and await market.balance("beta") == DEPOSIT + FEE
    assert await market.chain.audit_fund() == 9 * FEE + settled["fee"]
    assert await market.chain.pool_balance() == BOND_PER_VERIFIER
    await mine(chain_url, CONFIRMATIONS)
    await hands.rounds(3)
    await market.check()


async def mine(url: str, count: int) -> None:
    await rpc(url, "anvil_mine", hex(count))
