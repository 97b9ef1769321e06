"""Settlement on a real EVM node: the whole way of a job, and a reorganisation in the middle of it."""

from typing import Any

import pytest
from services.settlement.tests.auditing import FEE, Epoch, overruled, upheld
from services.settlement.tests.market import (
    DEPOSIT,
    OPERATOR,
    STAKE,
    TERMS,
    Market,
    endow_operator,
    pass_time,
    until,
)
from services.settlement.tests.stories import Part, key_of, net_of
from tests.servers import rpc

from assay.proof import verify
from assay.settlement import follower, sender
from assay.settlement.ledger import deposit

pytestmark = pytest.mark.server
CONFIRMATIONS = 3
DEEPEST = 20


@pytest.fixture(autouse=True)
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the contracts refuse for now, and what a fork takes off the chain, is sent again at once."""
    for module in (sender, follower):
        monkeypatch.setattr(module, "POSTPONE_MS", 0)
    monkeypatch.setattr(sender, "RESEND_S", 0.0)


async def test_a_job_is_paid_refunded_and_slashed_on_a_real_chain(node_market: Market) -> None:
    market = node_market
    await market.play(market.story("node", (Part("alpha", 2), Part("beta", 1, is_true=False))))
    assert await market.earned("alpha") == net_of(2)
    assert await market.earned("beta") == 0
    said = [event["type"] for event in await market.said("job.funded", *MONEY)]
    assert sorted(said) == ["job.funded", "job.refunded", "lease.paid", "lease.slashed"]
    assert await market.chain.pool_balance() == STAKE // 2 * 4 // 5
    await market.check()


MONEY = ("lease.paid", "lease.slashed", "job.settled", "job.refunded")


async def test_a_reorganisation_of_two_blocks_takes_nothing_and_pays_nothing_twice(
    node_market: Market, chain_url: str
) -> None:
    market = node_market
    await mine(chain_url, CONFIRMATIONS)
    story = market.story("reorganised", (Part("alpha", 2),))
    hands = market.hands(confirmations=CONFIRMATIONS)
    await hands.rounds(3)
    await market.hear(story.submitted())
    await market.hear_all(story.work())

    async def attempted() -> list[Any]:
        await hands.rounds(1)
        return await market.rows("select hash from attempts order by at_ms desc limit 1")

    ((attempt,),) = await until(attempted)
    await mine(chain_url, 1)
    assert await market.said("job.settled") == []
    assert await market.chain.receipt(bytes(attempt)) is not None
    await fork(chain_url, 2)
    assert await market.chain.receipt(bytes(attempt)) is None

    async def is_answered() -> bool:
        await hands.rounds(1)
        await mine(chain_url, 1)
        return bool(await market.said("job.settled"))

    await until(is_answered)
    await mine(chain_url, CONFIRMATIONS)
    await hands.rounds(3)
    assert await market.earned("alpha") == net_of(2)
    assert len(await market.said("job.funded")) == len(await market.said("job.settled")) == 1
    assert await market.rows("select from transfers where reverses is not null") == []
    assert [row[0] for row in await market.rows("select state from transactions order by nonce")] == ["final"]
    await market.check()


async def test_an_epoch_is_anchored_across_a_reorganisation_paid_and_audited(
    node_market: Market, chain_url: str
) -> None:
    market, hands = node_market, node_market.hands(confirmations=CONFIRMATIONS)
    await endow_operator(market.chain, 10 * FEE)
    await mine(chain_url, CONFIRMATIONS)
    await hands.rounds(3)
    story = market.story("epoch", (Part("alpha", 2),))
    epoch = Epoch("alpha", 1, [story])

    async def is_said(*types: str) -> bool:
        await hands.rounds(1)
        await mine(chain_url, 1)
        return {event["type"] for event in await market.said(*types)} == set(types)

    await market.hear(story.submitted(), epoch.committed())
    assert len(await market.said("job.funded")) == 1
    await hands.rounds(1)
    assert (await market.chain.root_of(epoch.address, 1)).hex() == epoch.root.root
    await fork(chain_url, 2)
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
    assert await market.earned("alpha") == net_of(2) and await market.earned("beta") == FEE
    assert await market.account(deposit(OPERATOR.address)) == 9 * FEE and settled["fee"] > 0
    assert await market.chain.pool_balance() == STAKE // 5 * 4 // 5
    await mine(chain_url, CONFIRMATIONS)
    await hands.rounds(3)
    await market.check()


@pytest.mark.parametrize("confirmations", [1, DEEPEST + 1])
async def test_forks_of_any_depth_pay_each_job_once(node_market: Market, chain_url: str, confirmations: int) -> None:
    """Of depth 1 to 20, each after a job: those deeper than what counts as final are undone, the others not seen."""
    market, depths = node_market, range(1, DEEPEST + 1, 1 if confirmations == 1 else 6)
    await mine(chain_url, DEEPEST + 5)  # What people did before is not theirs to repeat.
    hands = market.hands(confirmations=confirmations)
    await hands.rounds(2)
    for depth in depths:
        # The fork before has taken the clock back, maybe to when the last epoch was posted.
        await pass_time(market.chain, TERMS.windows.window_s)
        story = market.story(f"depth {depth}", (Part("alpha", 1),))
        await market.hear(story.submitted())
        await market.hear_all(story.work())
        await hands.rounds(2)
        await pass_time(market.chain, TERMS.windows.window_s + 2)
        # What is posted goes before what is paid.
        await hands.rounds(2)
        await fork(chain_url, depth)

    async def is_paid() -> bool:
        await hands.rounds(1)
        await mine(chain_url, confirmations - 1)
        await pass_time(market.chain, TERMS.windows.window_s)
        paid = await market.chain.token_balance(market.chain.deployment.stable, key_of("alpha").address) - DEPOSIT
        assert paid <= len(depths) * net_of(1)
        return paid == await market.earned("alpha") == len(depths) * net_of(1)

    await until(is_paid)
    await mine(chain_url, confirmations)
    await hands.rounds(2)
    has_undone = bool(await market.rows("select from transfers where reverses is not null"))
    assert has_undone == (confirmations == 1)
    assert len(await market.said("job.funded")) == len(await market.said("job.settled")) == len(depths)
    await market.check()


async def mine(url: str, count: int) -> None:
    await rpc(url, "anvil_mine", hex(count))


async def fork(url: str, depth: int) -> None:
    """Take so many blocks off the chain, once no transaction is about to be mined.

    The node does not wait for the block that it is making: that would stand on a state which the fork has taken off.
    """

    async def is_idle() -> bool:
        return bool((await rpc(url, "txpool_status"))["pending"] == "0x0")

    await until(is_idle)
    await rpc(url, "anvil_reorg", depth, [])
