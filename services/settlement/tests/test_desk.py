"""The desk at work: what it holds, charges, refunds, slashes and says."""

import json
from dataclasses import replace
from typing import Any

import pytest
from services.settlement.tests.market import DEPOSIT, OPERATOR, PEOPLE, STAKE, Market
from services.settlement.tests.stories import PRICE, UNITS, Part, key_of, net_of, provider_of

from assay.chain import wallet
from assay.chain.payment.shapes import NO_EPOCH
from assay.proof import verify
from assay.proof.settlement import Posted
from assay.proof.settlement_epoch import Leaf
from assay.proof.settlement_tree import Branch, Node
from assay.schema.errors import Refused
from assay.schema.lease import FORFEIT
from assay.schema.values import cost_of
from assay.settlement.questions import balances, leaf

pytestmark = pytest.mark.server
EARNED = net_of(2)
ACCUSED = ("slash.proposed", "slash.appealed", "slash.ruled", "slash.executed", "slash.dismissed")


async def test_a_verified_job_is_paid_and_the_rest_goes_back(market: Market) -> None:
    story = market.story("good", (Part("alpha", 2), Part("beta", 1)))
    await market.play(story)
    spent = cost_of(3 * UNITS, PRICE)
    assert await market.earned("alpha") == EARNED
    assert await market.deposit("requester") == DEPOSIT - spent
    funded, *leases, settled = await market.said("job.funded", "lease.paid", "job.settled")
    assert funded["amount"] == 20_000
    assert [lease["amount"] for lease in leases] == [EARNED, net_of(1)]
    assert settled["type"] == "job.settled" and settled["refunded"] == 20_000 - spent
    assert settled["fee"] == spent - EARNED - net_of(1) == await market.account("fees")
    assert [payout["amount"] for payout in settled["payouts"]] == [EARNED, net_of(1)]
    assert await market.said("payment.finalised") == []
    await market.pass_windows()
    assert [await market.account(f"earned:{key_of(name).address}") for name in ("alpha", "beta")] == [0, 0]
    assert await market.earned("alpha") == EARNED and len(await market.said("payment.finalised")) == 1
    await market.check()


async def test_the_receipt_is_stored_and_the_step_names_it(market: Market) -> None:
    story = market.story("receipt", (Part("alpha", 2), Part("beta", 1, is_true=False)))
    await market.play(story)
    (closing,) = await market.said("job.refunded")
    sealed = await market.context.bus.blobs.get(closing["receipt"])
    faults = [check for check in verify(sealed.decode()).checks if not check.passed]
    # The story's draw is made up; all else must hold.
    assert {fault.name.rpartition(": ")[2] for fault in faults} <= {"draw"}
    statement = json.loads(sealed)
    assert statement["signatures"][0]["keyid"] == OPERATOR.address
    (step,) = await market.rows("select receipt_digest from steps")
    assert bytes.fromhex(closing["receipt"]) == bytes(step[0])


@pytest.mark.parametrize("end", ["failed", "expired", "cancelled"])
async def test_a_job_that_stopped_early_pays_what_was_done_and_refunds_the_rest(market: Market, end: str) -> None:
    await market.play(market.story(end, (Part("alpha", 2),), end))
    assert await market.earned("alpha") == EARNED
    assert [event["type"] for event in await market.money_said()] == ["lease.paid", "job.refunded"]
    await market.check()


async def test_a_job_that_nobody_ran_is_refunded_whole(market: Market) -> None:
    await market.play(market.story("idle", (), "expired"))
    assert await market.deposit("requester") == DEPOSIT
    (refunded,) = await market.money_said()
    assert (refunded["type"], refunded["refunded"]) == ("job.refunded", 20_000)
    assert not refunded.keys() & {"tx", "payment", "step"}, "nothing was charged, so nothing is posted"


