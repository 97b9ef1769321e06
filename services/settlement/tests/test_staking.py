"""What is said of stake: own and lent, what it is claimed to stand for, and what that asks for, as on chain."""

import pytest
from services.settlement.tests.market import ADMIN, GOVERNED, STAKE, Market
from services.settlement.tests.stories import key_of, provider_of

from assay.chain import wallet
from assay.chain.encode import encode_call
from assay.chain.governed.cover import CoverTerms
from assay.chain.governed.terms import NATIVE_UNIT
from assay.chain.words import selector, uint
from assay.schema.offer import StakeChanged

pytestmark = pytest.mark.server
TERMS = CoverTerms.of(GOVERNED.stake)
LENT = 50 * NATIVE_UNIT


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
