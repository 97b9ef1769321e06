"""Periods of rewards: posted by settlement on a real chain, made again from public events, and paid by the contract."""

import pytest
from services.settlement.tests.market import ADMIN, GOVERNED, STAKE, Market, pass_time
from services.settlement.tests.stories import UNITS, Part, key_of

from assay.chain import wallet
from assay.chain.governed import rewards
from assay.chain.governed.acts import do
from assay.chain.words import normal
from assay.proof.reward_inputs import ONE_PLACE, entries_of, inputs_digest, period_by
from assay.proof.rewards import Entry, Inputs, Period, period_of, prove, root_of
from assay.schema.lease import LeaseVerified
from assay.settlement.rewarding import periods

pytestmark = pytest.mark.server
PERIOD_S = 7 * 24 * 3600
ALPHA, BETA = (key_of(name).address.lower() for name in ("alpha", "beta"))


async def test_a_period_is_posted_when_it_is_over_and_pays_by_what_was_said_in_public(node_market: Market) -> None:
    market, node = node_market, node_market.chain
    await wallet.mint_native(node, ADMIN, node.deployment.group.rewards, GOVERNED.rewards.emission)
    await play(market, "early", Part("alpha", 1))
    head = await rewards.head(node)
    await until_over(market, head.next_at)
    (first,) = await market.said("reward.posted")
    assert (first["number"], first.get("network", 0), first.get("total", 0)) == (1, 0, 0), "no stake stood before"
    await play(market, "worked", Part("alpha", 3), Part("beta", 1, is_true=False))
    await wallet.unstake(node, key_of("beta"), STAKE // 2)
    await wallet.mint_native(node, ADMIN, key_of("alpha").address, STAKE)
    await wallet.stake(node, key_of("alpha"), STAKE)
    await play(market, "lent", Part("beta", 2))
    before, end_s = await rewards.head(node), head.next_at + PERIOD_S
    await until_over(market, end_s)
    posted = (await market.said("reward.posted"))[1]
    entries = await same_for_all(market, end_s)
    assert entries == [
        Entry(who, ONE_PLACE, Inputs(units, units, stake))
        for who, units, stake in sorted([(ALPHA, 3 * UNITS, STAKE), (BETA, 2 * UNITS, STAKE // 2)])
    ], "of what was rejected nothing counts, and of stake the least"
    period = period_of(2, entries, before.emitted, before.terms)
    assert posted["root"] == root_of(rewards.domain_of(node), period).hex()
    assert (posted["inputs"], posted["total"]) == (inputs_digest(entries), period.total)
    assert 0 < period.total <= before.emission // 4, "all stand at one place, which gets a quarter at most"
    assert await claimed(market, period) == period.total
    assert await market.rows("select from intents where kind = 'reward' and state <> 'done'") == []
    await market.check()


async def play(market: Market, name: str, *parts: Part) -> None:
    """A job from its order until everybody is paid."""
    await market.play(market.story(name, parts))
    await market.pass_windows()


async def until_over(market: Market, end_s: int) -> None:
    """A period is over, and settlement has done what there was to do."""
    chain = market.chain
    await pass_time(chain, end_s - (await chain.block()).timestamp - 30)
    hands = market.hands()
    await hands.until_still()
    said = len(await market.said("reward.posted"))
    await pass_time(chain, 31)
    await hands.follower.advance()
    hands.steward._look_s = 0
    await hands.until_still()
    assert len(await market.said("reward.posted")) == said + 1


async def same_for_all(market: Market, end_s: int) -> list[Entry]:
    """What the formula takes, which observers and settlement make alike."""
    verdicts = [
        LeaseVerified.model_validate_json(bytes(row[0]))
        for row in await market.rows("select data from facts where type = 'lease.verified'")
    ]
    async with market.context.store.reading() as tx:
        found = await periods.entries_of(tx, end_s - PERIOD_S, end_s)
    said = [*verdicts, *await market.events()]
    assert entries_of(said, end_s - PERIOD_S, end_s) == found
    head, posted = await rewards.head(market.chain), await rewards.period_of(market.chain, 2)
    made = period_by(said, 2, head.start, head.period_s, posted.emission, posted.terms)
    assert root_of(rewards.domain_of(market.chain), made) == posted.root
    return found


async def claimed(market: Market, period: Period) -> int:
    """What the contract pays for all leaves of a period once its window is over."""
    node, domain = market.chain, rewards.domain_of(market.chain)
    await pass_time(node, 3 * 24 * 3600 + 1)
    before = await node.token_balance(node.deployment.native, node.deployment.group.rewards)
    for index, leaf in enumerate(period.leaves):
        had = await node.token_balance(node.deployment.native, normal(leaf.provider))
        await do(node, ADMIN, rewards.claim(node, period.number, leaf, prove(domain, period, index)))
        paid = await node.token_balance(node.deployment.native, normal(leaf.provider)) - had
        assert paid == period.rewards[index]
    return before - await node.token_balance(node.deployment.native, node.deployment.group.rewards)
