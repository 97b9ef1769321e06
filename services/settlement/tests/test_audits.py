"""Audits that no order pays are paid by the operator, each once, and overruled verifiers lose their bond."""

import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from services.settlement.tests.auditing import FEE, overruled, said, upheld, verifier_of
from services.settlement.tests.crashing import Crash, Fuse
from services.settlement.tests.market import ADMIN, OPERATOR, STAKE, Market, endow_operator
from services.settlement.tests.stories import key_of, provider_of

from assay.chain import wallet
from assay.chain.payment.events import Posted
from assay.chain.payment.values import Demanded
from assay.proof.digest import blake3_hex
from assay.schema import Envelope
from assay.schema.beacon import BeaconWithheld, beacon_fact
from assay.schema.lease import SlashReason
from assay.schema.values import Role, derive_id, participant_id
from assay.settlement.ledger import deposit, earned

pytestmark = pytest.mark.server


async def hear(market: Market, *said: Envelope[Any]) -> None:
    await market.hear_all(said)
    await market.hands().until_still()


async def test_the_operator_pays_a_verifier_whom_no_order_pays(market: Market) -> None:
    await endow_operator(market.chain, 1000)
    await market.hands().until_still()
    said = [upheld("one", "beta"), upheld("two", "gamma"), upheld("three", "beta"), upheld("free", "beta", 0)]
    await hear(market, *said)
    assert await market.earned("beta") == 2 * FEE
    paid = [event for event in await market.said("audit.paid") if event["amount"]]
    assert [(event["verifier"], event["amount"]) for event in paid] == [
        (verifier_of(name), FEE) for name in ("beta", "gamma", "beta")
    ]
    assert len({event["tx"] for event in paid}) == 1 and [event["step"] for event in paid] == [1, 2, 3]
    assert {event["requester"] for event in paid} == {participant_id(Role.REQUESTER, OPERATOR.address)}
    assert [event["receipt"] for event in paid] == [blake3_hex(envelope.data) for envelope in said[:3]]
    assert await market.account(deposit(OPERATOR.address)) == 1000 - 3 * FEE
    await market.pass_windows()
    assert await market.account(earned(key_of("beta").address)) == 0
    await market.check()


async def test_an_audit_waits_for_a_deposit_of_the_operators(market: Market) -> None:
    await market.hands().until_still()
    await hear(market, upheld("waits", "beta"), upheld("waits too", "gamma"))
    hands = market.hands()
    await hands.herald.step()
    assert await market.said("audit.paid") == [] and hands.gauges.dues.value == 2
    await endow_operator(market.chain, FEE)
    await market.hands().until_still()
    (paid,) = await market.said("audit.paid")
    assert paid["audit_id"] == derive_id("a", "waits")
    await endow_operator(market.chain, FEE)
    await market.hands().until_still()
    assert [event["audit_id"] for event in await market.said("audit.paid")] == [
        derive_id("a", name) for name in ("waits", "waits too")
    ]
    await market.check()


async def test_what_audits_lack_is_deposited_from_what_fees_have_brought_the_operator(market: Market) -> None:
    stable = market.chain.deployment.stable
    await endow_operator(market.chain, 1)
    await wallet.mint_stable(market.chain, ADMIN, OPERATOR.address, 5 * FEE)
    await market.hands().until_still()
    await hear(market, upheld("one", "beta"), upheld("two", "gamma"))
    assert len(await market.said("audit.paid")) == 2
    assert await market.chain.token_balance(stable, OPERATOR.address) == 5 * FEE - (2 * FEE - 1), "no more than is owed"
    assert await market.rows("select state from intents where kind = 'refill'") == [("done",)]
    await market.check()


async def test_a_demand_of_what_the_operator_pays_itself_is_answered(market: Market) -> None:
    await endow_operator(market.chain, FEE)
    await market.hands().until_still()
    await hear(market, upheld("asked", "beta"))
    (posted,) = [e.event for e in await market.chain.events(0, 10**6) if isinstance(e.event, Posted)]
    await wallet.demand(market.chain, key_of("gamma"), posted.epoch, Demanded.STEP, 0)
    await market.hands().until_still()
    assert await market.rows("select from demands") == []
    await market.pass_windows()
    assert await market.earned("beta") == FEE and await market.account(earned(key_of("beta").address)) == 0
    await market.check()


