"""The desk at work: what it locks, pays, refunds, slashes and says, and what it does when the chain is difficult."""

import json
from dataclasses import replace
from typing import Any

import pytest
from services.settlement.tests.market import ADMIN, DEPOSIT, OPERATOR, PEOPLE, STAKE, Market
from services.settlement.tests.stories import PRICE, UNITS, Part, key_of, net_of, provider_of

from assay.chain import wallet
from assay.chain.encode import encode_open
from assay.chain.memory import MemoryChain
from assay.chain.values import Order, SignedOrder
from assay.proof import verify
from assay.schema.errors import Refused
from assay.schema.lease import FORFEIT
from assay.schema.values import cost_of
from assay.settlement.handlers import open_of
from assay.settlement.intents import Open
from assay.settlement.questions import balances

pytestmark = pytest.mark.server
EARNED = net_of(2)


async def test_a_verified_job_is_paid_and_the_rest_goes_back(market: Market) -> None:
    story = market.story("good", (Part("alpha", 2), Part("beta", 1)))
    await market.play(story)
    spent = cost_of(3 * UNITS, PRICE)
    assert await market.balance("alpha") == DEPOSIT + EARNED
    assert await market.balance("requester") == DEPOSIT - spent
    funded, *leases, settled = await market.said("job.funded", "lease.paid", "job.settled")
    assert (funded["amount"], funded["gas"]) == (20_000, 21_000)
    assert [lease["amount"] for lease in leases] == [EARNED, net_of(1)]
    assert settled["type"] == "job.settled" and settled["refunded"] == 20_000 - spent
    assert settled["fee"] == spent - EARNED - net_of(1) == await market.chain.audit_fund()
    assert [payout["amount"] for payout in settled["payouts"]] == [EARNED, net_of(1)]
    await market.check()


async def test_the_receipt_is_stored_before_the_chain_names_it(market: Market) -> None:
    story = market.story("receipt", (Part("alpha", 2), Part("beta", 1, is_true=False)))
    await market.play(story)
    (closing,) = await market.said("job.refunded")
    sealed = await market.context.bus.blobs.get(closing["receipt"])
    faults = [check for check in verify(sealed.decode()).checks if not check.passed]
    # The story's draw is made up; all else must hold.
    assert {fault.name.rpartition(": ")[2] for fault in faults} <= {"draw"}
    statement = json.loads(sealed)
    assert statement["signatures"][0]["keyid"] == OPERATOR.address
    events = [logged.event for logged in await market.chain.events(0, (await market.chain.block()).number)]
    assert bytes.fromhex(closing["receipt"]) in {getattr(event, "receipt_digest", None) for event in events}


@pytest.mark.parametrize("end", ["failed", "expired", "cancelled"])
async def test_a_job_that_stopped_early_pays_what_was_done_and_refunds_the_rest(market: Market, end: str) -> None:
    await market.play(market.story(end, (Part("alpha", 2),), end))
    assert await market.balance("alpha") == DEPOSIT + EARNED
    assert [event["type"] for event in await market.money_said()] == ["lease.paid", "job.refunded"]
    await market.check()


async def test_a_job_that_nobody_ran_is_refunded_whole(market: Market) -> None:
    await market.play(market.story("idle", (), "expired"))
    assert await market.balance("requester") == DEPOSIT
    (refunded,) = await market.money_said()
    assert (refunded["type"], refunded["refunded"]) == ("job.refunded", 20_000)


async def test_a_rejected_lease_is_slashed_and_not_paid(market: Market) -> None:
    await market.play(market.story("bad", (Part("alpha", 2), Part("beta", 1, is_true=False))))
    assert await market.balance("beta") == DEPOSIT
    (slashed,) = await market.said("lease.slashed")
    assert (slashed["amount"], slashed["reason"]) == (50 * 10**18, "invalid_result")
    assert await market.chain.pool_balance() == 50 * 10**18
    last = [event for event in await market.said("stake.changed") if event["provider"] == provider_of("beta")][-1]
    assert last["amount"] == STAKE - 50 * 10**18
    await market.check()


async def test_a_lease_that_is_forfeit_for_another_of_its_epoch_is_neither_paid_nor_slashed(market: Market) -> None:
    await market.play(market.story("near", (Part("alpha", 2), Part("beta", 1, is_true=False, code=FORFEIT))))
    assert await market.balance("beta") == DEPOSIT
    assert await market.said("lease.slashed") == []
    assert await market.chain.pool_balance() == 0
    await market.check()


async def test_stake_is_told_as_the_chain_shows_it(market: Market) -> None:
    await market.hands().until_still()
    await wallet.unstake(market.chain, key_of("alpha"), 10**20)
    await market.hands().until_still()
    told = {event["provider"]: event["amount"] for event in await market.said("stake.changed")}
    assert told == {provider_of(name): STAKE for name in PEOPLE} | {provider_of("alpha"): STAKE - 10**20}
    await market.check()


async def test_an_order_without_cover_costs_no_gas(market: Market) -> None:
    before = (await market.chain.block()).number
    await market.hear(market.story("poor", (), price_limit=DEPOSIT + 1).submitted())
    await market.hands().until_still()
    (unfunded,) = await market.said("job.unfunded")
    assert unfunded["code"] == "escrow.insufficient"
    assert (await market.chain.block()).number == before


