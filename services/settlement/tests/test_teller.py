"""The operator's side of Payment: what is charged is posted, paid and answered for, once."""

from typing import Any

import pytest
from services.settlement.tests.market import DEPOSIT, OPERATOR, TERMS, Market, pass_time
from services.settlement.tests.stories import Part, Story, key_of, net_of

from assay.chain import wallet
from assay.chain.payment import encode
from assay.chain.payment.events import Posted
from assay.chain.payment.shapes import NO_EPOCH
from assay.chain.payment.values import Demanded
from assay.proof.settlement_epoch import Leaf
from assay.proof.settlement_tree import Branch
from assay.settlement.ledger import earned
from assay.settlement.paying import stalls

pytestmark = pytest.mark.server
EMPTY = Leaf(key_of("requester").address, 0, 0, Branch(0, ()))


@pytest.fixture
async def till(market: Market) -> Market:
    """A market whose deposits are known."""
    await market.hands().until_still()
    return market


async def charge(market: Market, name: str, *providers: str) -> Story:
    """A job that has been charged, but not been posted."""
    story = market.story(name, tuple(Part(provider, 1) for provider in providers))
    await market.hear(story.submitted())
    await market.hear_all(story.work())
    while await market.hands().closer.step():
        pass
    return story


async def posted(market: Market) -> Posted:
    """What was posted last."""
    return [each.event for each in await market.chain.events(0, 10**6) if isinstance(each.event, Posted)][-1]


async def standing(market: Market) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await market.rows("select number, steps, state from payments order by id")]


async def tokens(market: Market, address: str) -> int:
    return int(await market.chain.token_balance(market.chain.deployment.stable, address))


async def test_what_is_charged_is_posted_and_paid_once_it_is_final(till: Market) -> None:
    await charge(till, "one", "alpha", "beta")
    await till.hands().until_still()
    assert (await standing(till), await tokens(till, key_of("alpha").address)) == ([(1, 2, "posted")], DEPOSIT)
    await till.pass_windows()
    assert await standing(till) == [(1, 2, "final")]
    assert [await tokens(till, key_of(name).address) - DEPOSIT for name in ("alpha", "beta")] == [net_of(1)] * 2
    assert await tokens(till, OPERATOR.address) == 2 * (3000 - net_of(1)), "the treasury"
    assert await till.rows("select account from accounts where balance <> 0 and account ~ 'earned|fees|hold'") == []
    await till.check()


async def test_demands_are_answered_from_what_was_said(till: Market) -> None:
    await charge(till, "first", "alpha")
    await charge(till, "asked", "alpha", "beta")
    await till.hands().until_still()
    epoch = (await posted(till)).epoch
    for kind, index in ((Demanded.STEP, 1), (Demanded.STEP, 2), (Demanded.LEAF, 2), (Demanded.LEAF, 77)):
        await wallet.demand(till.chain, key_of("gamma"), epoch, kind, index)
    await till.hands().until_still()
    assert await till.rows("select * from demands") == []
    await till.pass_windows()
    assert await standing(till) == [(1, 3, "final")]


async def void(market: Market) -> None:
    """Somebody demands a step of the last epoch, and the operator is away until it is too late."""
    epoch = (await posted(market)).epoch
    await wallet.demand(market.chain, key_of("gamma"), epoch, Demanded.STEP, 0)
    await pass_time(market.chain, TERMS.windows.answer_s + 2)
    expire = encode.encode_expire(epoch, Demanded.STEP, 0)
    await wallet.send(market.chain, key_of("gamma"), market.chain.deployment.challenges, expire)


async def test_a_void_epoch_is_posted_again_with_what_had_come_since_and_nothing_is_said_twice(till: Market) -> None:
    await charge(till, "early", "alpha")
    await till.hands().until_still()
    await void(till)
    await charge(till, "late", "alpha")
    await till.hands().follower.advance()
    assert [event["reason"] for event in await till.said("payment.voided")] == ["unanswered"]
    await till.hands().until_still()
    assert await standing(till) == [(1, 1, "void"), (1, 2, "posted")]
    assert [event["step"] for event in await till.said("job.settled")] == [1, 2]
    await till.pass_windows()
    assert await till.earned("alpha") == 2 * net_of(1)
    await till.check()


async def test_what_was_voided_for_one_reason_again_and_again_waits_for_a_person(till: Market) -> None:
    await wallet.mint_native(till.chain, key_of("admin"), OPERATOR.address, TERMS.bond)
    await wallet.add_bond(till.chain, OPERATOR, TERMS.bond)
    await charge(till, "doubted", "alpha")
    for _ in range(2):
        await till.hands().until_still()
        await void(till)
    hands = till.hands()
    await hands.rounds(4)
    assert await standing(till) == [(1, 1, "void"), (1, 1, "void"), (1, 1, "closed")]
    assert hands.gauges.stalled.value == 1
    async with till.context.store.reading() as tx:
        assert await stalls.reason_of(tx) == "epoch 1 became void 2 times, as unanswered"
    await till.hands(payment_posts_max=3).until_still()
    assert (await standing(till))[-1] == (1, 1, "posted")
    async with till.context.store.reading() as tx:
        assert await stalls.reason_of(tx) == ""
    await till.check()


async def test_charges_of_who_has_left_with_its_deposit_wait_until_it_is_back(till: Market) -> None:
    """The requester takes its deposit out after its jobs were charged, and before that was posted."""
    for name in ("one", "two"):
        await charge(till, name, "alpha")
    await wallet.request_exit(till.chain, key_of("requester"), DEPOSIT)
    await pass_time(till.chain, TERMS.windows.notice_s + 1)
    await wallet.withdraw(till.chain, key_of("requester"), NO_EPOCH, NO_EPOCH, EMPTY)
    hands = till.hands()
    await hands.rounds(4)
    assert (await standing(till), hands.gauges.struck.value) == ([(1, 2, "void")], 2)
    assert await till.said("job.settled") == []
    for left in (1, 0):
        await wallet.deposit(till.chain, key_of("requester"), 3000)
        await pass_time(till.chain, 31)
        await hands.until_still()
        assert hands.gauges.struck.value == left
        assert len(await till.said("job.settled")) == 2 - left
    await till.check()


async def test_a_post_that_a_fork_took_back_is_posted_again(till: Market) -> None:
    await charge(till, "forked", "alpha")
    await till.hands().until_still()
    till.chain.reorganise(2)
    await till.hands().until_still()
    assert await standing(till) == [(1, 1, "posted")]
    await till.pass_windows()
    assert await till.account(earned(key_of("alpha").address)) == 0 and await till.earned("alpha") == net_of(1)
    await till.check()
