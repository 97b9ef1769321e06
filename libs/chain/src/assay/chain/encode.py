"""The calls that settlement and wallets send, as calldata; pure, and equal to web3's encoding (held by a test)."""

from collections.abc import Iterable, Sequence

from assay.chain.values import Anchor
from assay.chain.words import WORD_BYTES, address, bytes32, selector, uint

ANCHOR = "anchor((address,uint64,bytes32,bytes32,uint64)[])"


def encode_anchor(anchors: Sequence[Anchor]) -> bytes:
    """Returns the call that anchors these roots in one transaction."""
    return selector(ANCHOR) + _array(_anchor(anchor) for anchor in anchors)


def encode_call(signature: str, *arguments: int | str | bytes) -> bytes:
    """Returns a call whose arguments are one word each: numbers, addresses, 32-byte values."""
    return selector(signature) + b"".join(_word(argument) for argument in arguments)


def _anchor(anchor: Anchor) -> bytes:
    return (
        address(anchor.provider)
        + uint(anchor.number, bits=64)
        + bytes32(anchor.previous)
        + bytes32(anchor.root)
        + uint(anchor.units, bits=64)
    )


def _array(items: Iterable[bytes]) -> bytes:
    """Returns the only argument of a call: an array of values that are all of one size."""
    values = list(items)
    return uint(WORD_BYTES) + uint(len(values)) + b"".join(values)


def _word(argument: int | str | bytes) -> bytes:
    if isinstance(argument, int):
        return uint(argument)
    return address(argument) if isinstance(argument, str) else bytes32(argument)
