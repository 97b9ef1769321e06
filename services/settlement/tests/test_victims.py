"""All requesters whose leases lay in an epoch are victims of an offence in it: each is refunded its part, once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.settlement.tests.auditing import Epoch
from services.settlement.tests.crashing import Crash, Fuse
from services.settlement.tests.market import ADMIN, DEPOSIT, STAKE, WINDOWS, Market, pass_time
from services.settlement.tests.stories import PRICE, UNITS, Part, Story, key_of

from assay.chain import wallet
from assay.chain.governed.purses import MOST, Loss, encode_share, purse_of
from assay.chain.governed.stake_events import Refunded
from assay.chain.governed.terms import NATIVE_UNIT
from assay.schema.job import Payout
from assay.schema.lease import FORFEIT
from assay.schema.values import Role, cost_of, derive_id, participant_id
from assay.settlement.paying.bills import JobBill
from assay.settlement.slashing.bailiff import BILL_WAIT_PART
from assay.settlement.slashing.notes import is_worth_sharing
from assay.settlement.slashing.victims import Harm, victims_of

NATIVE_PRICE = 2_000_000
FAULT, FORFEITED = Part("beta", 1, is_true=False), Part("beta", 1, is_true=False, code=FORFEIT)
REQUESTERS = ("gamma", "requester")
PLACES = [key_of(name).address.lower() for name in REQUESTERS]


def priced(market: Market, price: int = NATIVE_PRICE) -> Market:
    return replace(market, knobs=replace(market.knobs, native_price=price))


async def reject(market: Market, *stories: Story) -> Epoch:
    """An epoch of beta over these jobs is rejected; of the jobs nothing is heard yet."""
    epoch = Epoch("beta", 1, stories)
    await market.hear(*[story.submitted() for story in stories])
    await market.hands().until_still()
    await market.hear(epoch.committed())
    await market.hands().until_still()
    await market.hear_all([await epoch.draw(market), *epoch.upheld("delta"), epoch.ended(is_true=False)])
    return epoch


async def spoil(market: Market, *stories: Story) -> Epoch:
    """An epoch of beta over these jobs is rejected, and all is heard of them."""
    epoch = await reject(market, *stories)
    await market.hear_all([said for story in stories for said in epoch.judge(story.work())])
    return epoch


def jobs(market: Market) -> list[Story]:
    """Three jobs of two requesters, each with work that stands, and a lease in the epoch."""
    return [
        market.story("at fault", (Part("alpha", 2), FAULT)),
        market.story("forfeit", (Part("alpha", 1), FORFEITED), requester="gamma"),
        market.story("forfeit too", (Part("alpha", 1), FORFEITED)),
    ]


async def native(market: Market, *names: str) -> list[int]:
    at = market.chain.deployment.native
    return [await market.chain.token_balance(at, key_of(name).address) for name in names]


async def paid(market: Market) -> list[int]:
    return [DEPOSIT - await market.deposit(name) for name in REQUESTERS]


async def check_shared(market: Market, had: Sequence[int], due: Sequence[int]) -> None:
    """What was said of the refund is what the victims have, to the unit, and each was told once."""
    (proposed,) = await market.said("slash.proposed")
    place = Counter(dict(zip(PLACES, due, strict=True)))
    shared = await market.said("slash.shared")
    assert Counter({each["victim"]: each["amount"] for each in shared}) == place and len(shared) == 2
    assert [now - before for now, before in zip(await native(market, *REQUESTERS), had, strict=True)] == list(due)
    losses = {each["victim"]: each["loss"] for each in proposed["victims"]}
    assert list(losses) == sorted(losses) and sum(losses.values()) == proposed["loss"]
    assert {each["victim"]: each["left"] for each in shared} == {who: losses[who] - place[who] for who in losses}
    assert await market.rows("select from intents where state in ('pending', 'sent')") == []
    await market.check()


@pytest.mark.server
async def test_everybody_whose_lease_lay_in_the_epoch_gets_back_what_its_jobs_had_paid(market: Market) -> None:
    market = priced(market)
    had = await native(market, *REQUESTERS)
    await spoil(market, *jobs(market))
    await market.hands().until_still()
    segment = cost_of(UNITS, PRICE)
    assert await paid(market) == [segment, 3 * segment]
    due = [amount * NATIVE_UNIT // NATIVE_PRICE for amount in (segment, 3 * segment)]
    (refunded,) = await market.said("slash.refunded")
    (proposed,) = await market.said("slash.proposed")
    assert (refunded["victim"], refunded["amount"], refunded["left"]) == (proposed["victim"], sum(due), 0)
    assert len(await market.said("lease.slashed")) == 1
    await check_shared(market, had, due)


@pytest.mark.server
async def test_what_a_slash_does_not_cover_is_shared_as_the_losses_are(market: Market) -> None:
    market = priced(market, 1)
    had = await native(market, *REQUESTERS)
    await spoil(market, *jobs(market))
    await market.hands().until_still()
    pot = STAKE // 2 // 2
    await check_shared(market, had, [pot // 4, pot * 3 // 4])


async def refill(market: Market, amount: int) -> None:
    """The pool has so much more, and what waits for that is tried again."""
    await wallet.mint_native(market.chain, ADMIN, market.chain.deployment.pool, amount)
    await market.rows("update intents set not_before_ms = 0")
    await market.hands().until_still()


@pytest.mark.server
async def test_what_the_pool_has_later_is_shared_later_once_that_is_worth_its_gas(market: Market) -> None:
    market = priced(market)
    had = await native(market, *REQUESTERS)
    await spoil(market, *jobs(market))
    hands = market.hands()
    while not await market.said("slash.executed"):
        await hands.follower.advance() or await hands.round() or await hands.is_waiting()
    assert await market.said("slash.refunded") == []
    held, dust = await market.chain.pool_balance(), 4
    await wallet.compensate(market.chain, key_of("operator"), ADMIN.address, held - dust, bytes(32))
    await hands.until_still()
    assert [each["amount"] for each in await market.said("slash.refunded")] == [dust]
    assert await market.rows("select from intents where kind = 'share'") == []
    due = [turns * cost_of(UNITS, PRICE) * NATIVE_UNIT // NATIVE_PRICE for turns in (1, 3)]
    kept = sum(due) // 8 * 4
    await refill(market, kept - dust)
    first = {each["victim"]: each["amount"] for each in await market.said("slash.shared")}
    assert first == dict(zip(PLACES, (kept // 4, kept * 3 // 4), strict=True))
    await refill(market, held)
    left = [each["left"] for each in await market.said("slash.shared")]
    assert sum(left[:2]) == sum(due) - kept and left[2:] == [0, 0]
    assert [now - before for now, before in zip(await native(market, *REQUESTERS), had, strict=True)] == due


@given(st.integers(1, 2**128 - 1), st.lists(st.integers(0, 2**128 - 1), max_size=300, unique=True))
def test_a_refund_in_however_many_parts_is_shared_a_hundred_times_at_most(loss: int, cuts: list[int]) -> None:
    ways = sorted({cut % loss for cut in cuts} | {loss}, reverse=True)
    parts = [Refunded(b"", "", high - low, low) for high, low in pairwise([*ways, 0]) if high > low]
    worth = [is_worth_sharing(loss, part) for part in parts]
    assert sum(worth) <= 100 and worth[-1]


@pytest.mark.server
async def test_a_process_may_end_after_any_write_and_each_victim_is_paid_and_told_once(market: Market) -> None:
    market = priced(market)
    had = await native(market, *REQUESTERS)
    await spoil(market, *jobs(market))
    writes = 1
    while not await ends_well(market, writes):
        writes += 1
    segment = cost_of(UNITS, PRICE)
    await check_shared(market, had, [each * NATIVE_UNIT // NATIVE_PRICE for each in (segment, 3 * segment)])


async def ends_well(market: Market, writes: int) -> bool:
    """Whether a process has no more than so many writes left; else it ends after these."""
    try:
        await market.crashing(Fuse(writes)).hands().until_still()
    except Crash:
        return False
    return True


@pytest.mark.server
@pytest.mark.parametrize("depth", [2, 9], ids=["the sharing", "the slash, too"])
async def test_what_a_fork_undoes_of_a_refund_is_done_again_and_told_once(market: Market, depth: int) -> None:
    market = priced(market)
    had = await native(market, *REQUESTERS)
    await spoil(market, *jobs(market))
    await market.hands().until_still()
    market.chain.reorganise(depth)
    for _ in range(5):
        await market.rows("update intents set not_before_ms = 0")
        await market.hands().until_still()
        await pass_time(market.chain, 3)
    segment = cost_of(UNITS, PRICE)
    await check_shared(market, had, [each * NATIVE_UNIT // NATIVE_PRICE for each in (segment, 3 * segment)])


@pytest.mark.server
async def test_another_purse_in_the_accusations_name_is_not_told_of(market: Market) -> None:
    market = priced(market)
    had = await native(market, *REQUESTERS)
    await spoil(market, *jobs(market))
    hands = market.hands()
    while not (rows := await market.rows("select accusation from accusations where phase = 'proposed'")):
        await hands.rounds(1)
    at, id_ = market.chain.deployment, bytes.fromhex(rows[0][0])
    greedy = [Loss(key_of("gamma").address.lower(), 5)]
    await wallet.mint_native(market.chain, ADMIN, purse_of(at.group.purses, at.native, id_, greedy), 5)
    await wallet.send(market.chain, key_of("gamma"), at.group.purses, encode_share(id_, greedy))
    await market.hands().until_still()
    segment = cost_of(UNITS, PRICE)
    had[0] += 5
    await check_shared(market, had, [each * NATIVE_UNIT // NATIVE_PRICE for each in (segment, 3 * segment)])


@pytest.mark.server
async def test_two_offences_share_what_a_job_lost(market: Market) -> None:
    market = priced(market)
    (had,) = await native(market, "requester")
    other = Part("gamma", 1, is_true=False)
    await spoil(market, market.story("both", (Part("alpha", 2), FAULT, other)))
    await market.hands().until_still()
    lost = cost_of(2 * UNITS, PRICE)
    proposed = await market.said("slash.proposed")
    assert len(proposed) == 2 and all("victims" not in each for each in proposed), "one victim needs no purse"
    assert sum(each["loss"] for each in proposed) == lost * NATIVE_UNIT // NATIVE_PRICE
    assert (await native(market, "requester"))[0] - had == lost * NATIVE_UNIT // NATIVE_PRICE
    await market.check()


@pytest.mark.server
async def test_an_accusation_waits_for_all_jobs_of_its_epoch(market: Market) -> None:
    market, stories = priced(market), jobs(priced(market))
    epoch = await reject(market, *stories)
    for story in stories:
        assert await market.said("slash.proposed") == []
        await market.hear_all(epoch.judge(story.work()))
        await market.hands().until_still()
    assert len(await market.said("slash.proposed")) == 1


@pytest.mark.server
async def test_who_took_its_money_out_before_it_had_paid_is_refunded_nothing(market: Market) -> None:
    market = priced(market)
    had = await native(market, *REQUESTERS)
    await spoil(market, *jobs(market))
    while await market.hands().closer.step():
        pass
    await wallet.request_exit(market.chain, key_of("gamma"), DEPOSIT)
    await market.hands().rounds(8)
    assert len(await market.rows("select from struck")) == 1 and await market.said("slash.proposed") == []
    await pass_time(market.chain, WINDOWS.report_s // BILL_WAIT_PART + 2)
    await market.hands().until_still()
    (proposed,) = await market.said("slash.proposed")
    due = cost_of(3 * UNITS, PRICE) * NATIVE_UNIT // NATIVE_PRICE
    assert (proposed["victim"], proposed["loss"]) == (PLACES[1], due)
    assert [now - before for now, before in zip(await native(market, *REQUESTERS), had, strict=True)] == [0, due]


def bill(turn: int, who: int, amount: int) -> JobBill:
    payout: dict[str, Any] = {"lease_id": derive_id("l", str(turn)), "segments": 1, "fence": 1}
    requester = participant_id(Role.REQUESTER, f"0x{who + 1:040x}")
    paid_ = Payout(provider=participant_id(Role.PROVIDER, "0x" + "ab" * 20), amount=amount, fee=0, **payout)
    names: dict[str, Any] = {"job_id": derive_id("j", str(turn)), "requester": requester, "receipt": "0" * 64}
    return JobBill(event="job.refunded", payouts=(paid_,), refunded=0, **names)


@given(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 10**9), st.integers(1, 4)), max_size=150))
def test_victims_stand_there_once_with_what_they_lost_and_offences_share_it(jobs_: list[tuple[int, int, int]]) -> None:
    lost: Counter[str] = Counter()
    for who, amount, _ in jobs_:
        lost[f"0x{who + 1:040x}"] += amount
    most = max((offences for _, _, offences in jobs_), default=0)
    found: Counter[str] = Counter()
    for turn in range(most):
        harms = [Harm(bill(at, who, amount), n, turn) for at, (who, amount, n) in enumerate(jobs_) if turn < n]
        victims = victims_of(harms)
        addresses = [each.address for each in victims]
        assert addresses == sorted(set(addresses)) and len(victims) <= MOST and all(each.loss for each in victims)
        found.update({each.address: each.loss for each in victims})
    assert all(found[who] <= lost[who] for who in found), "nobody is made good more than it lost"
    if len(lost) <= MOST:
        assert found == +lost
