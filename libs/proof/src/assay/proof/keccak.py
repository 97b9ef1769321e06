"""Keccak-256, the hash of the EVM.

Epochs of payments are built of some hundred of these a job. The library's own objects cost three times what its sponge
does, so the sponge is used directly, one in each thread: the library gives up the interpreter's lock while it works. It
is called by what the library calls it by, cffi where that is installed and else ctypes.
"""

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from Crypto.Hash.keccak import _raw_keccak_lib  # type: ignore[attr-defined]
from Crypto.Util._raw_api import VoidPointer, c_size_t, c_uint8_ptr

CAPACITY_BYTES: Final = c_size_t(64)
ROUNDS: Final = 24
DIGEST_BYTES: Final = 32
SQUEEZED: Final = c_size_t(DIGEST_BYTES)
PADDING: Final = 1
"""Keccak's own: SHA3-256 pads otherwise and is another hash."""


def hasher() -> Callable[[bytes], bytes]:
    """The hash over a state of its own, which is used again and again, and by one thread at a time."""
    pointer = VoidPointer()
    if _raw_keccak_lib.keccak_init(pointer.address_of(), CAPACITY_BYTES, ROUNDS):
        raise MemoryError("Keccak has no room for its state.")
    state: Any = pointer.get()
    digest = bytearray(DIGEST_BYTES)
    out: Any = c_uint8_ptr(digest)
    reset, absorb, squeeze = (getattr(_raw_keccak_lib, f"keccak_{name}") for name in ("reset", "absorb", "squeeze"))

    def digest_of(data: bytes) -> bytes:
        reset(state)
        absorb(state, data, c_size_t(len(data)))
        squeeze(state, out, SQUEEZED, PADDING)
        return bytes(digest)

    return digest_of


class Hashers(threading.local):
    """One for each thread."""

    def __init__(self) -> None:
        self.digest_of = hasher()


OF_THREAD: Final = Hashers()


def keccak256(data: bytes) -> bytes:
    """The 32 bytes of Keccak-256 (not SHA3-256) of `data`."""
    return OF_THREAD.digest_of(data)


@lru_cache(maxsize=4096)
def keccak256_text(text: str) -> bytes:
    """The Keccak-256 of a text that is hashed again and again."""
    return keccak256(text.encode())
