"""Accusations on their way: appealed, ruled on, lapsed, or of somebody else's making; each ends once."""

from dataclasses import replace
from typing import Any

import pytest
from services.settlement.tests.auditing import overruled, upheld
from services.settlement.tests.market import ADMIN, DEPOSIT, OPERATOR, STAKE, WINDOWS, Market, pass_time
from services.settlement.tests.stories import PRICE, UNITS, Part, key_of, provider_of

from assay.chain import wallet
from assay.chain.encode import encode_call
from assay.chain.errors import Reverted
from assay.chain.governed.accusations import Accusation, encode_propose
from assay.chain.governed.terms import NATIVE_UNIT, NOBODY
from assay.chain.port import Ruling, SlashReason
from assay.chain.words import normal
from assay.proof.digest import blob_digest
from assay.schema.values import cost_of, job_word

pytestmark = pytest.mark.server
BOND = 5 * NATIVE_UNIT


async def accused(market: Market, name: str) -> bytes:
    """An accusation of beta for a lease, proposed and not over."""
    story = market.story(name, (Part("beta", 1, is_true=False),), "expired")
    await market.hear(story.submitted())
    await market.hands().until_still()
    await market.hear_all(story.work())
    hands = market.hands()
    while not (rows := await market.rows("select accusation from accusations where phase = 'proposed'")):
        await hands.rounds(1)
    return bytes.fromhex(rows[0][0])


async def tell(market: Market, who: Any, signature: str, *words: Any) -> None:
    at = market.chain.deployment.group.slashing
    await wallet.send(market.chain, who, at, encode_call(signature, *words))


async def appeal(market: Market, accusation: bytes) -> None:
    """Beta contests it with a bond."""
    at, beta = market.chain.deployment, key_of("beta")
    await wallet.send(market.chain, beta, at.native, encode_call("approve(address,uint256)", at.group.slashing, BOND))
    await tell(market, beta, "appeal(bytes32,bytes32)", accusation, b"\1" * 32)


async def types_of(market: Market) -> list[str]:
    """What was said of accusations and leases, by its type."""
    ends = ("lease.slashed", "lease.spared")
    said = ("slash.proposed", "slash.appealed", "slash.ruled", "slash.executed", "slash.dismissed", *ends)
    return [event["type"].removeprefix("slash.") for event in await market.said(*said)]


