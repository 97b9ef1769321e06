"""The gas bounds hold on the dearest path, and are not so wide that a batch would not fit a block."""

import pytest

from assay.chain import wallet
from assay.chain.encode import encode_anchor, encode_open, encode_pay_audits, encode_settle, encode_slash
from assay.chain.gas import TRANSACTION_GAS_MAX, anchor_gas, audit_gas, open_gas, settle_gas, slash_gas
from assay.chain.port import Anchor, AuditPayment, Payout, Settlement, Slash
from assay.chain.transaction import sign_transaction
from assay.proof.keys import Key

pytestmark = pytest.mark.server
# Above this share of its bound, what a batch really used shows that the bound is no fantasy.
USED_SHARE_MIN = 0.4


async def send(rig, key, to, data, gas):
    nonce, fees = await rig.chain.nonce_of(key.address), await rig.chain.fees()
    signed = sign_transaction(key, nonce, to, data, gas, fees, rig.chain.deployment.chain_id)
    receipt = await wallet.mined(rig.chain, await rig.chain.broadcast(signed.raw))
    assert receipt.status == 1
    return receipt


def settlement_of(order, lease_count):
    payouts = tuple(Payout(Key.generate().address, fence, 19) for fence in range(1, lease_count + 1))
    return Settlement(order.order.job_id, payouts, lease_count, b"\1" * 32)


@pytest.mark.parametrize(("job_count", "lease_count"), [(1, 1), (50, 1), (5, 20)])
async def test_a_batch_stays_below_its_bound(node_rig, job_count, lease_count):
    rig, at = node_rig, node_rig.chain.deployment
    limit = 25 * lease_count
    await wallet.mint_stable(rig.chain, rig.keys.admin, rig.keys.requester.address, limit * job_count)
    await wallet.deposit(rig.chain, rig.keys.requester, limit * job_count)
    orders = [rig.signed(await rig.order(f"job {number}", limit)) for number in range(job_count)]
    opened = await send(rig, rig.keys.stranger, at.escrow, encode_open(orders), open_gas(job_count))
    settlements = [settlement_of(order, lease_count) for order in orders]
    bound = settle_gas(settlements)
    settled = await send(rig, rig.keys.settler, at.escrow, encode_settle(settlements), bound)
    assert len(settled.events) == job_count * (lease_count + 1)
    assert opened.gas_used > USED_SHARE_MIN * open_gas(job_count)
    assert settled.gas_used > USED_SHARE_MIN * bound
    assert bound < TRANSACTION_GAS_MAX


async def test_a_slash_through_a_full_queue_stays_below_its_bound(node_rig):
    rig = node_rig
    await wallet.mint_native(rig.chain, rig.keys.admin, rig.keys.provider.address, 100)
    await wallet.stake(rig.chain, rig.keys.provider, 100)
    for _ in range(16):
        await wallet.unstake(rig.chain, rig.keys.provider, 5)
    slash = encode_slash([Slash(rig.keys.provider.address, 100, 0, bytes(32), 1)])
    receipt = await send(rig, rig.keys.slasher, rig.chain.deployment.stake, slash, slash_gas(1))
    assert receipt.events[0].amount == 100


async def test_distinct_requesters_with_their_whole_balance_stay_below_the_bound(node_rig):
    """Every order and every refund then touches a balance that was never touched before."""
    rig, at, orders = node_rig, node_rig.chain.deployment, []
    for number in range(8):
        key = Key.generate()
        await wallet.mint_stable(rig.chain, rig.keys.admin, rig.keys.admin.address, 10)
        await wallet.deposit_for(rig.chain, rig.keys.admin, key.address, 10)
        rig.keys.requester = key
        orders.append(rig.signed(await rig.order(f"job {number}", 10)))
    await send(rig, rig.keys.stranger, at.escrow, encode_open(orders), open_gas(8))
    settlements = [
        Settlement(order.order.job_id, (Payout(Key.generate().address, 1, 3),), 0, bytes(32)) for order in orders
    ]
    receipt = await send(rig, rig.keys.settler, at.escrow, encode_settle(settlements), settle_gas(settlements))
    assert len(receipt.events) == 16


@pytest.mark.parametrize("count", [1, 16])
async def test_anchors_and_audits_stay_below_their_bounds(node_rig, count):
    """Every provider and every verifier is one that the contracts have never seen."""
    rig, at = node_rig, node_rig.chain.deployment
    anchors = [Anchor(Key.generate().address, 1, bytes(32), b"\1" * 32, 2**62) for _ in range(count)]
    anchored = await send(rig, rig.keys.settler, at.anchors, encode_anchor(anchors), anchor_gas(count))
    await rig.give(10 * count)
    payments = [AuditPayment(bytes([turn]) * 32, Key.generate().address, 10) for turn in range(count)]
    paid = await send(rig, rig.keys.settler, at.escrow, encode_pay_audits(payments), audit_gas(count))
    assert len(anchored.events) == len(paid.events) == count
    assert anchored.gas_used > USED_SHARE_MIN * anchor_gas(count)
    assert paid.gas_used > USED_SHARE_MIN * audit_gas(count)
