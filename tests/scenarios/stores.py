"""What lies in the files of a running network, for tests that look for what nobody is to find there."""

from collections.abc import Iterator
from pathlib import Path

from tests.network import Net


def holding(net: Net, content: bytes) -> Iterator[Path]:
    """The files of servers, services and parties that hold these bytes."""
    for path in net.devnet.servers.folder.root.rglob("*"):
        try:
            if path.is_file() and content in path.read_bytes():
                yield path
        except OSError:
            continue  # it went while it was looked for


def pieces_of(content: bytes) -> list[bytes]:
    """Some of its bytes that no other content has: of weights, not of zeros or names."""
    pieces = (content[at : at + 64] for at in range(len(content) // 4, len(content) - 64, len(content) // 4))
    telling = [piece for piece in pieces if len(set(piece)) > 24 and not piece.isascii()]
    assert telling
    return telling
