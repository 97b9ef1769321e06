"""Canonical digests: of bytes, and of a state made of named tensors whatever the order they come in."""

from collections.abc import Iterable
from typing import TypeAlias

from blake3 import blake3

from assay.proof import merkle
from assay.schema.errors import Reject

Buffer: TypeAlias = bytes | bytearray | memoryview
Tensor: TypeAlias = tuple[str, str, tuple[int, ...], Buffer]

TENSOR = b"assay.tensor.1"


def blake3_hex(data: Buffer) -> str:
    """The BLAKE3 digest of `data`, 64 hex digits."""
    return blake3(flat(data)).hexdigest()


blob_digest = blake3_hex


def tensor_leaf(name: str, dtype: str, shape: tuple[int, ...], data: Buffer) -> bytes:
    """The 32 bytes that stand for one tensor: its name, type, shape and row-major little-endian bytes.

    Every field carries its length, so that no two tensors read alike.
    """
    raw = flat(data)
    dimensions = b"".join(size.to_bytes(8, "big") for size in shape)
    head = b"".join(map(prefixed, (TENSOR, name.encode(), dtype.encode(), dimensions)))
    return blake3(head + len(raw).to_bytes(8, "big")).update(raw).digest()


def state_digest(tensors: Iterable[Tensor]) -> str:
    """The Merkle root over the tensors in name order, 64 hex digits. Raises Reject if a name comes twice."""
    leaves: dict[bytes, bytes] = {}
    for name, dtype, shape, data in tensors:
        if (key := name.encode()) in leaves:
            raise Reject(f"The state names the tensor {name!r} twice.")
        leaves[key] = tensor_leaf(name, dtype, shape, data)
    return merkle.root([leaves[key] for key in sorted(leaves)]).hex()


def folder_digest(files: Iterable[tuple[str, int, bytes]]) -> str:
    """The digest of a folder by name, size in bytes and BLAKE3 digest of each of its files. Raises Reject."""
    return state_digest((name, "file", (size,), content) for name, size, content in files)


def prefixed(field: bytes) -> bytes:
    """A field behind its length."""
    return len(field).to_bytes(4, "big") + field


def flat(data: Buffer) -> Buffer:
    """The buffer as plain bytes without a copy; an empty view of any shape is empty."""
    if not isinstance(data, memoryview):
        return data
    return data.cast("B") if data.nbytes else b""
