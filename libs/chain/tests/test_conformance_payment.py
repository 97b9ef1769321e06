"""What Payment of a `Chain` does: one suite for the twin in memory and for the real contract."""

from dataclasses import replace

import pytest
from libs.chain.tests.paying import bent, job, operator_of

from assay.chain import wallet
from assay.chain.encode import encode_call
from assay.chain.errors import Reverted
from assay.chain.payment import encode
from assay.chain.payment.events import (
    BondAdded,
    BondLeaving,
    BondWithdrawn,
    Deposited,
    FeesPaid,
    Finalised,
    Leaving,
    Paid,
    PosterAppointed,
    Registered,
    Withdrawn,
)
from assay.chain.payment.shapes import NO_EPOCH
from assay.chain.payment.values import Account, Head, Outflow, Poster, Terms, Windows
from assay.chain.words import normal
from assay.proof.settlement import Posted, epoch_digest

DAY_S = 24 * 3600
UNIT = 10**18


async def test_an_account_gets_one_place_and_deposits_add_up(rig):
    requester = normal(rig.keys.requester.address)
    await wallet.mint_stable(rig.chain, rig.keys.admin, rig.keys.stranger.address, 100)
    receipt = await wallet.deposit_for(rig.chain, rig.keys.stranger, requester, 60)
    assert receipt.events == (Registered(requester, 1), Deposited(requester, 60))
    assert (await wallet.deposit_for(rig.chain, rig.keys.stranger, requester, 40)).events == (Deposited(requester, 40),)
    assert (await wallet.register(rig.chain, rig.keys.stranger, rig.keys.provider.address)).events == (
        Registered(normal(rig.keys.provider.address), 2),
    )
    assert await rig.chain.account_of(requester) == Account(1, deposited=100)
    assert await rig.chain.payment_head() == Head(funds=100)
    with pytest.raises(Reverted, match="UnknownAccount"):
        await wallet.register(rig.chain, rig.keys.stranger, "0x" + "0" * 40)


async def test_a_withdrawal_is_announced_once_and_can_be_taken_back(rig):
    await operator_of(rig, 100)
    requester = normal(rig.keys.requester.address)
    for amount in (0, 101):
        with pytest.raises(Reverted, match=rf"Overdrawn\({amount}, 100\)"):
            await wallet.request_exit(rig.chain, rig.keys.requester, amount)
    receipt = await wallet.request_exit(rig.chain, rig.keys.requester, 30)
    cutoff = (await rig.chain.block(receipt.block_number)).timestamp + 7 * DAY_S
    assert receipt.events == (Leaving(requester, 30, cutoff),)
    account = await rig.chain.account_of(requester)
    assert (account.leaving, account.cutoff, account.funds_at(cutoff - 1), account.funds_at(cutoff)) == (
        *(30, cutoff),
        *(100, 70),
    )
    with pytest.raises(Reverted, match="AlreadyLeaving"):
        await wallet.request_exit(rig.chain, rig.keys.requester, 1)
    assert (await wallet.cancel_exit(rig.chain, rig.keys.requester)).events == (Leaving(requester, 0, 0),)
    with pytest.raises(Reverted, match="NothingLeaving"):
        await wallet.cancel_exit(rig.chain, rig.keys.requester)


