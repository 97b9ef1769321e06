"""What a `Chain` does with transactions, receipts and blocks: one suite for the one in memory and for a node."""

from dataclasses import replace

import pytest

from assay.chain import wallet
from assay.chain.encode import encode_anchor
from assay.chain.errors import ChainError, FeeTooLow, NonceTaken, UnknownBlock
from assay.chain.port import Anchor
from assay.chain.transaction import bump, sign_transaction

DAY_S = 24 * 3600
ROOT = b"\x0e" * 32


async def test_events_tell_what_receipts_tell_in_the_same_order(rig):
    provider = rig.keys.provider.address
    receipts = [await rig.fund(), await rig.bond(), await rig.anchor(Anchor(provider, 1, bytes(32), ROOT, 5))]
    logged = await rig.chain.events(receipts[0].block_number, (await rig.chain.block()).number)
    told = [(event, receipt.block_number, receipt.tx_hash) for receipt in receipts for event in receipt.events]
    assert logged == told
    assert await rig.chain.events(receipts[2].block_number, receipts[2].block_number) == [told[-1]]


async def test_a_transaction_sent_again_is_the_same_transaction(rig):
    await rig.handles.set_mining(False)
    signed = rig.coin_transfer(0, await rig.chain.fees())
    assert await rig.chain.broadcast(signed.raw) == signed.hash
    assert await rig.chain.broadcast(signed.raw) == signed.hash
    assert await rig.chain.receipt(signed.hash) is None
    await rig.handles.mine()
    assert await rig.chain.broadcast(signed.raw) == signed.hash
    assert (await rig.chain.receipt(signed.hash)).status == 1
    assert await rig.chain.nonce_of(rig.keys.stranger.address) == 1


async def test_a_nonce_is_used_once(rig):
    fees = await rig.chain.fees()
    first = rig.coin_transfer(0, fees)
    await wallet.mined(rig.chain, await rig.chain.broadcast(first.raw))
    with pytest.raises(NonceTaken):
        await rig.chain.broadcast(rig.coin_transfer(0, bump(fees)).raw)


async def test_a_bumped_transaction_replaces_the_waiting_one(rig):
    await rig.handles.set_mining(False)
    fees = await rig.chain.fees()
    first, same_price, bumped = (
        rig.coin_transfer(0, fees),
        sign_transaction(rig.keys.stranger, 0, rig.keys.admin.address, b"", 21_000, fees, 31337),
        rig.coin_transfer(0, bump(fees)),
    )
    await rig.chain.broadcast(first.raw)
    with pytest.raises(FeeTooLow):
        await rig.chain.broadcast(same_price.raw)
    await rig.chain.broadcast(bumped.raw)
    await rig.handles.mine()
    assert (await rig.chain.receipt(bumped.hash)).status == 1
    assert await rig.chain.receipt(first.hash) is None


async def test_a_dropped_transaction_goes_through_when_it_is_sent_again(rig):
    await rig.handles.set_mining(False)
    signed = rig.coin_transfer(0, await rig.chain.fees())
    await rig.chain.broadcast(signed.raw)
    await rig.handles.drop(signed.hash)
    await rig.handles.mine()
    assert await rig.chain.receipt(signed.hash) is None
    await rig.chain.broadcast(signed.raw)
    await rig.handles.mine()
    assert (await rig.chain.receipt(signed.hash)).status == 1


async def test_a_reorganisation_takes_receipts_back_and_the_same_bytes_bring_them_again(rig):
    await rig.handles.mine()
    signed = rig.coin_transfer(0, await rig.chain.fees())
    before = await wallet.mined(rig.chain, await rig.chain.broadcast(signed.raw))
    await rig.handles.reorganise(2)
    head = await rig.chain.block()
    assert (head.number, await rig.chain.receipt(signed.hash)) == (before.block_number, None)
    assert (await rig.chain.block(before.block_number)).hash != before.block_hash
    after = await wallet.mined(rig.chain, await rig.chain.broadcast(signed.raw))
    assert (after.status, after.tx_hash) == (1, before.tx_hash)
    assert (await rig.chain.block(after.block_number)).hash == after.block_hash


async def test_blocks_are_chained_and_the_future_has_none(rig):
    await rig.handles.mine()
    head = await rig.chain.block()
    assert head.parent_hash == (await rig.chain.block(head.number - 1)).hash
    with pytest.raises(UnknownBlock):
        await rig.chain.block(head.number + 1)


async def test_a_reverted_transaction_uses_its_nonce_and_tells_nothing(rig):
    call = encode_anchor([Anchor(rig.keys.provider.address, 1, bytes(32), ROOT, 5)])
    at, fees = rig.chain.deployment, await rig.chain.fees()
    signed = sign_transaction(rig.keys.stranger, 0, at.anchors, call, 200_000, fees, at.chain_id)
    receipt = await wallet.mined(rig.chain, await rig.chain.broadcast(signed.raw))
    assert (receipt.status, receipt.events) == (0, ())
    assert await rig.chain.nonce_of(rig.keys.stranger.address) == 1


async def test_the_past_is_told_as_it_was(rig):
    requester, before = rig.keys.requester.address, await rig.chain.block()
    await rig.fund()
    now = await rig.chain.block()
    deposits = [(await rig.chain.at(block).account_of(requester)).deposited for block in (before, now)]
    assert deposits == [0, (await rig.chain.account_of(requester)).deposited] and deposits[1] > 0


async def test_a_block_that_is_not_of_the_chain_tells_nothing(rig):
    never = replace(await rig.chain.block(), hash=b"\x0d" * 32)
    with pytest.raises(ChainError):
        await rig.chain.at(never).account_of(rig.keys.requester.address)
