"""The digests that a requester signs so that somebody else may pay the gas: a permit of its token, an exit, a stay.

A permit (EIP-2612) counts in its token's domain, the others in Payment's. Each has a nonce and a deadline: what was
signed counts once, and not for long.
"""

from typing import Final

from assay.proof.eip712 import Domain, address_word, domain_separator, uint_word
from assay.proof.keccak import keccak256

PERMIT_HASH: Final = keccak256(b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)")
EXIT_HASH: Final = keccak256(b"Exit(address requester,uint256 amount,uint256 nonce,uint256 deadline)")
STAY_HASH: Final = keccak256(b"Stay(address requester,uint256 nonce,uint256 deadline)")


def permit_digest(separator: bytes, owner: str, spender: str, amount: int, nonce: int, deadline_s: int) -> bytes:
    """The 32 bytes by which an owner lets a spender move `amount`; `separator` is its token's domain."""
    words = address_word(owner) + address_word(spender) + uint_word(amount) + uint_word(nonce) + uint_word(deadline_s)
    return _digest(separator, PERMIT_HASH + words)


def exit_digest(domain: Domain, requester: str, amount: int, nonce: int, deadline_s: int) -> bytes:
    """The 32 bytes by which a requester announces that it takes `amount` out."""
    words = address_word(requester) + uint_word(amount) + uint_word(nonce) + uint_word(deadline_s)
    return _digest(domain_separator(domain), EXIT_HASH + words)


def stay_digest(domain: Domain, requester: str, nonce: int, deadline_s: int) -> bytes:
    """The 32 bytes by which a requester takes its announcement back."""
    return _digest(
        domain_separator(domain), STAY_HASH + address_word(requester) + uint_word(nonce) + uint_word(deadline_s)
    )


def _digest(separator: bytes, struct: bytes) -> bytes:
    return keccak256(b"\x19\x01" + separator + keccak256(struct))
