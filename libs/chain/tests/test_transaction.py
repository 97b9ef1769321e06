"""Signed bytes are those that eth-account makes, and can be read back."""

from hypothesis import given, settings
from hypothesis import strategies as some
from tests.peers import Account

from assay.chain.port import Fees
from assay.chain.transaction import bump, read_transaction, sign_transaction
from assay.chain.words import normal
from assay.proof.keys import Key

KEY = Key.from_hex("11" * 32)
TO = normal("0x" + "5a" * 20)
fees = some.tuples(some.integers(0, 2**64), some.integers(0, 2**64)).map(lambda pair: Fees(max(pair), min(pair)))


@settings(max_examples=30, deadline=None)
@given(some.integers(0, 2**32), some.binary(max_size=200), fees, some.integers(0, 2**80))
def test_signed_bytes_are_those_of_eth_account(nonce, data, fees, value):
    fields = {"type": 2, "chainId": 31337, "nonce": nonce, "to": TO, "data": data, "gas": 50_000, "value": value}
    fields |= {"maxFeePerGas": fees.max_fee, "maxPriorityFeePerGas": fees.max_priority}
    theirs = Account.sign_transaction(fields, "0x" + KEY.hex)
    ours = sign_transaction(KEY, nonce, TO, data, 50_000, fees, 31337, value)
    assert (ours.raw, ours.hash) == (bytes(theirs.raw_transaction), bytes(theirs.hash))


@settings(max_examples=30, deadline=None)
@given(some.integers(0, 2**32), some.binary(max_size=200), fees)
def test_what_was_signed_can_be_read_back(nonce, data, fees):
    signed = sign_transaction(KEY, nonce, TO, data, 50_000, fees, 31337)
    read = read_transaction(signed.raw)
    assert (read.sender, read.to, read.nonce, read.data) == (normal(KEY.address), TO, nonce, data)
    assert (read.hash, read.fees, read.chain_id) == (signed.hash, fees, 31337)


@given(fees)
def test_a_bump_raises_both_fees_by_an_eighth(fees):
    bumped = bump(fees)
    assert bumped.max_fee * 8 >= fees.max_fee * 9
    assert bumped.max_priority * 8 >= fees.max_priority * 9
    assert bumped.max_fee > fees.max_fee and bumped.max_priority > fees.max_priority
