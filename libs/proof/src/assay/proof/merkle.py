"""Merkle trees over BLAKE3, whose root binds every leaf, its place and how many there are.

Leaves and nodes are tagged apart (0x00, 0x01) and an odd node is promoted, as in RFC 6962; the root is the top under a
third tag (0x02) with the number of leaves, so that no part of a tree passes for a tree of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from blake3 import blake3

LEAF, NODE, ROOT = b"\x00", b"\x01", b"\x02"
SIZE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The way from leaf `index` of `size` leaves up to the root: the sibling on each level that has one."""

    index: int
    size: int
    path: tuple[bytes, ...]


def root(leaves: Sequence[bytes]) -> bytes:
    """The 32 bytes that stand for these leaves in this order; no leaves have a root as well."""
    return crown(len(leaves), list(levels(leaves))[-1][0] if leaves else b"")


def prove(leaves: Sequence[bytes], index: int) -> Inclusion:
    """The inclusion of leaf `index`. Raises IndexError if there is no such leaf."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"no leaf {index} among {len(leaves)}")
    path, place = [], index
    for level in levels(leaves):
        if (sibling := place ^ 1) < len(level):
            path.append(level[sibling])
        place //= 2
    return Inclusion(index, len(leaves), tuple(path))


def verify(root_: bytes, leaf: bytes, inclusion: Inclusion) -> bool:
    """Whether `leaf` stands at that very place among that very number of leaves under the root."""
    if not 0 <= inclusion.index < inclusion.size < 2 ** (8 * SIZE_BYTES):
        return False
    siblings, node = iter(inclusion.path), blake3(LEAF + leaf).digest()
    place, width = inclusion.index, inclusion.size
    while width > 1:
        if place ^ 1 < width:
            sibling = next(siblings, None)
            if sibling is None:
                return False
            node = join(sibling, node) if place & 1 else join(node, sibling)
        place, width = place // 2, (width + 1) // 2
    return next(siblings, None) is None and crown(inclusion.size, node) == root_


def levels(leaves: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The hashes of the tree level by level, from the tagged leaves to the one on top."""
    level = [blake3(LEAF + leaf).digest() for leaf in leaves]
    yield level
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [join(left, right) for left, right in zip(level[::2], level[1::2], strict=False)] + odd
        yield level


def join(left: bytes, right: bytes) -> bytes:
    """The node over two hashes."""
    return blake3(NODE + left + right).digest()


def crown(size: int, top: bytes) -> bytes:
    """The root of a tree: its top bound to the number of its leaves."""
    return blake3(ROOT + size.to_bytes(SIZE_BYTES, "big") + top).digest()
