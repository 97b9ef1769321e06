"""A layer of an image laid over those below it: each entry's name and size looked at before anything is made of it."""

import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from assay.workloads.command.errors import BadImage

ENTRIES_MAX: Final = 150_000
BLOCK: Final = 4096
"""What the least of files takes."""
CHUNK_BYTES: Final = 1 << 20
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
KEPT: Final = {("dev",), ("job",), ("tmp",)}
"""Folders of a root that are the box's own."""


@dataclass
class Room:
    """What may be written yet, and how many entries were read."""

    left_bytes: int
    entries: int = 0

    def take(self, size: int) -> None:
        """Take so many bytes for one entry. Raises BadImage."""
        self.entries += 1
        self.left_bytes -= -(-size // BLOCK) * BLOCK
        if size < 0 or self.left_bytes < 0:
            raise BadImage("Unpacked it is larger than disk_bytes.")
        if self.entries > ENTRIES_MAX:
            raise BadImage(f"It has more than {ENTRIES_MAX} entries.")


class Counted:
    """A layer's bytes, counted as they come out: headers and gaps of an archive are no way around its limit."""

    def __init__(self, file: IO[bytes], left_bytes: int) -> None:
        self._file, self._left = file, left_bytes

    def read(self, size: int) -> bytes:
        """Return the next bytes. Raises BadImage."""
        found = self._file.read(size)
        self._left -= len(found)
        if self._left < 0:
            raise BadImage("A layer is larger than its entries may be.")
        return found


def apply(layer: IO[bytes], root: Path, room: Room) -> None:
    """Lay a layer's entries into `root`. Raises BadImage, tarfile.TarError."""
    counted = Counted(layer, room.left_bytes + ENTRIES_MAX * 3 * tarfile.BLOCKSIZE)
    with tarfile.open(fileobj=counted, mode="r|") as archive:  # type: ignore[call-overload]
        for member in archive:
            archive.members = []
            parts = parts_of(member.name)
            room.take(member.size if member.isreg() else 0)
            if not parts or parts[:1] in KEPT:
                continue
            place(archive, member, root, parts)


def parts_of(name: str) -> tuple[str, ...]:
    """Return a name's parts, which lead beneath the root. Raises BadImage."""
    parts = tuple(part for part in PurePosixPath(name).parts if part != ".")
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise BadImage(f"The name {name[:80]!r} leads out of the image.")
    return parts


def place(archive: tarfile.TarFile, member: tarfile.TarInfo, root: Path, parts: tuple[str, ...]) -> None:
    """Make one entry of the root. Raises BadImage."""
    folder = beneath(root, parts[:-1])
    name = parts[-1]
    if name == OPAQUE:
        for path in folder.iterdir():
            hide(root, path)
        return
    if name.startswith(WHITEOUT):
        hide(root, folder / checked(name.removeprefix(WHITEOUT)))
        return
    make = MAKERS.get(member.type)
    if make is None or member.issparse():
        raise BadImage(f"{member.name[:80]!r} is neither a plain file, a folder nor a link.")
    path = folder / name
    if not (member.isdir() and path.is_dir() and not path.is_symlink()):
        remove(path)
    make(archive, member, path, root)


def checked(name: str) -> str:
    """Return the name that a whiteout hides. Raises BadImage."""
    if name in ("", ".", ".."):
        raise BadImage("A whiteout names no file.")
    return name


def hide(root: Path, path: Path) -> None:
    """Remove what a layer hides of those below it; what is the box's own stays."""
    if path.relative_to(root).parts not in KEPT:
        remove(path)


def beneath(root: Path, parts: tuple[str, ...]) -> Path:
    """Return a folder of the root, made if it is not there and reached through no link. Raises BadImage."""
    path = root
    for part in parts:
        path = path / part
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise BadImage(f"{'/'.join(parts)[:80]!r} lies behind a link or a file.")
        path.mkdir(exist_ok=True)
    return path


def remove(path: Path) -> None:
    """Remove what lies there, if anything does."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def make_file(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path, root: Path) -> None:
    """A plain file; of its mode, who may read, write and execute it."""
    source = archive.extractfile(member)
    assert source is not None
    with path.open("xb") as target:
        shutil.copyfileobj(source, target, CHUNK_BYTES)
    path.chmod(member.mode & 0o755 | 0o400)


def make_folder(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path, root: Path) -> None:
    """A folder, which its owner may always enter and change."""
    path.mkdir(exist_ok=True)
    path.chmod(member.mode & 0o755 | 0o700)


def make_link(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path, root: Path) -> None:
    """A link, wherever it leads: it is followed inside the root alone."""
    path.symlink_to(member.linkname)


def make_second(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path, root: Path) -> None:
    """A second name of a plain file that is there already. Raises BadImage."""
    (*folders, name) = parts_of(member.linkname) or ("",)
    source = beneath(root, tuple(folders)) / name
    if source.is_symlink() or not source.is_file():
        raise BadImage(f"{member.name[:80]!r} is a second name of no plain file.")
    path.hardlink_to(source)


MAKERS: Final[dict[bytes, Callable[[tarfile.TarFile, tarfile.TarInfo, Path, Path], None]]] = {
    tarfile.REGTYPE: make_file,
    tarfile.AREGTYPE: make_file,
    tarfile.DIRTYPE: make_folder,
    tarfile.SYMTYPE: make_link,
    tarfile.LNKTYPE: make_second,
}