@pytest.mark.parametrize("is_upheld", [True, False])
async def test_an_appeal_holds_the_slash_until_it_is_ruled_on(market: Market, is_upheld: bool) -> None:
    accusation = await accused(market, "appealed")
    await appeal(market, accusation)
    await market.hands().rounds(3)
    assert await market.account(f"bond:0x{accusation.hex()}") == BOND
    await pass_time(market.chain, WINDOWS.appeal_s + 1)
    await market.hands().rounds(3)
    assert await types_of(market) == ["proposed", "appealed"]
    await tell(market, ADMIN, "rule(bytes32,bool,bytes32)", accusation, int(is_upheld), bytes(32))
    await market.hands().until_still()
    end = ["dismissed", "lease.spared"] if is_upheld else ["executed", "lease.slashed"]
    assert await types_of(market) == ["proposed", "appealed", "ruled", *end]
    assert await market.chain.stake_of(key_of("beta").address) == (STAKE if is_upheld else STAKE // 2)
    assert await market.chain.pool_balance() == (0 if is_upheld else STAKE // 2 * 4 // 5 + BOND)
    await market.check()


@pytest.mark.parametrize("price", [2_000_000, 0])
async def test_what_a_requester_paid_for_a_job_that_others_spoiled_the_pool_makes_good(
    market: Market, price: int
) -> None:
    market = replace(market, knobs=replace(market.knobs, native_price=price))
    parts = (Part("alpha", 2), Part("beta", 1, is_true=False), Part("gamma", 1, is_true=False))
    requester, native = key_of("requester").address, market.chain.deployment.native
    had = await market.chain.token_balance(native, requester)
    await market.play(market.story("spoiled", parts))
    assert await types_of(market) == [*["proposed"] * 2, *["executed", "lease.slashed"] * 2]
    paid = DEPOSIT - await market.deposit("requester")
    assert paid == cost_of(2 * UNITS, PRICE) > 0, "what the false leases would have earned was never charged"
    due = paid * NATIVE_UNIT // price if price else 0
    assert await market.chain.token_balance(native, requester) - had == due
    proposed, refunded = await market.said("slash.proposed"), await market.said("slash.refunded")
    assert sum(each.get("loss", 0) for each in proposed) == sum(each["amount"] for each in refunded) == due
    assert {each.get("victim") for each in proposed} == {requester.lower() if price else None}
    assert all(each["left"] == 0 for each in refunded)
    assert await market.chain.pool_balance() == 2 * (STAKE // 2 * 4 // 5) - due
    assert await market.rows("select from intents where state in ('pending', 'sent')") == []
    await market.check()


async def test_an_accusation_waits_for_what_was_lost_but_not_for_ever(market: Market) -> None:
    story = market.story("unbilled", (Part("alpha", 1), Part("beta", 1, is_true=False)))
    await market.hear(story.submitted())
    await market.hands().until_still()
    await market.hear_all([said for said in story.work() if said.event.type != "job.rejected"])
    hands = market.hands(native_price=10**6)
    await hands.rounds(3)
    assert await types_of(market) == []
    await pass_time(market.chain, WINDOWS.report_s // 4 + 2)
    await hands.until_still()
    assert await types_of(market) == ["proposed", "executed", "lease.slashed"]
    assert "victim" not in (await market.said("slash.proposed"))[0]
    await market.check()


async def test_an_arbiters_silence_frees(market: Market) -> None:
    await appeal(market, await accused(market, "silent"))
    await market.hands().rounds(3)
    await pass_time(market.chain, WINDOWS.ruling_s + 1)
    await market.hands().until_still()
    assert await types_of(market) == ["proposed", "appealed", "dismissed", "lease.spared"]
    (spared,) = await market.said("lease.spared")
    assert spared["code"] == "slash.dismissed" and spared["provider"] == provider_of("beta")
    await market.check()


async def test_a_slash_that_waits_too_long_is_told_and_then_lost(market: Market) -> None:
    await accused(market, "late")
    hands = market.hands()
    await pass_time(market.chain, WINDOWS.execution_s // 2 + 10)
    await hands.bailiff.step()
    assert hands.gauges.overdue.value == 1
    await pass_time(market.chain, WINDOWS.execution_s)
    await market.rows("update intents set not_before_ms = 0")
    await market.hands().until_still()
    assert await types_of(market) == ["proposed", "dismissed", "lease.spared"]
    assert await market.rows("select from intents where kind = 'execute' and state = 'pending'") == []
    await market.check()


async def test_whom_the_judge_ruled_wrong_anyone_accuses_and_settlement_executes_it(market: Market) -> None:
    accusation = await accused(market, "told")
    (said,) = await market.rows("select statement from accusations")
    assert blob_digest(bytes(said[0])) == (await market.said("slash.proposed"))[0]["evidence"]
    assert await market.context.bus.blobs.get(blob_digest(bytes(said[0]))) == bytes(said[0]), "an arbiter can read it"
    parties = (normal(key_of("beta").address), normal(key_of("gamma").address))
    market.chain._storage["ruling", b"dispute".ljust(32, b"\0"), *parties] = Ruling.WORKER_FAULT
    ruled = (b"dispute".ljust(32, b"\0"), *parties)
    await tell(market, key_of("gamma"), "proposeRuled(bytes32,address,address)", *ruled)
    with pytest.raises(Reverted, match="KnownOffence"):
        await tell(market, key_of("alpha"), "proposeRuled(bytes32,address,address)", *ruled)
    await market.hands().until_still()
    proposed = {event["accusation"] for event in await market.said("slash.proposed")}
    executed = [event for event in await market.said("slash.executed") if event["accusation"] != accusation.hex()]
    assert len(proposed) == 2 and executed[0]["accused"] == parties[0].lower() and executed[0]["amount"] > 0
    await market.check()


async def test_what_another_proposer_accused_is_executed_too_and_an_offence_is_accused_once(market: Market) -> None:
    said = overruled("known", "beta")
    await market.hands().until_still()
    now_s = (await market.chain.block()).timestamp
    what = Accusation(
        key_of("beta").address,
        SlashReason.LAZY_VERIFIER,
        job_word(said.event.audit_id),
        now_s,
        NOBODY,
        NOBODY,
        0,
        bytes(32),
    )
    await wallet.send(market.chain, OPERATOR, market.chain.deployment.group.slashing, encode_propose(what))
    await market.hear_all([said, replace(said, id="again"), upheld("other", "gamma", 0)])
    await market.hands().until_still()
    (slashed,) = await market.said("verifier.slashed")
    assert slashed["amount"] == STAKE // 5
    assert [row[0] for row in await market.rows("select phase from accusations")] == ["executed"]
    await market.check()
