"""The gas bounds hold on the dearest path, and are not so wide that a batch would not fit a block."""

import pytest

from assay.chain import wallet
from assay.chain.encode import encode_anchor, encode_call
from assay.chain.gas import SLASHING_GAS, TRANSACTION_GAS_MAX, anchor_gas
from assay.chain.governed.stake_events import SlashExecuted
from assay.chain.governed.terms import DAY_S
from assay.chain.port import Anchor, SlashReason
from assay.chain.transaction import sign_transaction
from assay.chain.words import normal
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


async def test_a_slash_through_a_full_queue_stays_below_its_bound(node_rig):
    rig = node_rig
    await wallet.mint_native(rig.chain, rig.keys.admin, rig.keys.provider.address, 120)
    await wallet.stake(rig.chain, rig.keys.provider, 100)
    for _ in range(16):
        await wallet.unstake(rig.chain, rig.keys.provider, 5)
    await wallet.stake(rig.chain, rig.keys.provider, 20)
    at = rig.chain.deployment.group
    accuse = {"reason": SlashReason.EQUIVOCATION, "offence": bytes(32), "evidence": bytes(32)}
    accusation = await rig.accuse(**accuse)
    await rig.handles.advance(3 * DAY_S + 1)
    execute = encode_call("execute(bytes32)", accusation)
    receipt = await send(rig, rig.keys.slasher, at.slashing, execute, SLASHING_GAS)
    assert SlashExecuted(accusation, normal(rig.keys.provider.address), 60, 12) in receipt.events


@pytest.mark.parametrize("count", [1, 16])
async def test_anchors_stay_below_their_bounds(node_rig, count):
    """Every provider is one that the contract has never seen."""
    rig, at = node_rig, node_rig.chain.deployment
    anchors = [Anchor(Key.generate().address, 1, bytes(32), b"\1" * 32, 2**62) for _ in range(count)]
    anchored = await send(rig, rig.keys.settler, at.anchors, encode_anchor(anchors), anchor_gas(count))
    assert len(anchored.events) == count
    assert USED_SHARE_MIN * anchor_gas(count) < anchored.gas_used <= anchor_gas(count)
    assert anchor_gas(100) < TRANSACTION_GAS_MAX
