"""Whether an order is really its requester's, as Challenges judges it (EIP-712, low s, v 27 or 28)."""

from assay.chain.values import Order
from assay.chain.words import address, bytes32, normal, uint
from assay.proof.eip712 import ORDER_HASH, Domain, typed_digest
from assay.proof.keys import BadSignature, recover


def order_digest(order: Order, domain: Domain) -> bytes:
    """Returns the 32 bytes that the requester signs in this domain."""
    struct = ORDER_HASH + bytes32(order.job_id) + address(order.requester)
    struct += uint(order.price_limit) + uint(order.deadline, bits=64) + bytes32(order.spec_digest)
    return typed_digest(domain, struct)


def is_signed(order: Order, signature: bytes, domain: Domain) -> bool:
    """Whether the signature is the requester's, over this order, in its only accepted form."""
    try:
        signer = recover(order_digest(order, domain), "0x" + signature.hex())
    except BadSignature:
        return False
    return normal(signer) == normal(order.requester)
