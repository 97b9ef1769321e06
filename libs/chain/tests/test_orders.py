"""The digest of an order is EIP-712's, and a signature counts in one form only."""

from hypothesis import given, settings
from hypothesis import strategies as some
from tests.peers import _hash_eip191_message, encode_typed_data

from assay.chain.orders import is_signed, order_digest
from assay.chain.port import Order
from assay.chain.words import normal
from assay.proof.eip712 import Domain
from assay.proof.keys import ORDER, Key

KEY = Key.from_hex("22" * 32)
DOMAIN = Domain(31337, normal("0x" + "e5" * 20))
TYPES = {
    "JobOrder": [
        {"name": "jobId", "type": "bytes32"},
        {"name": "requester", "type": "address"},
        {"name": "priceLimit", "type": "uint256"},
        {"name": "deadline", "type": "uint64"},
        {"name": "specDigest", "type": "bytes32"},
    ]
}
words = some.binary(min_size=32, max_size=32)


@settings(max_examples=20, deadline=None)
@given(words, some.integers(0, 2**256 - 1), some.integers(0, 2**64 - 1), words)
def test_the_digest_is_that_of_typed_data(job_id, price_limit, deadline, spec_digest):
    order = Order(job_id, normal(KEY.address), price_limit, deadline, spec_digest)
    domain = {"name": "Assay", "version": "1", "chainId": 31337, "verifyingContract": DOMAIN.verifying_contract}
    names = [field["name"] for field in TYPES["JobOrder"]]
    values = (order.job_id, order.requester, order.price_limit, order.deadline, order.spec_digest)
    message = encode_typed_data(domain, TYPES, dict(zip(names, values, strict=True)))
    assert order_digest(order, DOMAIN) == bytes(_hash_eip191_message(message))


def test_only_the_low_form_of_a_signature_counts():
    order = Order(bytes(32), KEY.address, 5, 6, bytes(32))
    signature = bytes.fromhex(KEY.sign(order_digest(order, DOMAIN))[2:])
    high = signature[:32] + (ORDER - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big")
    assert is_signed(order, signature, DOMAIN)
    assert not is_signed(order, high + bytes([55 - signature[64]]), DOMAIN)
    assert not is_signed(order, signature, Domain(2, DOMAIN.verifying_contract))
    assert not is_signed(order, signature[:64], DOMAIN)