async def test_an_epoch_is_posted_becomes_final_and_pays_once_whatever_is_called(rig):
    operator = await operator_of(rig)
    provider, stranger = normal(rig.keys.provider.address), normal(rig.keys.stranger.address)
    jobs = (job(rig, "one", 190, 95, fee=5), job(rig, "two", 60, provider=rig.keys.stranger))
    receipt = await operator.post(*jobs)
    epoch = operator.last
    assert (epoch.number, epoch.steps, epoch.state[1:]) == (1, 3, (345, 355))
    assert (await rig.chain.events(receipt.block_number, receipt.block_number))[-1].event.epoch == epoch
    assert await rig.chain.epoch_digest(1) == epoch_digest(operator.book.domain, epoch)
    assert await rig.chain.payment_head() == Head(1, 0, epoch.posted_at, 1000)
    leaves = [operator.book.leaf(provider), operator.book.leaf(stranger)]
    with pytest.raises(Reverted, match="NotFinal"):
        await operator.send(encode.encode_pay(epoch, leaves))
    await rig.handles.advance(DAY_S + 1)
    with pytest.raises(Reverted, match="UnknownEpoch"):
        await operator.send(encode.encode_finalise(bent(epoch, 1)))
    receipt = await operator.send(encode.encode_pay(epoch, leaves), rig.keys.requester)
    assert receipt.events == (Finalised(1), Paid(provider, 285, 285), Paid(stranger, 60, 60))
    assert (await operator.send(encode.encode_pay(epoch, leaves))).events == ()
    settler = normal(rig.keys.settler.address)
    assert (await operator.send(encode.encode_pay_fees(epoch), rig.keys.provider)).events == (FeesPaid(10),)
    assert (await operator.send(encode.encode_pay_fees(epoch))).events == ()
    assert await rig.chain.outflow() == Outflow(345, 10)
    held = [await rig.chain.token_balance(rig.chain.deployment.stable, who) for who in (provider, stranger, settler)]
    assert held == [285, 60, 10]


async def test_what_epochs_add_is_paid_together_and_an_older_root_adds_nothing(rig):
    operator, provider = await operator_of(rig), normal(rig.keys.provider.address)
    await operator.post(job(rig, "one", 100))
    first, early = operator.last, operator.book.leaf(provider)
    with pytest.raises(Reverted, match="TooSoon"):
        await operator.post(job(rig, "two", 50))
    await rig.handles.advance(240)
    await operator.post(job(rig, "two", 50))
    await rig.handles.advance(DAY_S + 1)
    receipt = await operator.send(encode.encode_pay(operator.last, [operator.book.leaf(provider)]))
    assert receipt.events == (Finalised(2), Paid(provider, 150, 150))
    assert (await operator.send(encode.encode_pay(first, [early]))).events == ()
    other = operator.book.leaf(normal(rig.keys.stranger.address))
    with pytest.raises(Reverted, match="WrongProof"):
        await operator.send(encode.encode_pay(first, [operator.book.leaf(provider), other]))


async def test_a_root_that_does_not_balance_or_was_not_bonded_is_refused(rig):
    operator = await operator_of(rig, 100)
    provider = normal(rig.keys.provider.address)
    state = operator.book.state
    for credits, debits, fault in ((11, 10, "Unbalanced"), (18, 20, "Unbalanced"), (101, 101, "Overdrawn")):
        with pytest.raises(Reverted, match=fault):
            await operator.send(encode.encode_post(1, state._replace(credits=credits, debits=debits), bytes(32), 1))
    with pytest.raises(Reverted, match="NoSteps"):
        await operator.send(encode.encode_post(1, state, bytes(32), 0))
    call = encode.encode_post(1, state, bytes(32), 1)
    with pytest.raises(Reverted, match="NotPoster"):
        await operator.send(call, rig.keys.provider)
    appoint = encode_call("appoint(address,bool)", provider, 1)
    with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
        await operator.send(appoint)
    assert (await operator.send(appoint, rig.keys.admin)).events == (PosterAppointed(provider, True),)
    with pytest.raises(Reverted, match="NotPoster"):
        await operator.send(call, rig.keys.provider)
    await wallet.mint_native(rig.chain, rig.keys.admin, provider, 1000 * UNIT)
    assert (await wallet.add_bond(rig.chain, rig.keys.provider, 1000 * UNIT)).events == (
        BondAdded(provider, 1000 * UNIT),
    )
    (posted,) = (await operator.send(call, rig.keys.provider)).events
    posted_at = (await rig.chain.block()).timestamp
    assert posted.epoch == Posted(1, posted_at, provider, 1, bytes(32), state), "one word says who, which, and when"


async def test_an_epoch_is_posted_once_and_in_its_order(rig):
    operator = await operator_of(rig)
    await operator.post(job(rig, "one", 100))
    await rig.handles.advance(240)
    for number in (1, 3):
        with pytest.raises(Reverted, match=r"WrongNumber\(2\)"):
            await operator.send(encode.encode_post(number, operator.book.state, bytes(32), 1))
    await operator.post(job(rig, "two", 50))


