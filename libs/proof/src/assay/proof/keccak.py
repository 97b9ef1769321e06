"""Keccak-256, the hash of the EVM.

The call costs about ten times the permutation itself, so what repeats (type names, sources, domains) is kept.
"""

from functools import lru_cache

from Crypto.Hash.keccak import new


def keccak256(data: bytes) -> bytes:
    """The 32 bytes of Keccak-256 (not SHA3-256) of `data`."""
    return new(digest_bits=256, data=data).digest()


@lru_cache(maxsize=4096)
def keccak256_text(text: str) -> bytes:
    """The Keccak-256 of a text that is hashed again and again."""
    return keccak256(text.encode())
