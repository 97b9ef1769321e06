"""What the escrow of a `Chain` does: one suite for the twin in memory and for the real contract."""

import dataclasses

import pytest

from assay.chain import wallet
from assay.chain.errors import Reverted
from assay.chain.events import (
    Deposited,
    Opened,
    Paid,
    Reclaimed,
    Refused,
    Settled,
    SettlementRefused,
    Withdrawn,
)
from assay.chain.port import (
    JobState,
    OpenRefusal,
    Payout,
    Settlement,
    SettlementRefusal,
    SignedOrder,
)
from assay.chain.words import normal
from assay.proof.keys import ORDER

DAY_S = 24 * 3600
RECEIPT = b"\x0e" * 32
JOB = b"job".ljust(32, b"\0")


@pytest.fixture
async def funded(rig):
    """A job of 600 out of a deposit of 1000."""
    await rig.fund()
    await rig.open(rig.signed(await rig.order("job", 600)))
    return rig


async def test_a_deposit_can_be_withdrawn(rig):
    requester = normal(rig.keys.requester.address)
    assert (await rig.fund()).events == (Deposited(requester, 1000),)
    receipt = await wallet.withdraw(rig.chain, rig.keys.requester, 400)
    assert receipt.events == (Withdrawn(requester, 400),)
    assert await rig.chain.balance(requester) == 600
    assert await rig.chain.token_balance(rig.chain.deployment.stable, requester) == 400


async def test_nobody_withdraws_more_than_the_balance(rig):
    await rig.fund()
    with pytest.raises(Reverted, match=r"BalanceTooLow\(1000, 1001\)"):
        await wallet.withdraw(rig.chain, rig.keys.requester, 1001)


async def test_a_deposit_needs_tokens(rig):
    with pytest.raises(Reverted, match="ERC20InsufficientBalance"):
        await wallet.deposit(rig.chain, rig.keys.requester, 1)


async def test_a_stranger_cannot_mint(rig):
    with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
        await wallet.mint_native(rig.chain, rig.keys.stranger, rig.keys.stranger.address, 1)


async def test_a_signed_order_locks_its_price_limit(rig):
    await rig.fund()
    receipt = await rig.open(rig.signed(await rig.order("job", 600)))
    assert receipt.events == (Opened(JOB, normal(rig.keys.requester.address), 600),)
    assert await rig.chain.locked(JOB) == 600
    assert await rig.chain.job_state(JOB) == JobState.FUNDED
    assert await rig.chain.balance(rig.keys.requester.address) == 400


async def test_an_order_opens_once(funded):
    receipt = await funded.open(funded.signed(await funded.order("job", 100)))
    assert receipt.events == (Refused(JOB, OpenRefusal.KNOWN),)
    assert await funded.chain.locked(JOB) == 600


async def test_an_order_is_refused_after_its_deadline_and_beyond_the_balance(rig):
    await rig.fund()
    late, dear = await rig.order("late", 1, valid_s=-100), await rig.order("dear", 1001)
    receipt = await rig.open(rig.signed(late), rig.signed(dear))
    assert receipt.events == (
        Refused(late.job_id, OpenRefusal.PAST_DEADLINE),
        Refused(dear.job_id, OpenRefusal.INSUFFICIENT),
    )


def high_s(signed: SignedOrder) -> SignedOrder:
    r, s, v = signed.signature[:32], int.from_bytes(signed.signature[32:64], "big"), signed.signature[64]
    return SignedOrder(signed.order, r + (ORDER - s).to_bytes(32, "big") + bytes([55 - v]))


FORGERIES = {
    "another chain": lambda rig, order: rig.signed(order, chain_id=1),
    "another contract": lambda rig, order: rig.signed(order, escrow=rig.chain.deployment.stake),
    "another key": lambda rig, order: rig.signed(order, key=rig.keys.stranger),
    "the other root": lambda rig, order: high_s(rig.signed(order)),
    "no signature": lambda rig, order: SignedOrder(order, b""),
    "zeros": lambda rig, order: SignedOrder(order, bytes(65)),
    "v counted from zero": lambda rig, order: SignedOrder(
        order, (signature := rig.signed(order).signature)[:64] + bytes([signature[64] - 27])
    ),
    "a raised limit": lambda rig, order: SignedOrder(
        dataclasses.replace(order, price_limit=order.price_limit + 1), rig.signed(order).signature
    ),
}


