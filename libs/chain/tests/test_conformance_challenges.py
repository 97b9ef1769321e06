"""What Challenges of a `Chain` does: one suite for the twin in memory and for the real contract."""

from dataclasses import replace

import pytest
from libs.chain.tests.paying import Operator, job, operator_of

from assay.chain import wallet
from assay.chain.encode import encode_call
from assay.chain.errors import Reverted
from assay.chain.payment import encode
from assay.chain.payment.events import Answered, BondSlashed, DemandMade, Finalised, Paid, VerdictKeySet, Voided
from assay.chain.payment.shapes import Opening, Proof, proof_of
from assay.chain.payment.values import Demand, Demanded, Term, Terms, VoidReason
from assay.chain.words import normal
from assay.proof.settlement import Posted, Settlement, account_node, epoch_digest, step_leaf
from assay.proof.settlement_epoch import build, prove_step
from assay.proof.settlement_tree import EMPTY, Branch, Node, join, plain_root

DAY_S = 24 * 3600
TERMS = Terms()


async def test_an_honest_step_is_answered_and_the_bond_goes_to_who_answers(rig):
    operator = await operator_of(rig)
    await operator.post(job(rig, "zero", 10))
    await rig.handles.advance(300)
    await operator.post(job(rig, "one", 190, 95, fee=5), job(rig, "two", 60))
    epoch, now = operator.last, (await rig.chain.block()).timestamp
    digest, stranger = epoch_digest(operator.book.domain, epoch), normal(rig.keys.stranger.address)
    for index in range(3):
        receipt = await wallet.demand(rig.chain, rig.keys.stranger, epoch, Demanded.STEP, index)
        (made,) = receipt.events
        assert made == DemandMade(digest, Demanded.STEP, index, stranger, made.deadline)
        assert await rig.chain.demand_of(digest, Demanded.STEP, index) == Demand(stranger, made.deadline)
    with pytest.raises(Reverted, match="KnownDemand"):
        await wallet.demand(rig.chain, rig.keys.stranger, epoch, Demanded.STEP, 0)
    with pytest.raises(Reverted, match="PathLength"):
        await wallet.demand(rig.chain, rig.keys.stranger, epoch, Demanded.STEP, 3)
    held = await rig.chain.token_balance(rig.chain.deployment.native, normal(rig.keys.settler.address))
    for index in range(3):
        proof = operator.proof(2, index)
        evidence = operator.evidence(rig.keys.requester, proof.opening.step.charge, now + 100)
        answer = encode.encode_answer_step(epoch, proof, evidence)
        assert (await operator.challenge(answer, operator.key)).events == (Answered(digest, Demanded.STEP, index),)
        assert (await rig.chain.demand_of(digest, Demanded.STEP, index)).deadline == 0
    gained = await rig.chain.token_balance(rig.chain.deployment.native, normal(rig.keys.settler.address)) - held
    assert gained == 3 * TERMS.demand_bond
    with pytest.raises(Reverted, match="NoDemand"):
        await operator.challenge(answer, operator.key)
    await rig.handles.advance(DAY_S + 1)
    assert (await operator.send(encode.encode_finalise(epoch))).events == (Finalised(2),)
    with pytest.raises(Reverted, match="AlreadyFinal"):
        await wallet.demand(rig.chain, rig.keys.stranger, epoch, Demanded.STEP, 1)


async def test_a_charge_without_its_signatures_cannot_be_answered(rig):
    operator = await operator_of(rig)
    await operator.post(job(rig, "one", 190, fee=10))
    epoch, now = operator.last, (await rig.chain.block()).timestamp
    await wallet.demand(rig.chain, rig.keys.stranger, epoch, Demanded.STEP, 0)
    proof = operator.proof(1, 0)
    good = operator.evidence(rig.keys.requester, proof.opening.step.charge, now + 100)
    bad = {
        "BadOrder": [
            replace(good, price_limit=199),
            replace(good, price_limit=1001),
            replace(good, deadline=now + 31 * DAY_S),
            operator.evidence(rig.keys.requester, proof.opening.step.charge, now - 8 * DAY_S),
            operator.evidence(rig.keys.stranger, proof.opening.step.charge, now + 100),
        ],
        "BadVerdict": [replace(good, verdict_signature=good.order_signature), replace(good, verdict_signature=b"\1")],
    }
    for fault, tries in bad.items():
        for evidence in tries:
            with pytest.raises(Reverted, match=fault):
                await operator.challenge(encode.encode_answer_step(epoch, proof, evidence), operator.key)
    other = proof._replace(requester=replace(proof.requester, debit=1))
    with pytest.raises(Reverted, match="WrongProof"):
        await operator.challenge(encode.encode_answer_step(epoch, other, good), operator.key)