async def test_a_bond_leaves_once_what_was_posted_is_final(rig):
    operator, settler = await operator_of(rig), normal(rig.keys.settler.address)
    await operator.post(job(rig, "one", 100))
    with pytest.raises(Reverted, match="NotPoster"):
        await operator.send(encode_call("withdrawBond()"))
    receipt = await operator.send(encode_call("leaveBond()"))
    ready_at = (await rig.chain.block(receipt.block_number)).timestamp + 14 * DAY_S
    assert receipt.events == (BondLeaving(settler, ready_at),)
    assert await rig.chain.poster_of(settler) == Poster(3000 * UNIT, ready_at, 1, True)
    with pytest.raises(Reverted, match="TooSoon"):
        await operator.send(encode_call("withdrawBond()"))
    await rig.handles.advance(14 * DAY_S)
    with pytest.raises(Reverted, match="NotFinal"):
        await operator.send(encode_call("withdrawBond()"))
    await operator.send(encode.encode_finalise(operator.last))
    assert (await operator.send(encode_call("withdrawBond()"))).events == (BondWithdrawn(settler, 3000 * UNIT),)


async def test_a_requester_leaves_alone_with_what_is_not_debited(rig):
    operator, requester = await operator_of(rig), normal(rig.keys.requester.address)
    await operator.post(job(rig, "one", 100))
    leaf = operator.book.leaf(requester)
    call = encode.encode_withdraw(operator.last, NO_EPOCH, leaf)
    with pytest.raises(Reverted, match="NothingLeaving"):
        await operator.send(call, rig.keys.requester)
    await wallet.request_exit(rig.chain, rig.keys.requester, 950)
    with pytest.raises(Reverted, match="TooSoon"):
        await operator.send(call, rig.keys.requester)
    await rig.handles.advance(7 * DAY_S)
    other = operator.book.leaf(normal(rig.keys.provider.address))
    theirs = encode.encode_withdraw(operator.last, NO_EPOCH, other)
    with pytest.raises(Reverted, match="NothingLeaving"):
        await operator.send(theirs, rig.keys.requester)
    wrong = encode.encode_withdraw(operator.last, NO_EPOCH, replace(other, account=requester))
    with pytest.raises(Reverted, match="WrongProof"):
        await operator.send(wrong, rig.keys.requester)
    receipt = await operator.send(call, rig.keys.requester)
    assert receipt.events == (Finalised(1), Withdrawn(requester, 900))
    assert await rig.chain.account_of(requester) == Account(1, deposited=1000, withdrawn=900)


async def test_what_was_posted_before_the_cutoff_holds_a_withdrawal_up_and_nothing_after_it_does(rig):
    operator, requester = await operator_of(rig), normal(rig.keys.requester.address)
    await operator.post(job(rig, "one", 100))
    first, leaf = operator.last, operator.book.leaf(requester)
    await wallet.request_exit(rig.chain, rig.keys.requester, 800)
    await rig.handles.advance(7 * DAY_S - 300)
    await operator.post(job(rig, "two", 50))
    second, later = operator.last, operator.book.leaf(requester)
    await rig.handles.advance(300)
    await operator.post(job(rig, "three", 20))
    third = operator.last
    with pytest.raises(Reverted, match=r"NotFinal\(2\)"):
        await operator.send(encode.encode_withdraw(first, second, leaf), rig.keys.requester)
    await rig.handles.advance(DAY_S - 250)
    call = encode.encode_withdraw(second, third, later)
    receipt = await operator.send(call, rig.keys.requester)
    assert receipt.events == (Finalised(2), Withdrawn(requester, 800))


async def test_the_terms_are_those_of_the_deployment(rig):
    terms = Terms(1000 * UNIT, 5 * UNIT, 2 * UNIT, Windows(DAY_S, DAY_S, 240, 7 * DAY_S))
    assert await rig.chain.payment_terms() == terms
