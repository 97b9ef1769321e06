"""Keccak-256, the hash of the EVM.

Epochs of payments are built of some hundred of these a job. The library's own objects cost three times what its sponge
does, so the sponge is used directly, one in each thread: the library gives up the interpreter's lock while it works. It
is called by what the library calls it by, cffi where that is installed and else ctypes.
"""

import threading
from functools import lru_cache
from typing import Any, Final

from Crypto.Hash.keccak import _raw_keccak_lib  # type: ignore[attr-defined]
from Crypto.Util._raw_api import VoidPointer, c_size_t, create_string_buffer, get_raw_buffer

CAPACITY_BYTES: Final = c_size_t(64)
ROUNDS: Final = 24
DIGEST_BYTES: Final = 32
SQUEEZED: Final = c_size_t(DIGEST_BYTES)
PADDING: Final = 1
"""Keccak's own: SHA3-256 pads otherwise and is another hash."""


class Sponge(threading.local):
    """A state that is hashed with again and again, and where its 32 bytes come out."""

    def __init__(self) -> None:
        pointer = VoidPointer()
        if _raw_keccak_lib.keccak_init(pointer.address_of(), CAPACITY_BYTES, ROUNDS):
            raise MemoryError("Keccak has no room for its state.")
        self.state: Any = pointer.get()
        self.out: Any = create_string_buffer(DIGEST_BYTES)  # type: ignore[call-arg]


SPONGE: Final = Sponge()


def keccak256(data: bytes) -> bytes:
    """The 32 bytes of Keccak-256 (not SHA3-256) of `data`."""
    state, out = SPONGE.state, SPONGE.out
    _raw_keccak_lib.keccak_reset(state)
    _raw_keccak_lib.keccak_absorb(state, data, c_size_t(len(data)))
    _raw_keccak_lib.keccak_squeeze(state, out, SQUEEZED, PADDING)
    digest: bytes = get_raw_buffer(out)
    return digest


@lru_cache(maxsize=4096)
def keccak256_text(text: str) -> bytes:
    """The Keccak-256 of a text that is hashed again and again."""
    return keccak256(text.encode())
