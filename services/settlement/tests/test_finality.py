"""Credits count by how final their blocks are: little at once, more when safe, all when final; forks take no more."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.settlement.tests.market import DEPOSIT, Market, settlement
from services.settlement.tests.stories import key_of
from tests.servers import rpc

from assay.chain import wallet
from assay.schema.values import Role, participant_id
from assay.settlement.paying import credits, holds
from assay.settlement.paying.finality import Credits, Limits, Waiting, reason_of, waiting
from assay.settlement.questions import balances

LIMITS = Limits(included=100, safe=1_000)
TABLE = {
    "little": (Credits(100, 0), Waiting(0, 0)),
    "more than little": (Credits(101, 0), Waiting(1, 0)),
    "more than little, safe": (Credits(0, 101), Waiting(0, 0)),
    "little on top of what is safe": (Credits(100, 900), Waiting(0, 0)),
    "much": (Credits(1_500, 0), Waiting(900, 500)),
    "much, safe": (Credits(0, 1_500), Waiting(0, 500)),
    "safe to the brim and little": (Credits(50, 1_000), Waiting(0, 50)),
    "nothing": (Credits(0, 0), Waiting(0, 0)),
}


@pytest.mark.parametrize("case", TABLE)
def test_what_counts_is_a_matter_of_value_and_of_block(case: str) -> None:
    credited, expected = TABLE[case]
    assert waiting(credited, LIMITS) == expected


@given(st.integers(0, 5_000), st.integers(0, 5_000), st.integers(0, 2_000), st.integers(0, 2_000))
def test_no_fork_takes_more_than_the_limits_of_what_counts(included: int, safe: int, low: int, high: int) -> None:
    limits = Limits(low, high)
    later = waiting(Credits(included, safe), limits)
    counted = included + safe - sum(later)
    assert 0 <= counted <= limits.safe and counted - safe <= limits.included and min(later) >= 0
    assert sum(waiting(Credits(0, included + safe), limits)) <= sum(later), "what is safer never counts for less"


def test_what_is_waited_for_has_a_name() -> None:
    later = Waiting(safe=10, final=5)
    named = [reason_of(lack, later) for lack in (0, 10, 11, 15, 16)]
    assert named == ["", "deposit.not_safe", "deposit.not_final", "deposit.not_final", "deposit.missing"]


REQUESTER = key_of("requester").address.lower()
SOME = Limits(included=100, safe=1_000)


async def free(market: Market) -> tuple[int, Waiting]:
    async with market.context.store.reading() as tx:
        return await holds.standing(tx, REQUESTER, SOME)


async def follow(market: Market, blocks: int = 0) -> None:
    for _ in range(blocks):
        market.chain.mine()
    await market.hands().until_still()


async def settle(market: Market) -> None:
    """All that was deposited until now is final."""
    await follow(market)
    await follow(market, credits.FINAL_BLOCKS)
    assert await free(market) == (DEPOSIT, Waiting(0, 0))


@pytest.mark.server
async def test_a_deposit_in_many_parts_counts_for_no_more_than_one(market: Market) -> None:
    market.chain.lags = {"safe": 4, "finalized": 100}
    await settle(market)
    for _ in range(20):
        await wallet.deposit(market.chain, key_of("requester"), 100)
    await follow(market)
    counted, later = await free(market)
    assert counted <= DEPOSIT + LIMITS.safe and later.final == 2_000 - LIMITS.safe and later.safe > 0
    await follow(market, 4)
    assert await free(market) == (DEPOSIT + LIMITS.safe, Waiting(0, 1_000))
    await follow(market, 100)
    assert await free(market) == (DEPOSIT + 2_000, Waiting(0, 0))
    await market.check()


@pytest.mark.server
async def test_a_node_that_knows_no_safe_block_is_held_to_its_depth(market: Market) -> None:
    await settle(market)
    await wallet.deposit(market.chain, key_of("requester"), 2_000)
    await follow(market)
    assert await free(market) == (DEPOSIT + 100, Waiting(900, 1_000))
    await follow(market, credits.SAFE_BLOCKS)
    assert await free(market) == (DEPOSIT + 1_000, Waiting(0, 1_000))
    await follow(market, credits.FINAL_BLOCKS - credits.SAFE_BLOCKS)
    assert await free(market) == (DEPOSIT + 2_000, Waiting(0, 0))


@pytest.mark.server
async def test_an_order_waits_for_its_deposit_to_be_final_and_is_not_refused_meanwhile(market: Market) -> None:
    market.chain.lags = {"safe": 2, "finalized": 30}
    await settle(market)
    service = settlement(market.chain.deployment, SOME)
    strict = replace(market, context=replace(market.context, service=service))
    await wallet.deposit(strict.chain, key_of("requester"), 5_000)
    await follow(strict)
    story = strict.story("great", (), price_limit=DEPOSIT + 5_000)
    await strict.hear(story.submitted())
    for _ in range(3):
        await strict.rows("update awaiting set until_ms = 0")
        await follow(strict)
        assert await strict.said("job.unfunded", "job.funded") == []
    told = await balances(strict.context, {"of": participant_id(Role.REQUESTER, REQUESTER)})
    assert told["deposit"] == DEPOSIT + 5_000 and sum(told["waiting"].values()) > 0
    assert told["awaiting"] == {story.job_id: "deposit.not_final"}
    await follow(strict, 30)
    assert (await balances(strict.context, {"of": participant_id(Role.REQUESTER, REQUESTER)}))["awaiting"] == {}
    assert [event["amount"] for event in await strict.said("job.funded")] == [DEPOSIT + 5_000]
    await strict.check()


@pytest.mark.server
async def test_a_fork_takes_the_credits_with_their_blocks(market: Market) -> None:
    market.chain.lags = {"safe": 10, "finalized": 20}
    await settle(market)
    await wallet.deposit(market.chain, key_of("requester"), 5_000)
    await follow(market)
    assert sum((await free(market))[1]) == 4_900
    market.chain.reorganise(1)
    await follow(market, 2)
    assert await free(market) == (DEPOSIT, Waiting(0, 0))
    await market.check()


@pytest.mark.server
async def test_a_real_node_says_what_is_safe_and_final(node_market: Market, chain_url: str) -> None:
    """Anvil calls blocks safe 32, and final 64 blocks later."""
    market = node_market

    async def after(blocks: int) -> tuple[int, Waiting]:
        if blocks:
            await rpc(chain_url, "anvil_mine", hex(blocks))
        await market.hands().until_still()
        return await free(market)

    await after(0)
    assert await after(100) == (DEPOSIT, Waiting(0, 0))
    await wallet.deposit(market.chain, key_of("requester"), 2_000)
    assert await after(0) == (DEPOSIT + 100, Waiting(900, 1_000))
    assert await after(40) == (DEPOSIT + 1_000, Waiting(0, 1_000))
    assert await after(60) == (DEPOSIT + 2_000, Waiting(0, 0))
    await market.check()
