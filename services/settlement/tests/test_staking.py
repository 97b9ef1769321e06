"""What is said of stake: own and lent, what it is claimed to stand for, and what that asks for, as on chain."""

import asyncio
from dataclasses import replace

import pytest
from services.settlement.tests.market import ADMIN, GOVERNED, STAKE, Knobs, Market
from services.settlement.tests.stories import key_of, provider_of

from assay.chain import wallet
from assay.chain.encode import encode_call
from assay.chain.governed.cover import CoverTerms
from assay.chain.governed.terms import NATIVE_UNIT
from assay.chain.words import selector, uint
from assay.schema.offer import StakeChanged
from assay.settlement import books, credits
from assay.settlement.finality import Limits
from assay.settlement.ledger import Asset
from assay.settlement.questions import balances

pytestmark = pytest.mark.server
TERMS = CoverTerms.of(GOVERNED.stake)
LENT = 50 * NATIVE_UNIT
LIMITS = Limits(included=1_000 * NATIVE_UNIT, safe=20_000 * NATIVE_UNIT)
LITTLE, MORE = LIMITS.each


async def last_of(market: Market, name: str) -> StakeChanged:
    """What was said last of somebody's stake, which is what the chain shows."""
    said = [each for each in await market.events() if isinstance(each, StakeChanged)]
    last = [each for each in said if each.provider == provider_of(name)][-1]
    address = key_of(name).address
    own, lent = await market.chain.stake_of(address), await market.chain.backing_of(address)
    claimed, terms = await market.chain.claim_of(address), await market.chain.cover_terms()
    assert (last.amount, last.backing, last.claim) == (own, lent, claimed)
    assert last.needed == terms.own_for(claimed, lent)
    assert (last.claim > 0 and last.amount >= last.needed) == await market.chain.is_covered(address)
    return last


async def said_of(market: Market, name: str) -> StakeChanged:
    """What counts of somebody's stake, as it was said last."""
    said = [each for each in await market.events() if isinstance(each, StakeChanged)]
    assert len({each.turn for each in said}) == len(said)
    last = [each for each in said if each.provider == provider_of(name)][-1]
    assert last.turn == max(each.turn for each in said if each.provider == provider_of(name))
    return last


async def back(market: Market, name: str, amount: int) -> None:
    at, gamma = market.chain.deployment, key_of("gamma")
    spend = encode_call("approve(address,uint256)", at.group.restaking, amount)
    await wallet.send(market.chain, gamma, at.native, spend)
    lend = encode_call("allocate(address,uint256)", key_of(name).address, amount)
    await wallet.send(market.chain, gamma, at.group.restaking, lend)


async def test_claims_backing_and_a_vote_on_terms_are_said_of_whom_they_concern(market: Market) -> None:
    await market.hands().until_still()
    assert (await last_of(market, "alpha")).needed == 0
    await wallet.claim_capacity(market.chain, key_of("alpha"), 5_000)
    await market.hands().until_still()
    assert (await last_of(market, "alpha")).needed == TERMS.minimum_for(5_000)
    await back(market, "alpha", LENT)
    await market.hands().until_still()
    assert (await last_of(market, "alpha")).needed == TERMS.minimum_for(5_000) - LENT
    before = len(await market.said("stake.changed"))
    call = selector("setTerms((uint128,uint128))") + uint(STAKE, 128) + uint(1, 128)
    await wallet.send(market.chain, ADMIN, market.chain.deployment.group.vault, call)
    await market.hands().until_still()
    assert len(await market.said("stake.changed")) == before + 1, "of nobody who claims nothing"
    now = await last_of(market, "alpha")
    assert now.needed == STAKE + 5_000 - LENT
    await market.check()


async def test_a_fork_takes_claims_and_terms_back(market: Market) -> None:
    await market.hands().until_still()
    await wallet.claim_capacity(market.chain, key_of("alpha"), 1)
    await market.hands().until_still()
    market.chain.reorganise(2)
    market.chain.mine()
    await market.hands().until_still()
    await back(market, "alpha", LENT)
    await market.hands().until_still()
    assert (await last_of(market, "alpha")).claim == 0


async def test_a_claim_of_any_size_is_followed(market: Market) -> None:
    """Base units are cheap where votes made them so; nobody can hold up the follower by a number."""
    call = selector("setTerms((uint128,uint128))") + uint(NATIVE_UNIT, 128) + uint(1, 128)
    await wallet.send(market.chain, ADMIN, market.chain.deployment.group.vault, call)
    await wallet.claim_capacity(market.chain, key_of("alpha"), 2**64 - 1)
    await market.hands().until_still()
    said = [each for each in await market.said("stake.changed") if each["provider"] == provider_of("alpha")]
    assert said[-1]["claim"] == 2**63 - 1 and said[-1]["needed"] == NATIVE_UNIT + 2**64 - 1