async def test_silence_voids_the_epoch_and_what_builds_on_it_and_it_is_posted_again(rig):
    operator, provider = await operator_of(rig), normal(rig.keys.provider.address)
    await operator.post(job(rig, "one", 100))
    first = operator.last
    await rig.handles.advance(300)
    await operator.post(job(rig, "two", 50))
    digest, stranger = epoch_digest(operator.book.domain, first), normal(rig.keys.stranger.address)
    receipt = await wallet.demand(rig.chain, rig.keys.stranger, first, Demanded.LEAF, 2)
    await wallet.demand(rig.chain, rig.keys.stranger, first, Demanded.STEP, 0)
    expire = encode.encode_expire(first, Demanded.LEAF, 2)
    with pytest.raises(Reverted, match="NotYet"):
        await operator.challenge(expire, rig.keys.stranger)
    await rig.handles.advance(DAY_S + 1)
    with pytest.raises(Reverted, match="NotFinal"):
        await operator.send(encode.encode_finalise(first))
    assert receipt.events[0].kind == Demanded.LEAF
    settler = normal(rig.keys.settler.address)
    assert (await operator.challenge(expire, rig.keys.provider)).events == (
        Voided(1, digest, settler, VoidReason.UNANSWERED),
        BondSlashed(settler, TERMS.bond, TERMS.refund, stranger),
    )
    assert await rig.chain.pool_balance() == TERMS.bond - TERMS.refund
    assert (await rig.chain.payment_head()).posted == 0 and await rig.chain.epoch_digest(1) == bytes(32)
    take = encode_call("takeBack(bytes32,uint64,uint8,uint32)", digest, 1, Demanded.STEP, 0)
    before = await rig.chain.token_balance(rig.chain.deployment.native, stranger)
    await operator.challenge(take, rig.keys.provider)
    assert await rig.chain.token_balance(rig.chain.deployment.native, stranger) == before + TERMS.demand_bond
    operator.forget(1)
    await operator.post(job(rig, "one", 100), job(rig, "two", 50))
    await rig.handles.advance(DAY_S + 1)
    receipt = await operator.send(encode.encode_pay(operator.last, [operator.book.leaf(provider)]))
    assert receipt.events == (Finalised(1), Paid(provider, 150, 150))


async def test_a_leaf_is_shown_to_who_demands_it(rig):
    operator = await operator_of(rig)
    await operator.post(job(rig, "one", 100))
    await wallet.demand(rig.chain, rig.keys.stranger, operator.last, Demanded.LEAF, 2)
    leaf = operator.book.leaf(normal(rig.keys.provider.address))
    wrong = encode.encode_answer_leaf(operator.last, 2, replace(leaf, credit=99))
    with pytest.raises(Reverted, match="WrongProof"):
        await operator.challenge(wrong, operator.key)
    receipt = await operator.challenge(encode.encode_answer_leaf(operator.last, 2, leaf), rig.keys.provider)
    assert receipt.events[0].index == 2


async def test_a_wrong_step_is_proven_at_once_and_a_right_one_is_not(rig):
    operator = await operator_of(rig)
    await operator.post(job(rig, "one", 100))
    with pytest.raises(Reverted, match="NothingWrong"):
        await operator.challenge(encode.encode_prove_step(operator.last, operator.proof(1, 0)), rig.keys.provider)
    await rig.handles.advance(300)
    epoch, proof = await post_bent(operator, job(rig, "two", 50))
    voided = await operator.challenge(encode.encode_prove_step(epoch, proof), rig.keys.provider)
    assert (voided.events[0].number, voided.events[0].reason) == (2, VoidReason.WRONG_STEP)
    assert (await rig.chain.payment_head()).posted == 1


