"""A charge that cannot be proven waits outside of all epochs, with a reason; others go on, and nothing is lost."""

from typing import Any

import asyncpg
import pytest
from services.settlement.tests.crashing import Crash, Fuse
from services.settlement.tests.market import DEPOSIT, TERMS, Market, pass_time
from services.settlement.tests.stories import Part, Story, key_of, net_of

from assay.chain import wallet
from assay.chain.errors import ChainUnreachable
from assay.chain.payment import encode
from assay.chain.payment.events import Posted
from assay.chain.payment.values import Demanded
from assay.schema.errors import Refused
from assay.settlement.domain import GRACE_MS, ORDER_LIFE_MS
from assay.settlement.paying import proving, stalls
from assay.settlement.questions import balances
from assay.settlement.relaying.open_matters import demand_none

pytestmark = pytest.mark.server
STANDING = "select number, steps, state from payments order by id"
STRUCK = "select job_id, reason from struck"
STEPS = "select position, job_id, part, amount, fee, spent from steps order by position"
ALPHA = "0x" + "ab" * 20


@pytest.fixture
async def till(market: Market) -> Market:
    """A market whose deposits are known."""
    await market.hands().until_still()
    return market


async def charge(market: Market, name: str, *parts: Part, requester: str = "requester") -> Story:
    """A job that has been charged, but not been posted."""
    story = market.story(name, parts or (Part("alpha", 1),), requester=requester)
    await market.hear(story.submitted())
    await market.hear_all(story.work())
    while await market.hands().closer.step():
        pass
    return story


async def leave(market: Market, name: str) -> None:
    """All that a requester has leaves before an epoch could be posted."""
    await wallet.request_exit(market.chain, key_of(name), DEPOSIT)


async def stay(market: Market, name: str) -> None:
    """It stays after all, and the time comes at which that is looked at."""
    await wallet.cancel_exit(market.chain, key_of(name))
    await pass_time(market.chain, 31)


async def rows(market: Market, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await market.rows(sql)]


async def test_what_cannot_be_proven_is_struck_and_charged_again_once_it_can_be(till: Market) -> None:
    gone = await charge(till, "gone", Part("alpha", 1), Part("beta", 1), requester="gamma")
    other = await charge(till, "other")
    await leave(till, "gamma")
    hands = till.hands()
    await hands.until_still()
    assert await rows(till, STANDING) == [(1, 3, "void"), (1, 1, "posted")]
    assert await rows(till, STRUCK) == [(gone.job_id, "money")]
    assert (hands.gauges.struck.value, hands.gauges.stalled.value) == (1, 0)
    assert (await balances(till.context, {"of": gone.requester_id}))["struck"] == {gone.job_id: "money"}
    assert [(said["job_id"], said["step"]) for said in await till.said("job.settled")] == [(other.job_id, 1)]
    await stay(till, "gamma")
    await hands.until_still()
    assert (await rows(till, STRUCK), hands.gauges.struck.value) == ([], 0)
    assert [said["step"] for said in await till.said("job.settled")] == [1, 2]
    await till.pass_windows()
    assert [await till.earned(name) for name in ("alpha", "beta")] == [2 * net_of(1), net_of(1)]
    await till.check()


async def test_only_those_are_struck_that_cannot_be_proven(till: Market) -> None:
    names = [f"job {turn}" for turn in range(5)]
    stories = [await charge(till, each, requester=("gamma", "requester")[turn % 2]) for turn, each in enumerate(names)]
    await leave(till, "gamma")
    await till.hands().until_still()
    assert {row[0] for row in await rows(till, STRUCK)} == {each.job_id for each in stories[::2]}
    assert (await rows(till, STANDING))[-1] == (1, 2, "posted")
    assert [row[:2] for row in await rows(till, STEPS)] == [(1, stories[1].job_id), (2, stories[3].job_id)]


async def test_what_was_told_is_not_struck_but_waits_for_a_person(till: Market) -> None:
    told = await charge(till, "told", requester="gamma")
    await till.hands().until_still()
    epoch = [each.event for each in await till.chain.events(0, 10**6) if isinstance(each.event, Posted)][-1].epoch
    await wallet.demand(till.chain, key_of("beta"), epoch, Demanded.STEP, 0)
    await pass_time(till.chain, TERMS.windows.answer_s + 2)
    at, expire = till.chain.deployment.challenges, encode.encode_expire(epoch, Demanded.STEP, 0)
    await wallet.send(till.chain, key_of("beta"), at, expire)
    await leave(till, "gamma")
    hands = till.hands()
    await hands.rounds(4)
    assert (hands.gauges.stalled.value, await rows(till, STRUCK)) == (1, [])
    async with till.context.store.reading() as tx:
        assert told.job_id in await stalls.reason_of(tx)
    await stay(till, "gamma")
    await hands.until_still()
    assert (hands.gauges.stalled.value, (await rows(till, STANDING))[-1]) == (0, (1, 1, "posted"))
    await till.check()