@pytest.fixture
async def careful(market: Market) -> Market:
    """Its node may fork; all that was staked until now is final."""
    careful = replace(market, knobs=Knobs(limits=dict.fromkeys(Asset, LIMITS)))
    await follow(careful)
    await follow(careful, credits.FINAL_BLOCKS)
    assert (await said_of(careful, "alpha")).amount == STAKE
    market.chain.lags = {"safe": 4, "finalized": 20}
    return careful


async def follow(market: Market, blocks: int = 0) -> None:
    for _ in range(blocks):
        market.chain.mine()
    await market.hands().until_still()


async def add(market: Market, name: str, amount: int) -> None:
    await wallet.mint_native(market.chain, ADMIN, key_of(name).address, amount)
    await wallet.stake(market.chain, key_of(name), amount)


async def test_new_stake_counts_as_it_is_confirmed_by_its_value_and_what_leaves_counts_no_more_at_once(
    careful: Market,
) -> None:
    new = 500 * NATIVE_UNIT
    await add(careful, "alpha", new)
    await follow(careful)
    assert (await said_of(careful, "alpha")).amount == STAKE + LITTLE
    told = await balances(careful.context, {"of": provider_of("alpha")})
    assert told["stake"] == STAKE + new and sum(told["waiting_stake"].values()) > 0, "the books show all of it"
    await follow(careful, 5)
    assert (await said_of(careful, "alpha")).amount == STAKE + MORE
    await wallet.unstake(careful.chain, key_of("alpha"), STAKE)
    await follow(careful)
    assert (await said_of(careful, "alpha")).amount == MORE, "what waits is not what leaves"
    await follow(careful, 20)
    assert (await said_of(careful, "alpha")).amount == new
    await careful.check()


async def test_what_is_lent_counts_as_it_is_confirmed_too_and_asks_for_own_stake_until_then(careful: Market) -> None:
    await wallet.claim_capacity(careful.chain, key_of("alpha"), 5_000)
    await back(careful, "alpha", LENT)
    await follow(careful)
    said = await said_of(careful, "alpha")
    assert (said.backing, said.needed) == (LITTLE, TERMS.own_for(5_000, LITTLE))
    told = await balances(careful.context, {"of": provider_of("alpha")})
    assert sum(told["waiting_backing"].values()) == LENT - LITTLE and sum(told["waiting_stake"].values()) == 0
    await follow(careful, 5)
    assert (await last_of(careful, "alpha")).backing == LENT


async def test_stake_split_over_many_providers_counts_for_no_more_than_all_of_them_may(market: Market) -> None:
    tight = Limits(included=1_000 * NATIVE_UNIT, safe=1_000 * NATIVE_UNIT)
    careful = replace(market, knobs=Knobs(limits=dict.fromkeys(Asset, tight)))
    market.chain.lags = {"safe": 100, "finalized": 1_000}
    names = [f"split{number}" for number in range(110)]
    for name in names:
        await add(careful, name, tight.each.included)
    await follow(careful)
    await follow(careful, 1)
    said = [(await said_of(careful, name)).amount for name in names]
    assert sum(said) <= tight.included and said[-1] == 0


async def test_a_fork_is_told_of_whose_stake_it_took_back_as_often_as_it_does(careful: Market) -> None:
    for _ in range(2):
        block = (await careful.chain.block()).number
        await add(careful, "alpha", LITTLE)
        await follow(careful)
        grown = await said_of(careful, "alpha")
        assert grown.amount == STAKE + LITTLE
        careful.chain.reorganise((await careful.chain.block()).number - block)
        await follow(careful, 1)
        fallen = await said_of(careful, "alpha")
        assert fallen.amount == STAKE and fallen.turn > grown.turn and fallen.block <= grown.block
    await wallet.unstake(careful.chain, key_of("alpha"), STAKE // 2)
    await follow(careful)
    assert (await last_of(careful, "alpha")).amount == STAKE // 2, "also of a block before the one that was taken back"
    await careful.check()


async def test_who_has_lost_the_desk_says_nothing_of_stake_after_who_has_it(careful: Market) -> None:
    await add(careful, "alpha", 500 * NATIVE_UNIT)
    await follow(careful)
    before, left = await said_of(careful, "alpha"), careful.hands().follower
    seen = await left._cursor()
    careful.chain.mine()
    head = await careful.chain.block()
    async with careful.context.store.transaction() as tx:
        assert await books.advance(tx, seen, head)
        late = asyncio.create_task(left._count(seen, head.number, head.number, "block"))
        await asyncio.sleep(0)
    await late
    assert await said_of(careful, "alpha") == before
    async with careful.context.store.transaction() as tx:
        assert await credits.are_open(tx), "and counts nothing"
    await follow(careful, 20)
    assert (await said_of(careful, "alpha")).amount == STAKE + 500 * NATIVE_UNIT
