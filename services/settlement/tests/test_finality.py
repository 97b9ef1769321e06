"""Credits count by how final their blocks are: little at once, more when safe, all when final; forks take no more."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.settlement.tests.market import ADMIN, DEPOSIT, OPERATOR, Knobs, Market, endow_operator, settlement
from services.settlement.tests.stories import key_of
from tests.servers import rpc

from assay.chain import wallet
from assay.schema.values import Role, participant_id
from assay.settlement import credits
from assay.settlement.finality import ACCOUNTS, Credit, Limits, Waiting, raised, reason_of, waiting
from assay.settlement.ledger import Asset
from assay.settlement.paying import holds
from assay.settlement.questions import balances

LIMITS = Limits(included=10_000, safe=100_000)
# What came of one account, and whether its block is safe; and what of it counts.
TABLE = {
    "little": ([(100, False)], [100]),
    "more than little": ([(101, False)], [100]),
    "more than little, safe": ([(101, True)], [101]),
    "little on top of what is safe": ([(900, True), (100, False)], [900, 100]),
    "much": ([(1_500, False)], [100]),
    "much, safe": ([(1_500, True)], [1_000]),
    "safe to the brim and little": ([(1_000, True), (50, False)], [1_000, 0]),
    "many parts": ([(60, False), (60, False), (60, False)], [60, 40, 0]),
    "nothing": ([], []),
}


def credited(*came: tuple[str, int, bool]) -> list[Credit]:
    return [Credit(turn, account, amount, is_safe, 0) for turn, (account, amount, is_safe) in enumerate(came)]


def counted(credits: Sequence[Credit], limits: Limits = LIMITS) -> list[Credit]:
    more = {each.turn: each for each in raised(credits, limits)}
    return [more.get(each.turn, each) for each in credits]


@pytest.mark.parametrize("case", TABLE)
def test_what_counts_is_a_matter_of_value_and_of_block(case: str) -> None:
    came, expected = TABLE[case]
    assert [each.counted for each in counted(credited(*(("a", *each) for each in came)))] == expected


def test_a_sum_split_over_many_accounts_counts_for_no_more_than_all_accounts_may() -> None:
    """Without this a thousand accounts ordered for ten times as much, and one fork took all of it back."""
    split = counted(credited(*((f"a{number}", 100, False) for number in range(1_000))))
    assert sum(each.counted for each in split) == LIMITS.included
    assert [each.counted for each in split[:101]] == [100] * 100 + [0], "first come, first counted"
    safe = counted([each._replace(is_safe=True) for each in split])
    assert [each.counted for each in safe] == [100] * 1_000
    (whale,) = counted(credited(("whale", 10**9, False)))
    assert whale.counted == LIMITS.included // ACCOUNTS, "none alone keeps the others waiting"


CREDITS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5_000), st.booleans(), st.integers(0, 2)))


@given(CREDITS, st.integers(0, 500_000), st.integers(0, 500_000))
def test_no_fork_takes_more_than_the_limits_of_what_counts(came: list[Any], low: int, high: int) -> None:
    """Also while blocks become safe and final between one count and the next."""
    limits, credits = Limits(low, high), []
    for turn, (account, amount, is_safe, ends) in enumerate(came):
        before = credits = counted([*credits, Credit(turn, account, amount, False, 0)], limits)
        credits = counted([each._replace(is_safe=each.is_safe or is_safe) for each in credits][ends:], limits)
        known = {each.turn: each.counted for each in before}
        assert all(known[each.turn] <= each.counted <= each.amount for each in credits), "what counted goes on to"
        for names, (included, safe) in {"abc": limits, **dict.fromkeys("abc", limits.each)}.items():
            among = [each for each in credits if each.account in names]
            assert sum(each.counted for each in among if not each.is_safe) <= included
            assert sum(each.counted for each in among) <= safe


@given(st.integers(0, 5_000), st.integers(0, 5_000))
def test_what_does_not_count_waits_for_one_block_or_the_other(amount: int, share: int) -> None:
    now = min(amount, share)
    later = waiting(amount, now, LIMITS)
    assert now + sum(later) == amount and min(later) >= 0
    assert now + later.safe <= max(now, LIMITS.each.safe)


def test_what_is_waited_for_has_a_name() -> None:
    later = Waiting(safe=10, final=5)
    named = [reason_of(lack, later) for lack in (0, 10, 11, 15, 16)]
    assert named == ["", "deposit.not_safe", "deposit.not_final", "deposit.not_final", "deposit.missing"]


REQUESTER = key_of("requester").address.lower()
SOME = dict.fromkeys(Asset, LIMITS)
EACH = LIMITS.each


@pytest.fixture
def careful(market: Market) -> Market:
    """Its node may fork."""
    return replace(market, knobs=Knobs(limits=SOME))


async def free(market: Market) -> tuple[int, Waiting]:
    async with market.context.store.reading() as tx:
        return await holds.standing(tx, REQUESTER, LIMITS)


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
async def test_a_deposit_in_many_parts_counts_for_no_more_than_one(careful: Market) -> None:
    market = careful
    market.chain.lags = {"safe": 4, "finalized": 100}
    await settle(market)
    for _ in range(20):
        await wallet.deposit(market.chain, key_of("requester"), 100)
    await follow(market)
    counted, later = await free(market)
    assert counted <= DEPOSIT + EACH.safe and later.final == 2_000 - EACH.safe and later.safe > 0
    await follow(market, 4)
    assert await free(market) == (DEPOSIT + EACH.safe, Waiting(0, 1_000))
    await follow(market, 100)
    assert await free(market) == (DEPOSIT + 2_000, Waiting(0, 0))
    await market.check()


@pytest.mark.server
async def test_who_deposits_from_many_addresses_can_order_for_no_more_than_all_of_them_may(careful: Market) -> None:
    careful.chain.lags = {"safe": 300, "finalized": 1_000}
    people = [key_of(f"one of many {number}") for number in range(120)]
    for key in people:
        await wallet.mint_stable(careful.chain, ADMIN, key.address, EACH.included)
        await wallet.deposit(careful.chain, key, EACH.included)
    await follow(careful)
    async with careful.context.store.reading() as tx:
        found = [await holds.standing(tx, key.address.lower(), LIMITS) for key in people]
    assert sum(counted for counted, _ in found) <= LIMITS.included
    assert found[-1] == (0, Waiting(EACH.included, 0)), "it waits, and is told for what"
    await follow(careful, 300)
    async with careful.context.store.reading() as tx:
        assert await holds.standing(tx, people[-1].address.lower(), LIMITS) == (EACH.included, Waiting(0, 0))


@pytest.mark.server
async def test_a_node_that_knows_no_safe_block_is_held_to_its_depth(careful: Market) -> None:
    market = careful
    await settle(market)
    await wallet.deposit(market.chain, key_of("requester"), 2_000)
    await follow(market)
    assert await free(market) == (DEPOSIT + 100, Waiting(900, 1_000))
    await follow(market, credits.SAFE_BLOCKS)
    assert await free(market) == (DEPOSIT + 1_000, Waiting(0, 1_000))
    await follow(market, credits.FINAL_BLOCKS - credits.SAFE_BLOCKS)
    assert await free(market) == (DEPOSIT + 2_000, Waiting(0, 0))


@pytest.mark.server
async def test_an_order_waits_for_its_deposit_to_be_final_and_is_not_refused_meanwhile(careful: Market) -> None:
    market = careful
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
async def test_what_counted_before_an_upgrade_and_what_new_limits_let_count_does_with_the_start(
    careful: Market,
) -> None:
    await settle(careful)
    careful.chain.lags = {"safe": 500, "finalized": 1_000}
    await wallet.deposit(careful.chain, key_of("requester"), 1_000)
    await follow(careful)
    async with careful.context.store.transaction() as tx:
        await tx.execute("update credits set counted = 0")
    assert (await free(careful))[0] == DEPOSIT
    await follow(careful)
    assert (await free(careful))[0] == DEPOSIT + EACH.included, "no block came, but whoever counts began anew"
    wide = dict.fromkeys(Asset, Limits(2 * LIMITS.included, LIMITS.safe))
    await follow(replace(careful, knobs=Knobs(limits=wide)))
    assert (await free(careful))[0] == DEPOSIT + 2 * EACH.included


@pytest.mark.server
async def test_the_operators_own_deposit_counts_at_once(careful: Market) -> None:
    await settle(careful)
    await endow_operator(careful.chain, DEPOSIT)
    await follow(careful)
    async with careful.context.store.transaction() as tx:
        assert await holds.free(tx, OPERATOR.address.lower()) == DEPOSIT
        assert not await credits.are_open(tx)


@pytest.mark.server
async def test_a_fork_takes_the_credits_with_their_blocks(careful: Market) -> None:
    market = careful
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
    market = replace(node_market, knobs=Knobs(limits=SOME))

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