async def test_a_process_may_end_after_any_write_of_striking_and_charging_again(till: Market) -> None:
    await charge(till, "a place for everybody", requester="gamma")
    await till.hands().until_still()
    for writes in range(1, 9):
        gone, other = [await charge(till, f"{name} {writes}", requester=name) for name in ("gamma", "requester")]
        await leave(till, "gamma")
        await ends_after(till, writes)
        assert await rows(till, STRUCK) == [(gone.job_id, "money")]
        await stay(till, "gamma")
        await ends_after(till, writes)
        assert await rows(till, STRUCK) == []
        settled = [said["job_id"] for said in await till.said("job.settled")]
        assert [settled.count(story.job_id) for story in (gone, other)] == [1, 1]
    await till.pass_windows()
    assert await till.earned("alpha") == 17 * net_of(1)
    await till.check()


async def ends_after(market: Market, writes: int) -> None:
    """One process ends after so many writes; the next one lives."""
    with pytest.raises(Crash):
        await market.crashing(Fuse(writes)).hands().until_still()
    await market.hands().until_still()


async def test_the_database_strikes_nothing_that_stands_in_an_epoch(till: Market) -> None:
    stands = await charge(till, "stands")
    await till.hands().until_still()
    waits = await charge(till, "waits", Part("alpha", 1), Part("beta", 1))
    kept = await rows(till, STEPS)
    strike = "insert into struck (job_id, reason, at_ms, until_s) values ($1, 'order', 1, 1)"
    for job in (stands.job_id, "j" * 27):
        with pytest.raises(asyncpg.CheckViolationError):
            await till.rows(strike, job)
    await till.rows(strike, waits.job_id)
    assert await rows(till, STEPS) == kept[:1]
    for sql in (
        "delete from steps",
        "update steps set fee = 0",
        "delete from struck_steps",
        "update struck set at_ms = 2",
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await till.rows(sql)
    await till.rows("delete from struck")
    assert await rows(till, STEPS) == kept


class Asked:
    """A chain that counts the accounts asked for, and answers no more of them once it is away."""

    def __init__(self, chain: Any) -> None:
        self._chain, self.count, self.is_away = chain, 0, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    async def account_of(self, address: str) -> Any:
        self.count += 1
        if self.is_away:
            raise ChainUnreachable("accountOf")
        return await self._chain.account_of(address)


async def struck(market: Market, *names: str, requester: str = "gamma") -> list[Story]:
    """Jobs whose charges wait, in this order."""
    stories = []
    for name in names:
        stories.append(await charge(market, name, requester=requester))
        await market.hands().until_still()
    return stories


async def test_those_that_cannot_be_proven_yet_let_others_have_their_turn(
    till: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "MOST", 1)
    await charge(till, "a place for everybody", requester="gamma")
    await till.hands().until_still()
    await leave(till, "gamma")
    (stays,) = await struck(till, "stays")
    await leave(till, "beta")
    (returns,) = await struck(till, "returns", requester="beta")
    assert await rows(till, f"{STRUCK} order by at_ms") == [(stays.job_id, "money"), (returns.job_id, "money")]
    await wallet.cancel_exit(till.chain, key_of("beta"))
    hands = till.hands()
    for _ in range(3):
        await pass_time(till.chain, 31)
        await hands.until_still()
    assert await rows(till, STRUCK) == [(stays.job_id, "money")]


async def test_a_charge_whose_order_counts_no_longer_is_looked_at_no_more_and_holds_nobody(till: Market) -> None:
    await charge(till, "a place for everybody", requester="gamma")
    await till.hands().until_still()
    await leave(till, "gamma")
    (gone,) = await struck(till, "gone")
    await till.pass_windows()
    async with till.context.store.reading() as tx:
        ((until_s,),) = await tx.fetch("select until_s from struck")
        with pytest.raises(Refused):
            await demand_none(tx, key_of("gamma").address.lower(), until_s)
        await demand_none(tx, key_of("gamma").address.lower(), until_s + 1)
    assert until_s == (gone.now_ms + 600_000 + GRACE_MS) // 1000
    await wallet.cancel_exit(till.chain, key_of("gamma"))
    await pass_time(till.chain, (ORDER_LIFE_MS + GRACE_MS) // 1000)
    hands = till.hands(chain := Asked(till.chain))
    await hands.teller.step()
    assert (chain.count, hands.gauges.struck.value, hands.gauges.lost.value) == (0, 0, 1)
    assert await rows(till, STRUCK) == [(gone.job_id, "money")]


async def test_what_charges_are_proven_by_is_asked_for_once_however_many_wait(till: Market) -> None:
    await charge(till, "a place for everybody", requester="gamma")
    await till.hands().until_still()
    for name in ("one", "two", "three"):
        await charge(till, name, requester="gamma")
    await leave(till, "gamma")
    await till.hands().until_still()
    assert len(await rows(till, STRUCK)) == 3
    chain = Asked(till.chain)
    assert not await till.hands(chain).teller.step()
    assert chain.count == 1


async def test_a_demand_is_answered_before_what_waits_is_looked_at(till: Market) -> None:
    await charge(till, "posted", requester="gamma")
    await till.hands().until_still()
    epoch = [each.event for each in await till.chain.events(0, 10**6) if isinstance(each.event, Posted)][-1].epoch
    await leave(till, "gamma")
    await struck(till, "waits")
    await wallet.demand(till.chain, key_of("beta"), epoch, Demanded.STEP, 0)
    hands = till.hands(chain := Asked(till.chain))
    await hands.rounds(1)
    chain.is_away, hands = True, till.hands(chain)
    with pytest.raises(ChainUnreachable):
        await hands.teller.step()
    assert [row[0] for row in await till.rows("select kind from intents where state = 'pending'")] == ["answer"]
