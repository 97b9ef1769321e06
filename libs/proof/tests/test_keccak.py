"""Keccak-256 by the sponge itself is the Keccak-256 that the library's own objects compute, in any thread."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from Crypto.Hash.keccak import new
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.keccak import keccak256

EMPTY = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def reference(data: bytes) -> bytes:
    return new(digest_bits=256, data=data).digest()


def test_nothing_has_the_digest_that_the_evm_knows() -> None:
    assert keccak256(b"").hex() == EMPTY


@given(st.binary(max_size=600))
def test_any_bytes_have_the_digest_of_the_reference(data: bytes) -> None:
    assert keccak256(data) == reference(data)


def test_threads_do_not_disturb_one_another() -> None:
    texts = [bytes([each]) * 50_000 for each in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: [keccak256(text) for _ in range(20)], texts))
    assert found == [[reference(text)] * 20 for text in texts]


def test_it_is_the_same_where_the_library_has_no_cffi_to_call_by() -> None:
    script = """
import sys
sys.modules["cffi"] = None
from assay.proof.keccak import keccak256
from Crypto.Util._raw_api import backend
print(backend, keccak256(b"").hex(), keccak256(b"a" * 500).hex())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ctypes", EMPTY, reference(b"a" * 500).hex()]
