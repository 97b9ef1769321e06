"""Audits are paid out of the fund, each once, and overruled verifiers lose their bond."""

import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from services.settlement.tests.auditing import FEE, overruled, upheld, verifier_of
from services.settlement.tests.market import ADMIN, DEPOSIT, STAKE, Crash, Fuse, Market
from services.settlement.tests.stories import Part, key_of, net_of, provider_of

from assay.chain import wallet
from assay.chain.memory import MemoryChain
from assay.schema import Envelope
from assay.schema.lease import SlashReason
from assay.schema.values import BOND_PER_VERIFIER, derive_id
from assay.settlement.questions import balances

pytestmark = pytest.mark.server


async def give(market: Market, amount: int) -> None:
    await wallet.mint_stable(market.chain, ADMIN, ADMIN.address, amount)
    await wallet.fund_audits(market.chain, ADMIN, amount)


async def hear(market: Market, *said: Envelope[Any]) -> None:
    await market.hear_all(said)
    await market.hands().until_still()


async def test_a_verifier_is_paid_out_of_the_fund(market: Market) -> None:
    await give(market, 1000)
    await hear(market, upheld("one", "beta"), upheld("two", "gamma"), upheld("three", "beta"))
    assert await market.balance("beta") == DEPOSIT + 2 * FEE
    paid = await market.said("audit.paid")
    assert [(event["verifier"], event["amount"]) for event in paid] == [
        (verifier_of(name), FEE) for name in ("beta", "gamma", "beta")
    ]
    assert len({event["tx"] for event in paid}) == 1
    whole = await balances(market.context, {})
    assert {total["kind"]: total["amount"] for total in whole["totals"]}["fund"] == 1000 - 3 * FEE
    await market.check()


async def test_the_fees_of_jobs_pay_for_audits(market: Market) -> None:
    await hear(market, upheld("waits", "beta"), upheld("waits too", "gamma"))
    assert await market.said("audit.paid") == []
    await market.play(market.story("fee", (Part("alpha", 2),), price_limit=20_000))
    await market.rows("update intents set not_before_ms = 0")
    await market.hands().until_still()
    (paid,) = await market.said("audit.paid")
    assert paid["audit_id"] == derive_id("a", "waits")
    assert await market.balance("alpha") == DEPOSIT + net_of(2)
    assert await market.chain.audit_fund() == 60 - FEE
    rows = await market.rows("select state from intents where kind = 'pay_audit' order by position")
    assert [row[0] for row in rows] == ["done", "pending"]
    await market.check()


class Rich:
    """A chain that tells of money in the fund which is gone by the next block."""

    def __init__(self, chain: MemoryChain) -> None:
        self._chain = chain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    async def audit_fund(self) -> int:
        return 10**9


async def test_an_audit_that_the_contract_cannot_pay_yet_is_paid_later(market: Market) -> None:
    await market.hear(upheld("late", "beta"))
    await market.hands(chain=Rich(market.chain)).until_still()
    assert [row[0] for row in await market.rows("select state from transactions")] == ["final"]
    assert await market.said("audit.paid") == []
    await give(market, FEE)
    await market.rows("update intents set not_before_ms = 0")
    await market.hands().until_still()
    assert [event["audit_id"] for event in await market.said("audit.paid")] == [derive_id("a", "late")]
    assert await market.balance("beta") == DEPOSIT + FEE
    await market.check()


@pytest.mark.parametrize("reason", [SlashReason.LAZY_VERIFIER, SlashReason.FALSE_ACCUSATION])
async def test_an_overruled_verifier_loses_its_bond_once(market: Market, reason: SlashReason) -> None:
    await market.hands().until_still()
    said = overruled("false", "beta", reason)
    await hear(market, said, said)
    (slashed,) = await market.said("verifier.slashed")
    assert (slashed["verifier"], slashed["amount"], slashed["reason"]) == (
        verifier_of("beta"),
        BOND_PER_VERIFIER,
        reason,
    )
    assert await market.chain.pool_balance() == BOND_PER_VERIFIER
    last = [event for event in await market.said("stake.changed") if event["provider"] == provider_of("beta")][-1]
    assert last["amount"] == STAKE - BOND_PER_VERIFIER
    assert await market.balance("beta") == DEPOSIT
    await market.check()


async def test_a_verifier_is_slashed_no_more_than_it_has(market: Market) -> None:
    await market.hands().until_still()
    count = STAKE // BOND_PER_VERIFIER
    await hear(market, *[overruled(f"false {turn}", "beta") for turn in range(count + 2)])
    amounts = [event.get("amount", 0) for event in await market.said("verifier.slashed")]
    assert amounts == [BOND_PER_VERIFIER] * count + [0, 0]
    assert await market.chain.stake_of(key_of("beta").address) == 0
    await market.check()


def many(market: Market, chance: random.Random) -> tuple[list[Envelope[Any]], dict[str, int], int]:
    """Audits of all kinds, each heard once or twice; what each verifier earns by them, and how many bonds they cost."""
    said, earned, bonds = [], dict.fromkeys(("beta", "gamma"), DEPOSIT), 0
    for turn in range(30):
        who, is_good = chance.choice(("beta", "gamma")), chance.random() < 0.8
        fee = chance.choice((0, 1, FEE, 1000))
        said += [upheld(f"{turn}", who, fee) if is_good else overruled(f"{turn}", who)] * chance.choice((1, 2))
        earned[who] += fee if is_good else 0
        bonds += 0 if is_good else 1
    return said, earned, bonds


async def test_audits_are_paid_and_slashed_once_whatever_crashes_and_forks(market: Market) -> None:
    chance = random.Random(7)
    await give(market, 10**6)
    for name in ("beta", "gamma"):
        await wallet.mint_native(market.chain, ADMIN, key_of(name).address, 3 * STAKE)
        await wallet.stake(market.chain, key_of(name), 3 * STAKE)
    await rest(market)
    said, earned, bonds = many(market, chance)
    chance.shuffle(said)
    for start in range(0, len(said), 5):
        await until_spoken(market, said[start : start + 5], chance)
    await rest(market)
    assert {name: await market.balance(name) for name in earned} == earned
    assert await market.chain.audit_fund() == 10**6 - sum(earned.values()) + 2 * DEPOSIT
    assert await market.chain.pool_balance() == bonds * BOND_PER_VERIFIER
    paid = await market.said("audit.paid", "verifier.slashed")
    assert len(paid) == len({event["audit_id"] for event in paid}) == 30
    assert await market.rows("select from transfers where reverses is not null") == []
    await market.check()


async def until_spoken(market: Market, said: Sequence[Envelope[Any]], chance: random.Random) -> None:
    await market.hear_all(said)
    for _ in range(2):
        with suppress(Crash):
            await market.faulty_hands(Fuse(chance.randint(1, 50)), confirmations=4).rounds(2)
        if chance.random() < 0.4:
            market.chain.reorganise(chance.randint(1, 3))
        market.chain.mine()


async def rest(market: Market) -> None:
    for _ in range(8):
        await market.hands(confirmations=4).rounds(2)
        market.chain.mine()