async def test_a_forged_order_locks_nothing_and_holds_up_no_other(rig):
    await rig.fund()
    forged = [forge(rig, await rig.order(name, 10)) for name, forge in FORGERIES.items()]
    receipt = await rig.open(*forged, rig.signed(await rig.order("job", 10)))
    *refusals, opened = receipt.events
    assert refusals == [Refused(signed.order.job_id, OpenRefusal.BAD_SIGNATURE) for signed in forged]
    assert opened == Opened(JOB, normal(rig.keys.requester.address), 10)


async def test_a_settlement_pays_leases_and_gives_the_rest_back(funded):
    provider = normal(funded.keys.provider.address)
    receipt = await funded.settle(Settlement(JOB, funded.payouts(200, 150), 10, RECEIPT))
    assert receipt.events == (
        Paid(JOB, provider, 1, 200),
        Paid(JOB, provider, 2, 150),
        Settled(JOB, 350, 10, 240, RECEIPT),
    )
    assert await funded.chain.balance(provider) == 350
    assert await funded.chain.balance(funded.keys.requester.address) == 640
    assert await funded.chain.audit_fund() == 10
    assert (await funded.chain.locked(JOB), await funded.chain.job_state(JOB)) == (0, JobState.SETTLED)


async def test_a_provider_withdraws_what_it_earned(funded):
    await funded.settle(Settlement(JOB, funded.payouts(600), 0, RECEIPT))
    await wallet.withdraw(funded.chain, funded.keys.provider, 600)
    assert await funded.chain.token_balance(funded.chain.deployment.stable, funded.keys.provider.address) == 600


async def test_a_settlement_that_cannot_be_paid_changes_nothing(funded):
    provider, other = funded.keys.provider.address, b"other".ljust(32, b"\0")
    nobody = "0x" + "0" * 40
    bad = {
        Settlement(other, (), 0, RECEIPT): SettlementRefusal.UNKNOWN,
        Settlement(JOB, funded.payouts(300, 301), 0, RECEIPT): SettlementRefusal.OVER_LIMIT,
        Settlement(JOB, funded.payouts(590), 11, RECEIPT): SettlementRefusal.OVER_LIMIT,
        Settlement(JOB, funded.payouts(190), 11, RECEIPT): SettlementRefusal.FEE_TOO_HIGH,
        Settlement(JOB, funded.payouts(1, 2**256 - 1), 0, RECEIPT): SettlementRefusal.OVER_LIMIT,
        Settlement(JOB, (Payout(provider, 2, 1), Payout(provider, 2, 1)), 0, RECEIPT): SettlementRefusal.FENCE_ORDER,
        Settlement(JOB, (Payout(provider, 0, 1),), 0, RECEIPT): SettlementRefusal.FENCE_ORDER,
        Settlement(JOB, (Payout(nobody, 1, 1),), 0, RECEIPT): SettlementRefusal.NO_PROVIDER,
    }
    receipt = await funded.settle(*bad)
    assert receipt.events == tuple(SettlementRefused(item.job_id, reason) for item, reason in bad.items())
    assert await funded.chain.locked(JOB) == 600
    assert await funded.chain.balance(provider) == 0


async def test_a_job_settles_once_even_within_a_batch(funded):
    twice = Settlement(JOB, funded.payouts(100), 0, RECEIPT)
    receipt = await funded.settle(twice, twice)
    assert receipt.events[-1] == SettlementRefused(JOB, SettlementRefusal.ALREADY_SETTLED)
    assert await funded.chain.balance(funded.keys.provider.address) == 100


async def test_a_stranger_cannot_settle(funded):
    with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
        await funded.settle(Settlement(JOB, (), 0, RECEIPT), key=funded.keys.provider)


async def test_a_job_that_nobody_settles_can_be_reclaimed_by_anyone(funded):
    with pytest.raises(Reverted, match="TooEarly"):
        await wallet.reclaim(funded.chain, funded.keys.stranger, JOB)
    await funded.handles.advance(7 * DAY_S + 3700)
    receipt = await wallet.reclaim(funded.chain, funded.keys.stranger, JOB)
    assert receipt.events == (Reclaimed(JOB, normal(funded.keys.requester.address), 600),)
    assert await funded.chain.balance(funded.keys.requester.address) == 1000
    assert await funded.chain.job_state(JOB) == JobState.RECLAIMED
    refused = await funded.settle(Settlement(JOB, (), 0, RECEIPT))
    assert refused.events == (SettlementRefused(JOB, SettlementRefusal.RECLAIMED),)
    with pytest.raises(Reverted, match="NotFunded"):
        await wallet.reclaim(funded.chain, funded.keys.stranger, JOB)
