"""The hand-packed calls equal web3's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from web3 import Web3

from assay.chain.artefacts import artefact
from assay.chain.encode import (
    encode_anchor,
    encode_call,
    encode_open,
    encode_pay_audits,
    encode_settle,
    encode_slash,
)
from assay.chain.port import Anchor, AuditPayment, Order, Payout, Settlement, SignedOrder, Slash
from assay.chain.words import normal

words = some.binary(min_size=32, max_size=32)
addresses = some.binary(min_size=20, max_size=20).map(lambda raw: normal("0x" + raw.hex()))
amounts = some.integers(0, 2**256 - 1)
fences = some.integers(0, 2**64 - 1)
orders = some.builds(
    SignedOrder, some.builds(Order, words, addresses, amounts, fences, words), some.binary(max_size=100)
)
payouts = some.builds(Payout, addresses, fences, amounts)
settlements = some.builds(Settlement, words, some.lists(payouts, max_size=4).map(tuple), amounts, words)
audits = some.builds(AuditPayment, words, addresses, amounts)
anchors = some.builds(Anchor, addresses, fences, words, words, fences)
slashes = some.builds(Slash, addresses, amounts, some.integers(0, 6), words, fences)

CONTRACTS = {name: Web3().eth.contract(abi=artefact(name).abi) for name in ("Escrow", "Stake", "EpochAnchors")}


def web3_call(contract, function, *arguments):
    return bytes.fromhex(CONTRACTS[contract].encode_abi(function, list(arguments))[2:])


@settings(max_examples=30, deadline=None)
@given(some.lists(orders, max_size=4))
def test_open_is_packed_like_web3s(batch):
    structs = [
        (order.job_id, order.requester, order.price_limit, order.deadline, order.spec_digest)
        for order in (signed.order for signed in batch)
    ]
    assert encode_open(batch) == web3_call("Escrow", "open", structs, [signed.signature for signed in batch])


@settings(max_examples=30, deadline=None)
@given(some.lists(settlements, max_size=4))
def test_settle_is_packed_like_web3s(batch):
    structs = [
        (one.job_id, [(each.provider, each.fence, each.amount) for each in one.payouts], one.fee, one.receipt_digest)
        for one in batch
    ]
    assert encode_settle(batch) == web3_call("Escrow", "settle", structs)


@settings(max_examples=30, deadline=None)
@given(some.lists(slashes, max_size=4))
def test_slash_is_packed_like_web3s(batch):
    structs = [(one.provider, one.amount, one.reason, one.job_id, one.fence) for one in batch]
    assert encode_slash(batch) == web3_call("Stake", "slash", structs)


@settings(max_examples=20, deadline=None)
@given(some.lists(anchors, max_size=4), some.lists(audits, max_size=4))
def test_anchors_and_audits_are_packed_like_web3s(roots, payments):
    structs = [(one.provider, one.number, one.previous, one.root, one.units) for one in roots]
    assert encode_anchor(roots) == web3_call("EpochAnchors", "anchor", structs)
    structs = [(one.audit_id, one.verifier, one.amount) for one in payments]
    assert encode_pay_audits(payments) == web3_call("Escrow", "payAudits", structs)


def test_a_simple_call_is_packed_like_web3s():
    party = normal("0x" + "ab" * 20)
    packed = encode_call("depositFor(address,uint256)", party, 7)
    assert packed == web3_call("Escrow", "depositFor", party, 7)


@pytest.mark.parametrize(
    "order",
    [
        Order(b"short", "0x" + "ab" * 20, 1, 1, bytes(32)),
        Order(bytes(32), "0x" + "ab" * 19, 1, 1, bytes(32)),
        Order(bytes(32), "0x" + "ab" * 20, -1, 1, bytes(32)),
        Order(bytes(32), "0x" + "ab" * 20, 1, 2**64, bytes(32)),
    ],
)
def test_what_fits_no_word_is_never_packed(order):
    with pytest.raises((ValueError, OverflowError)):
        encode_open([SignedOrder(order, bytes(65))])