async def test_a_rejected_lease_is_slashed_and_not_paid(market: Market) -> None:
    await market.play(market.story("bad", (Part("alpha", 2), Part("beta", 1, is_true=False))))
    assert await market.earned("beta") == 0
    (slashed,) = await market.said("lease.slashed")
    assert (slashed["amount"], slashed["reason"]) == (STAKE // 2, "invalid_result")
    assert await market.chain.pool_balance() == STAKE // 2 * 4 // 5, "a fifth is burned, and nobody has any of it"
    assert [event["type"] for event in await market.said(*ACCUSED)] == ["slash.proposed", "slash.executed"]
    last = [event for event in await market.said("stake.changed") if event["provider"] == provider_of("beta")][-1]
    assert last["amount"] == STAKE // 2
    await market.check()


async def test_a_lease_that_is_forfeit_for_another_of_its_epoch_is_neither_paid_nor_slashed(market: Market) -> None:
    await market.play(market.story("near", (Part("alpha", 2), Part("beta", 1, is_true=False, code=FORFEIT))))
    assert await market.earned("beta") == 0
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


async def test_an_order_without_cover_waits_and_is_refused_with_what_to_do(market: Market) -> None:
    await market.hands().until_still()
    await market.hear(market.story("poor", (), price_limit=DEPOSIT + 1).submitted())
    await market.hands().until_still()
    assert await market.said("job.unfunded") == []
    await market.rows("update awaiting set until_ms = 0")
    await market.hands().until_still()
    (unfunded,) = await market.said("job.unfunded")
    assert unfunded["code"] == "deposit.insufficient" and "`assay wallet deposit`" in unfunded["reason"]
    assert f"{DEPOSIT} of {DEPOSIT + 1}" in unfunded["reason"]


async def test_orders_share_one_deposit_and_what_a_job_gives_back_funds_the_next(market: Market) -> None:
    await market.hands().until_still()
    stories = [market.story(f"share {turn}", (), "expired", price_limit=DEPOSIT // 2) for turn in range(3)]
    await market.hear(*[story.submitted() for story in stories])
    assert len(await market.said("job.funded")) == 2
    await market.hear_all(stories[0].work())
    await market.hands().until_still()
    assert [event["job_id"] for event in await market.said("job.funded")] == [story.job_id for story in stories]
    await market.check()


async def test_a_deposit_that_comes_late_funds_an_order_that_waited(market: Market) -> None:
    hands = market.hands(confirmations=3)
    await wallet.deposit(market.chain, key_of("requester"), DEPOSIT)
    await market.hear(market.story("fresh", (), price_limit=2 * DEPOSIT).submitted())
    assert await market.said("job.funded") == []
    for _ in range(6):
        await hands.rounds(4)
        market.chain.mine()
    assert [event["amount"] for event in await market.said("job.funded")] == [2 * DEPOSIT]


REFUSED = {
    "job.bad_order": ({"price_limit": 1}, {}),
    "job.past_deadline": ({}, {"now_ms": 600_001}),
    "job.distant_deadline": ({}, {"now_ms": -31 * 24 * 3600 * 1000}),
    "job.unpriced": ({}, {"price_limit": 0}),
}


@pytest.mark.parametrize("code", REFUSED)
async def test_an_order_that_payment_could_not_charge_is_refused_at_once(market: Market, code: str) -> None:
    changes, terms = REFUSED[code]
    now_ms = market.context.now() - terms.get("now_ms", 0)
    story = replace(market.story("refused", ()), **(terms | {"now_ms": now_ms}))
    await market.hear(story.submitted(**changes))
    (unfunded,) = await market.said("job.unfunded")
    assert unfunded["code"] == code and unfunded["reason"]


async def test_a_requester_that_leaves_is_charged_no_more_than_its_epochs_can(market: Market) -> None:
    """It announces to take all out while its job runs: what cannot be charged any more is not, and nothing stalls."""
    story = market.story("leaves", (Part("alpha", 2),), price_limit=DEPOSIT)
    await market.hands().until_still()
    await market.hear(story.submitted())
    await wallet.request_exit(market.chain, key_of("requester"), DEPOSIT - 100)
    await market.hands().until_still()
    await market.hear_all(story.work())
    await market.hands().until_still()
    assert await market.earned("alpha") == 99
    (settled,) = await market.said("job.settled")
    assert (settled["refunded"], settled["fee"]) == (DEPOSIT - 100, 1)
    await market.check()


async def test_many_jobs_are_posted_in_one_epoch_and_share_its_gas(market: Market) -> None:
    await market.hands().until_still()
    stories = [market.story(f"many {turn}", (Part("alpha", 1), Part("beta", 1))) for turn in range(4)]
    for story in stories:
        await market.hear(story.submitted())
        await market.hear_all(story.work())
    await market.hands().until_still()
    said = await market.said("job.settled")
    assert {(event["payment"], event["tx"]) for event in said} == {(1, said[0]["tx"])} and len(said) == 4
    assert [event["step"] for event in said] == [1, 3, 5, 7] and sum(event["gas"] for event in said) == 21_000
    assert [event["step"] for event in await market.said("lease.paid")] == list(range(1, 9))
    (posted,) = await market.said("payment.posted")
    assert (posted["first_step"], posted["steps"], posted["gas"], posted["tx"]) == (1, 8, 21_000, said[0]["tx"])
    await market.check()


async def test_participants_can_ask_what_they_have_and_withdraw_by_it(market: Market) -> None:
    story = market.story("asked", (Part("alpha", 1),))
    await market.hands().until_still()
    await market.hear(story.submitted())
    mine = await balances(market.context, {"of": story.requester_id})
    assert (mine["deposit"], mine["held"]) == (DEPOSIT - 20_000, {story.job_id: 20_000})
    whole = await balances(market.context, {})
    assert {(total["kind"], total["asset"]): total["amount"] for total in whole["totals"]} == {
        ("deposit", "stable"): len(PEOPLE) * DEPOSIT - 20_000,
        ("hold", "stable"): 20_000,
        ("outside", "native"): -len(PEOPLE) * STAKE,
        ("outside", "stable"): -len(PEOPLE) * DEPOSIT,
        ("stake", "native"): len(PEOPLE) * STAKE,
    }
    with pytest.raises(Refused):
        await balances(market.context, {"of": "nobody"})
    await market.hear_all(story.work())
    await market.hands().until_still()
    await wallet.request_exit(market.chain, key_of("requester"), DEPOSIT)
    await market.pass_windows()
    mine = await balances(market.context, {"of": story.requester_id})
    assert mine["leaving"]["amount"] == DEPOSIT and mine["held"] == {}
    told = await leaf(market.context, {"of": story.requester_id})
    siblings = tuple(Node(bytes.fromhex(n["hash"]), n["credits"], n["debits"]) for n in told["siblings"])
    own = Leaf(told["account"], told["credit"], told["debit"], Branch(told["mask"], siblings))
    last, next_ = (posted_of(told[name]) for name in ("epoch", "next"))
    await wallet.withdraw(market.chain, key_of("requester"), last, next_, own)
    await market.hands().until_still()
    assert await market.deposit("requester") == 0
    spent = cost_of(UNITS, PRICE)
    assert await market.chain.token_balance(market.chain.deployment.stable, own.account) == 2 * DEPOSIT - spent
    await market.check()


def posted_of(epoch: dict[str, Any] | None) -> Posted:
    if epoch is None:
        return NO_EPOCH
    root = Node(bytes.fromhex(epoch["root"]), epoch["credits"], epoch["debits"])
    steps = (epoch["steps"], bytes.fromhex(epoch["steps_root"]))
    return Posted(epoch["number"], epoch["posted_at"], epoch["poster"], *steps, root)