async def test_orders_of_one_batch_share_one_cover(market: Market) -> None:
    stories = [market.story(f"share {turn}", (), price_limit=DEPOSIT // 2) for turn in range(3)]
    await market.hear(*[story.submitted() for story in stories])
    await market.hands().until_still()
    assert len(await market.said("job.funded")) == 2 and len(await market.said("job.unfunded")) == 1
    await market.check()


async def test_a_deposit_that_is_not_deep_yet_covers_an_order(market: Market) -> None:
    hands = market.hands(confirmations=3)
    await wallet.deposit(market.chain, key_of("requester"), DEPOSIT)
    await market.hear(market.story("fresh", (), price_limit=2 * DEPOSIT).submitted())
    for _ in range(6):
        await hands.rounds(4)
        market.chain.mine()
    assert [event["amount"] for event in await market.said("job.funded")] == [2 * DEPOSIT]


async def test_an_order_signed_for_other_terms_is_refused_at_once(market: Market) -> None:
    await market.hear(market.story("forged", ()).submitted(price_limit=1))
    (unfunded,) = await market.said("job.unfunded")
    assert unfunded["code"] == "job.bad_order"


async def test_an_order_past_its_deadline_is_refused_by_the_contract(market: Market) -> None:
    await market.hear(market.story("late", ()).submitted())
    market.chain.advance(3600)
    market.chain.mine()
    await market.hands().until_still()
    (unfunded,) = await market.said("job.unfunded")
    assert unfunded["code"] == "job.past_deadline"


async def relay(market: Market, body: Open, **changes: Any) -> None:
    """A stranger sends an order to the escrow contract."""
    order = body.call().order
    fields = {name: getattr(order, name) for name in Order.__dataclass_fields__}
    signed = SignedOrder(Order(**(fields | changes)), body.call().signature)
    await wallet.send(market.chain, ADMIN, market.chain.deployment.escrow, encode_open([signed]))


async def test_a_false_order_that_a_stranger_relays_unfunds_nobody(market: Market) -> None:
    said = market.story("victim", ()).submitted()
    await market.hear(said)
    await relay(market, open_of(said.event), price_limit=1)
    await market.hands().follower.advance()
    assert await market.said("job.unfunded") == []
    await market.hands().until_still()
    assert len(await market.said("job.funded")) == 1


@pytest.mark.parametrize("is_known", [True, False])
async def test_an_order_that_somebody_else_relayed_funds_the_job_all_the_same(market: Market, is_known: bool) -> None:
    story = market.story("relayed", (Part("alpha", 2),))
    if is_known:
        await market.hear(story.submitted())
    await relay(market, open_of(story.submitted().event))
    await market.hands().follower.advance()
    await market.play(story)
    assert [event["type"] for event in await market.said("job.funded", "job.settled")] == ["job.funded", "job.settled"]
    await market.check()


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_requester_that_locks_less_than_it_says_gets_no_work(market: Market, is_known: bool) -> None:
    story = market.story("cheap", ())
    if is_known:
        await market.hear(story.submitted())
    cheap = replace(story, price_limit=1)
    await relay(market, open_of(cheap.submitted().event))
    await market.hands().follower.advance()
    await market.hear(story.submitted())
    await market.hands().until_still()
    assert await market.said("job.funded") == []
    assert [event["code"] for event in await market.said("job.unfunded")] == ["escrow.refused"]


async def test_many_jobs_travel_in_one_transaction_and_share_its_gas(market: Market) -> None:
    stories = [market.story(f"many {turn}", (Part("alpha", 1),)) for turn in range(7)]
    await market.hear(*[story.submitted() for story in stories])
    await market.hands().until_still()
    for story in stories:
        await market.hear_all(story.work())
    await market.hands().until_still()
    for kind in ("job.funded", "job.settled"):
        said = await market.said(kind)
        assert len({event["tx"] for event in said}) == 1 and len(said) == 7
        assert sum(event["gas"] for event in said) == 21_000
    await market.check()


async def test_participants_can_ask_what_they_have(market: Market) -> None:
    story = market.story("asked", (Part("alpha", 1),))
    await market.hear(story.submitted())
    await market.hands().until_still()
    mine = await balances(market.context, {"of": story.requester_id})
    assert (mine["available"], mine["locked"]) == (DEPOSIT - 20_000, {story.job_id: 20_000})
    whole = await balances(market.context, {})
    assert {(total["kind"], total["asset"]): total["amount"] for total in whole["totals"]} == {
        ("escrow", "stable"): 20_000,
        ("outside", "native"): -len(PEOPLE) * STAKE,
        ("outside", "stable"): -len(PEOPLE) * DEPOSIT,
        ("party", "stable"): len(PEOPLE) * DEPOSIT - 20_000,
        ("stake", "native"): len(PEOPLE) * STAKE,
    }
    with pytest.raises(Refused):
        await balances(market.context, {"of": "nobody"})


async def test_a_ledger_that_differs_from_the_chain_shows(market: Market) -> None:
    await market.hands().until_still()
    hands = market.hands(chain=Poorer(market.chain))
    assert await hands.reconciler.step()
    assert hands.gauge.value == len(PEOPLE)


class Poorer:
    """A chain on which everybody lacks one unit."""

    def __init__(self, chain: MemoryChain) -> None:
        self._chain = chain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    async def balance(self, address: str) -> int:
        return await self._chain.balance(address) - 1
