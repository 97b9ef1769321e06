"""What others send for a requester that has no gas: one suite for the twin in memory and for the real contract."""

import pytest
from libs.chain.tests.paying import operator_of

from assay.chain import wallet
from assay.chain.encode import encode_call
from assay.chain.errors import Reverted
from assay.chain.payment.events import Deposited, Leaving, Registered, Withdrawn
from assay.chain.payment.shapes import NO_EPOCH
from assay.chain.payment.values import Account
from assay.chain.relayed import GOOD_FOR_S, sign_deposit, sign_exit, sign_stay
from assay.chain.words import normal
from assay.proof.keys import Key
from assay.proof.settlement_epoch import Leaf
from assay.proof.settlement_tree import Branch
from assay.schema.relay import RelayKind

DAY_S = 24 * 3600
PERMIT = "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"


async def poor(rig, amount: int) -> tuple[Key, str]:
    """A requester with stable tokens and not a wei."""
    key = Key.generate()
    await wallet.mint_stable(rig.chain, rig.keys.admin, key.address, amount)
    return key, normal(key.address)


async def test_a_requester_without_gas_deposits_stays_and_leaves(rig):
    key, requester = await poor(rig, 100)
    sender = rig.keys.stranger
    signed = await sign_deposit(rig.chain, key, 80)
    assert (await wallet.relay(rig.chain, sender, requester, signed)).events == (
        Registered(requester, 1),
        Deposited(requester, 80),
    )
    left = await wallet.relay(rig.chain, sender, requester, await sign_exit(rig.chain, key, 50))
    cutoff = (await rig.chain.block(left.block_number)).timestamp + 7 * DAY_S
    assert left.events == (Leaving(requester, 50, cutoff),)
    stayed = await wallet.relay(rig.chain, sender, requester, await sign_stay(rig.chain, key))
    assert stayed.events == (Leaving(requester, 0, 0),)
    await wallet.relay(rig.chain, sender, requester, await sign_exit(rig.chain, key, 80))
    await rig.handles.advance(7 * DAY_S)
    own = Leaf(requester, 0, 0, Branch(0, ()))
    assert (await wallet.withdraw(rig.chain, sender, NO_EPOCH, NO_EPOCH, own)).events == (Withdrawn(requester, 80),)
    assert await rig.chain.account_of(requester) == Account(1, deposited=80, withdrawn=80)
    assert await rig.chain.token_balance(rig.chain.deployment.stable, requester) == 100


async def test_what_a_poster_sends_leaves_at_once(rig):
    operator = await operator_of(rig, 100)
    requester, poster = normal(rig.keys.requester.address), rig.keys.settler
    signed = await sign_exit(rig.chain, rig.keys.requester, 40)
    asked = signed.model_copy(update={"what": RelayKind.EXIT_AT_ONCE})
    for sender, whose, said in (
        (rig.keys.stranger, requester, "NotPoster"),
        (poster, normal(rig.keys.provider.address), "WrongSignature"),
    ):
        with pytest.raises(Reverted, match=said):
            await wallet.relay(rig.chain, sender, whose, asked)
    left = await wallet.relay(rig.chain, poster, requester, asked)
    now_s = (await rig.chain.block(left.block_number)).timestamp
    assert left.events == (Leaving(requester, 40, now_s + 1),)
    await rig.handles.advance(1)
    leaf = Leaf(requester, 0, 0, Branch(0, ()))
    out = await wallet.withdraw(rig.chain, rig.keys.stranger, NO_EPOCH, NO_EPOCH, leaf)
    assert out.events == (Withdrawn(requester, 40),) and operator.last == NO_EPOCH


async def test_what_was_signed_counts_once_for_its_signer_and_in_time(rig):
    key, requester = await poor(rig, 100)
    other, sender = normal(rig.keys.provider.address), rig.keys.stranger
    permit, leave = await sign_deposit(rig.chain, key, 40), await sign_exit(rig.chain, key, 40)
    late = await sign_exit(rig.chain, key, 30)

    async def refused(whose, signed, said):
        with pytest.raises(Reverted, match=said):
            await wallet.relay(rig.chain, sender, whose, signed)

    await refused(other, permit, "PermitFailed")
    await refused(other, leave, "WrongSignature")
    await refused(requester, permit.model_copy(update={"amount": 41}), "PermitFailed")
    # Somebody else uses the permit at the token first: the deposit is made all the same.
    raw = bytes.fromhex(permit.signature[2:])
    terms = (requester, rig.chain.deployment.payment, 40, permit.deadline_s)
    used = encode_call(PERMIT, *terms, raw[64], raw[:32], raw[32:64])
    await wallet.send(rig.chain, sender, rig.chain.deployment.stable, used)
    assert (await wallet.relay(rig.chain, sender, requester, permit)).events[-1] == Deposited(requester, 40)
    await refused(requester, permit, "PermitFailed")
    await wallet.relay(rig.chain, sender, requester, leave)
    await refused(requester, leave, "WrongSignature")
    await refused(requester, late, "WrongSignature")
    stay = await sign_stay(rig.chain, key)
    await rig.handles.advance(GOOD_FOR_S + 60)
    await refused(requester, stay, "Expired")