@pytest.mark.parametrize("reason", [SlashReason.LAZY_VERIFIER, SlashReason.FALSE_ACCUSATION])
async def test_an_overruled_verifier_loses_a_fifth_of_its_stake_once(market: Market, reason: SlashReason) -> None:
    await market.hands().until_still()
    said = overruled("false", "beta", reason)
    await hear(market, said, said)
    (slashed,) = await market.said("verifier.slashed")
    assert (slashed["verifier"], slashed["amount"], slashed["reason"]) == (verifier_of("beta"), STAKE // 5, reason)
    assert await market.chain.pool_balance() == STAKE // 5 * 4 // 5
    last = [event for event in await market.said("stake.changed") if event["provider"] == provider_of("beta")][-1]
    assert last["amount"] == STAKE - STAKE // 5
    assert await market.earned("beta") == 0
    await market.check()


async def test_a_verifier_is_slashed_no_more_than_it_has(market: Market) -> None:
    await market.hands().until_still()
    count = 7
    await hear(market, *[overruled(f"false {turn}", "beta") for turn in range(count)])
    amounts = [event.get("amount", 0) for event in await market.said("verifier.slashed")]
    assert amounts == [STAKE // 5] * 5 + [0, 0], "all were accused while all of the stake was there"
    assert await market.chain.stake_of(key_of("beta").address) == 0
    await hear(market, overruled("one more", "beta"))
    await market.rows("update intents set not_before_ms = 1 where state = 'pending'")
    await market.hands().until_still()
    assert [row[0] for row in await market.rows("select phase from accusations where phase <> 'executed'")] == [
        "dropped"
    ]
    (spared,) = await market.said("verifier.spared")
    assert (spared["verifier"], spared["code"]) == ("v" + provider_of("beta")[1:], "slash.nothing")
    await market.check()


def many(market: Market, chance: random.Random) -> tuple[list[Envelope[Any]], dict[str, int], int]:
    """Audits of all kinds, each heard once or twice; what each verifier earns by them, and how many cost stake."""
    said, earned, bonds = [], dict.fromkeys(("beta", "gamma"), 0), 0
    for turn in range(30):
        who, is_good = chance.choice(("beta", "gamma")), chance.random() < 0.8
        fee = chance.choice((0, 1, FEE, 1000))
        said += [upheld(f"{turn}", who, fee) if is_good else overruled(f"{turn}", who)] * chance.choice((1, 2))
        earned[who] += fee if is_good else 0
        bonds += 0 if is_good else 1
    return said, earned, bonds


async def test_audits_are_paid_and_slashed_once_whatever_crashes_and_forks(market: Market) -> None:
    chance = random.Random(7)
    await endow_operator(market.chain, 10**6)
    for name in ("beta", "gamma"):
        await wallet.mint_native(market.chain, ADMIN, key_of(name).address, 3 * STAKE)
        await wallet.stake(market.chain, key_of(name), 3 * STAKE)
    await market.finish()
    said, due, bonds = many(market, chance)
    chance.shuffle(said)
    for start in range(0, len(said), 5):
        await until_spoken(market, said[start : start + 5], chance)
    await market.finish()
    assert {name: await market.earned(name) for name in due} == due
    assert await market.account(deposit(OPERATOR.address)) == 10**6 - sum(due.values())
    held = [await market.chain.stake_of(key_of(name).address) for name in due]
    executed = await market.said("slash.executed")
    assert len(executed) == bonds and sum(e["amount"] for e in executed) == 8 * STAKE - sum(held)
    assert await market.chain.pool_balance() == sum(event["amount"] - event["burned"] for event in executed)
    paid = await market.said("audit.paid", "verifier.slashed")
    assert len(paid) == len({event["audit_id"] for event in paid}) == 30
    assert await market.rows("select from transfers where reverses is not null") == []
    await market.check()


async def until_spoken(market: Market, said: Sequence[Envelope[Any]], chance: random.Random) -> None:
    await market.hear_all(said)
    for _ in range(2):
        with suppress(Crash):
            await market.crashing(Fuse(chance.randint(0, 5))).hands(confirmations=4).rounds(2)
        if chance.random() < 0.4:
            market.chain.reorganise(chance.randint(1, 3))
        market.chain.mine()


async def test_a_verifier_that_withholds_its_shares_again_loses_a_tenth_of_its_stake_each_time(market: Market) -> None:
    await market.hands().until_still()
    beta, at_stake = key_of("beta").address, STAKE
    facts = [beacon_fact(derive_id("x", name), verifier_of("beta")) for name in ("first", "second")]
    for fact in facts:
        withheld = said(BeaconWithheld(**fact, shares=1, missed_ms=1))
        await hear(market, withheld, withheld)
        at_stake -= at_stake // 10
        assert await market.chain.stake_of(beta) == at_stake
    proposed = await market.said("slash.proposed")
    assert [(each["offence"], each["reason"]) for each in proposed] == [
        (f["beacon_id"], "withheld_data") for f in facts
    ]
    assert {each["accused"] for each in proposed} == {beta.lower()}
    assert len(await market.said("slash.executed")) == 2 and not await market.said("verifier.slashed")
    await market.check()
