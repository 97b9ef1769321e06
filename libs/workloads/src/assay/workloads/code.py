"""Which code does a kind of work: a digest that whoever has the same release computes again.

It covers the files of this library, the versions of the packages that shape the computation and, of a plug-in, what its
installation's record says. A commitment names it, so that a segment can be traced to what computed it.
"""

from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from assay.proof.digest import blake3_hex
from assay.workloads.machine import versions

CODE: Final = b"assay.code.1"
ENTRY_POINTS: Final = "assay.workloads"
ROOT: Final = Path(__file__).parent


@cache
def code_of(kind: str) -> str:
    """Return the digest of the code that does this kind of work here, 64 hex digits."""
    lines = [*sources(ROOT), *versions(), *plugin(kind)]
    return blake3_hex(CODE + "\n".join(sorted(lines)).encode())


def sources(root: Path) -> Iterator[str]:
    """Yield each file of code below a folder with the digest of its content."""
    for path in root.rglob("*.py"):
        yield f"{path.relative_to(root).as_posix()} {blake3_hex(path.read_bytes())}"


def plugin(kind: str) -> Iterator[str]:
    """Yield what the installation records of the packages that declare a kind from outside, if one does."""
    for point in entry_points(group=ENTRY_POINTS):
        if point.name == kind and point.dist:
            record = blake3_hex((point.dist.read_text("RECORD") or "").encode())
            yield f"{point.dist.name}=={point.dist.version} {record}"
