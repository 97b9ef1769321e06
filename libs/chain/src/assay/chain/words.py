"""The 32-byte words that calls and logs are made of, and the hash that names functions, events and addresses.

Packed by hand: web3's general encoder takes longer for a batch of fifty orders than the node takes to run it.
"""

from functools import lru_cache

from assay.proof.keccak import keccak256

WORD_BYTES = 32


def uint(value: int, bits: int = 256) -> bytes:
    """Returns the word of an unsigned number. Raises OverflowError if it does not fit `bits`."""
    return value.to_bytes(bits // 8, "big").rjust(WORD_BYTES, b"\0")


def address(text: str) -> bytes:
    """Returns the word of an address of 0x and 40 hex digits. Raises ValueError for anything else."""
    raw = bytes.fromhex(text.removeprefix("0x"))
    if len(raw) != 20:
        raise ValueError(f"{text!r} is no address")
    return raw.rjust(WORD_BYTES, b"\0")


def bytes32(value: bytes) -> bytes:
    """Returns the value itself. Raises ValueError unless it is 32 bytes long."""
    if len(value) != WORD_BYTES:
        raise ValueError(f"{len(value)} bytes where a digest or an id has 32")
    return value


def tail(value: bytes) -> bytes:
    """Returns a byte string as a dynamic value: its length, then its bytes padded to whole words."""
    return uint(len(value)) + value + b"\0" * (-len(value) % WORD_BYTES)


@lru_cache(maxsize=256)
def selector(signature: str) -> bytes:
    """Returns the four bytes that call the function of this signature."""
    return keccak256(signature.encode())[:4]


@lru_cache(maxsize=4096)
def checksum(raw: bytes) -> str:
    """Returns 20 bytes as an address whose capitals check it (EIP-55)."""
    digits = raw.hex()
    marks = keccak256(digits.encode()).hex()
    return "0x" + "".join(digit.upper() if mark >= "8" else digit for digit, mark in zip(digits, marks, strict=False))


def normal(text: str) -> str:
    """Returns an address in its checksummed form. Raises ValueError for anything else."""
    return checksum(address(text)[12:])