async def post_bent(operator: Operator, settlement: Settlement) -> tuple[Posted, Proof]:
    """Posts an epoch of one step that leads to a state to which nothing leads; returns it and the step's proof."""
    honest, _ = build(operator.book, 2, [settlement])
    proof = proof_of(prove_step(operator.book, honest, 0), operator.last)
    step = proof.opening.step._replace(state=honest.state._replace(hash=bytes([9]) * 32))
    root = plain_root([step_leaf(operator.book.domain, 2, 0, step)])
    receipt = await operator.send(encode.encode_post(2, step.state, root, 1))
    return receipt.events[0].epoch, proof._replace(opening=Opening(0, step))


async def test_a_wrong_sum_is_proven_from_its_children(rig):
    operator = await operator_of(rig)
    left, right = Node(b"\1" * 32, 5, 5), Node(b"\2" * 32, 5, 5)
    state = join(left, right)
    await operator.post(job(rig, "one", 100))
    await rig.handles.advance(300)
    receipt = await operator.send(encode.encode_post(2, state._replace(credits=11, debits=11), b"\3" * 32, 1))
    epoch: Posted = receipt.events[0].epoch
    bare = Branch(0, ())
    with pytest.raises(Reverted, match="WrongProof"):
        await operator.challenge(encode.encode_prove_sum(epoch, 32, 0, state, left, right, bare), rig.keys.provider)
    with pytest.raises(Reverted, match="NothingWrong"):
        true = operator.built[1][2].state
        children = halves(operator.book)
        call = encode.encode_prove_sum(operator.last, 32, 0, true, *children, bare)
        await operator.challenge(call, rig.keys.provider)
    call = encode.encode_prove_sum(epoch, 32, 0, epoch.state, left, right, bare)
    voided = await operator.challenge(call, rig.keys.provider)
    assert voided.events[0].reason == VoidReason.WRONG_SUM


def halves(book) -> tuple[Node, Node]:
    """Both nodes under the root: all places in use are in the lower half."""
    level = {
        book.places[who]: account_node(book.domain, book.places[who], who, *sums) for who, sums in book.sums.items()
    }
    for _ in range(31):
        parents = {index >> 1 for index in level}
        level = {p: join(level.get(2 * p, EMPTY), level.get(2 * p + 1, EMPTY)) for p in parents}
    return level.get(0, EMPTY), level.get(1, EMPTY)


async def test_a_charge_made_twice_is_proven(rig):
    operator = await operator_of(rig)
    await operator.post(job(rig, "one", 100))
    first = operator.last
    await rig.handles.advance(300)
    await operator.post(job(rig, "two", 10), job(rig, "one", 100))
    second = operator.last
    call = encode.encode_prove_twice(first, operator.opening(1, 0), second, operator.opening(2, 0))
    with pytest.raises(Reverted, match="NothingWrong"):
        await operator.challenge(call, rig.keys.provider)
    call = encode.encode_prove_twice(first, operator.opening(1, 0), second, operator.opening(2, 1))
    voided = await operator.challenge(call, rig.keys.provider)
    assert voided.events[0].reason == VoidReason.CHARGED_TWICE


async def test_a_verdict_key_counts_after_its_delay_until_it_is_ended(rig):
    provider = normal(rig.keys.provider.address)
    add, end = (encode_call(f"{name}VerdictKey(address)", provider) for name in ("add", "end"))
    operator = await operator_of(rig)
    with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
        await operator.challenge(add, operator.key)
    receipt = await operator.challenge(add, rig.keys.admin)
    begins = (await rig.chain.block(receipt.block_number)).timestamp + 14 * DAY_S
    assert receipt.events == (VerdictKeySet(provider, begins, 2**64 - 1),)
    for key in (provider, normal(rig.keys.settler.address)):
        with pytest.raises(Reverted, match="BadKey"):
            await operator.challenge(encode_call("addVerdictKey(address)", key), rig.keys.admin)
    receipt = await operator.challenge(end, rig.keys.admin)
    ends = (await rig.chain.block(receipt.block_number)).timestamp + 1
    assert await rig.chain.verdict_term(provider) == Term(begins, ends)
    assert (await rig.chain.verdict_term(normal(rig.keys.settler.address))).ends == 2**64 - 1
