"""A machine's cache of blobs: fetched once for all leases or audits, checked, and sealed, so that no disk tells.

A lease or an audit reads a copy in a folder of its own, which goes when it ends: whatever the cache lets go, nobody's
work is taken from it. A blob that nobody asked for in a while is forgotten, its key first; what was used longest ago
makes room when there is more than the limit.

What is sealed, an input or what was made for a job, is kept as it came, under the key that its holder gave for it. With
the last lease that needs the key both are forgotten, and that is said. A job says which of its blobs are sealed: what
another takes as it lies is kept apart.
"""

import asyncio
import logging
import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, TypeVar
from weakref import WeakValueDictionary

from blake3 import blake3

from assay.proof.job_seal import UNOPENED, check_name, unseal_job_pieces
from assay.proof.sealed import HEAD_BYTES, check_head, unseal_pieces
from assay.runtime.naming import BEFORE, UNDER, parts_of
from assay.runtime.patience import patiently
from assay.runtime.sealing import seal_file
from assay.schema.errors import Refused
from assay.schema.job import JobSpec

AT_ONCE: Final = 4
"""Blobs on their way at a time: each holds a few parts in memory."""
READ_BYTES: Final = 2**20
T = TypeVar("T")

log = logging.getLogger(__name__)

CACHE_BYTES: Final = 64 * 2**30
# Rounds of jobs on the same data follow one another within minutes.
KEPT_S: Final = 600.0
TEND_S: Final = 30.0


class Blobs(Protocol):
    """Where content comes from."""

    async def save(self, digest: str, path: Path) -> None:
        """Write the content to a file, which may hold its beginning. Raises Refused: blob.missing, blob.mismatch."""
        ...


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of what is sealed: `ask` has one given (raises Refused: key.*), `forgotten` says that it is no more."""

    ask: Callable[[str], Awaitable[bytes]]
    forgotten: Callable[[str], None]


@dataclass(slots=True)
class Kept:
    """A blob that is here: the key that opens its file, the file's size, and when it was last asked for.

    Before the pieces there are `head` bytes. What was made for a job is sealed in a way of its own.
    """

    key: bytes
    size: int
    used_s: float = 0.0
    head: int = 0
    is_made: bool = False

    def pieces(self, file: BinaryIO) -> Iterator[bytes]:
        """What the file says."""
        file.seek(self.head)
        return (unseal_job_pieces if self.is_made else unseal_pieces)(self.key, file, self.size - self.head)


class Cache:
    """Blobs sealed under one folder, of at most `bytes_max` together but for the newest; they come by way of `room`."""

    def __init__(
        self,
        folder: Path,
        room: Path,
        blobs: Blobs,
        keyring: Keyring,
        bytes_max: int = CACHE_BYTES,
        now_s: Callable[[], float] = time.monotonic,
        kept_s: float = KEPT_S,
    ) -> None:
        self.folder, self._room, self._blobs, self._bytes_max, self._now_s = folder, room, blobs, bytes_max, now_s
        self._keyring, self._kept_s = keyring, kept_s
        # One for each name while anybody holds it or waits for it: no two may write to one file.
        self._fetching: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._under_way = asyncio.Semaphore(AT_ONCE)
        # By name, the longest unused first.
        self._kept: dict[str, Kept] = {}
        # How many need each key now, and those that were given.
        self._readers: Counter[str] = Counter()
        self._opened: dict[str, bytes] = {}
        # What another process sealed nobody can open; what was on its way to it lies in the clear.
        for left in (folder, room):
            shutil.rmtree(left, ignore_errors=True)
        folder.mkdir(parents=True)

    @contextmanager
    def reading(self, spec: JobSpec) -> Iterator[None]:
        """Lets what is sealed of a job be read and made; what lies of it elsewhere has to be gone at the end."""
        self._readers.update(spec.keys)
        try:
            yield
        finally:
            self._readers.subtract(spec.keys)
            self._readers = +self._readers
            for key in {key for key in spec.keys if key not in self._readers} & self._opened.keys():
                del self._opened[key]
                for name in [name for name in self._kept if name.endswith(UNDER + key)]:
                    self._forget(name)
                self._keyring.forgotten(key)

    async def lay(self, name: str, folder: Path) -> Path:
        """The blob of this name (`assay.runtime.naming`) as a file of a folder that a child may read.

        Raises Refused: blob.*, key.*.
        """
        target = folder / name
        if not target.exists():
            folder.mkdir(parents=True, exist_ok=True)
            await self._use(name, partial(write, target))
        return target

    async def read(self, name: str) -> bytes:
        """What the blob of this name says. Raises Refused as `lay` does."""
        return await self._use(name, b"".join)

    async def _use(self, name: str, how: Callable[[Iterator[bytes]], T], is_again: bool = False) -> T:
        """What is made of the blob's pieces; what the disk has damaged is fetched anew, once."""
        kept = await self._fetch(name)
        # Whoever has opened the file reads it to the end, though it be forgotten meanwhile.
        with (self.folder / name).open("rb") as file:
            try:
                return await asyncio.to_thread(how, kept.pieces(file))
            except Refused as refusal:
                if is_again:
                    if not (
                        BEFORE in name
                        and refusal.code == UNOPENED
                        and await asyncio.to_thread(is_as_it_came, file, name)
                    ):
                        raise
                    # What was made for a job before, and is not opened by their seal, says nothing, whoever reads it.
                    return how(iter(()))
        log.warning("the cache is damaged", extra={"blob": name})
        if self._kept.get(name) is kept:
            self._forget(name)
        return await self._use(name, how, True)

    async def _fetch(self, name: str) -> Kept:
        """The blob, which is here now and was asked for just now. Raises Refused: blob.missing, key.*."""
        async with self._fetching.setdefault(name, asyncio.Lock()):
            if (kept := self._kept.pop(name, None)) is None:
                kept = await self._arrive(name)
            kept.used_s = self._now_s()
            self._kept[name] = kept
            self._make_room(name)
        return kept

    async def _arrive(self, name: str) -> Kept:
        """The blob, fetched. What fails leaves no file: nobody would count it, nor ever make room of it."""
        try:
            return await (self._open(name) if UNDER in name else self._seal(name))
        except BaseException:
            for folder in (self.folder, self._room):
                (folder / name).unlink(missing_ok=True)
            raise

    async def fetch_all(self, names: Iterable[str]) -> None:
        """Have these blobs here, a few under way at a time. Raises Refused: blob.missing, key.*."""
        await together(self._fetch(name) for name in names)

    async def lay_all(self, names: Iterable[str], folder: Path) -> dict[str, str]:
        """These blobs as files of a folder, side by side: each is laid as it comes, so none has to stay for the others.

        Raises Refused: blob.*, key.*.
        """
        wanted = list(dict.fromkeys(names))
        paths = await together(self.lay(name, folder) for name in wanted)
        return dict(zip(wanted, map(str, paths), strict=True))

    async def _seal(self, digest: str) -> Kept:
        clear, target = self._room / digest, self.folder / digest
        self._room.mkdir(parents=True, exist_ok=True)
        await patiently(partial(self._save, digest, clear))
        key = await asyncio.to_thread(seal_file, clear, target)
        clear.unlink()
        return Kept(key, target.stat().st_size)

    async def _open(self, name: str) -> Kept:
        """What is sealed as it came, with its key."""
        (digest, of), target = parts_of(name), self.folder / name
        key = await (self._key(of) if of == digest else self.sealing(of))
        target.unlink(missing_ok=True)
        await patiently(partial(self._save, digest, target))
        if of != digest:
            return Kept(key, target.stat().st_size, is_made=True)
        with target.open("rb") as sealed:
            check_head(key, sealed.read(HEAD_BYTES))
        return Kept(key, target.stat().st_size, head=HEAD_BYTES)

    async def _key(self, name: str) -> bytes:
        """A key, asked for now. Raises Refused: key.*."""
        key = self._opened[name] = await patiently(partial(self._keyring.ask, name))
        return key

    async def _save(self, digest: str, target: Path) -> None:
        """Fetch a blob into a file; whoever has to try again holds nobody up until then."""
        async with self._under_way:
            await self._blobs.save(digest, target)

    def _make_room(self, newest: str) -> None:
        held = sum(kept.size for kept in self._kept.values())
        for digest in [digest for digest in self._kept if digest != newest]:
            if held <= self._bytes_max:
                return
            held -= self._kept[digest].size
            self._forget(digest)

    def _forget(self, name: str) -> None:
        del self._kept[name]
        (self.folder / name).unlink(missing_ok=True)

    def tend(self) -> None:
        """Forget what was not asked for in a while."""
        for digest in [digest for digest, kept in self._kept.items() if kept.used_s + self._kept_s < self._now_s()]:
            self._forget(digest)

    async def run(self) -> None:
        """Tend for ever."""
        while True:
            self.tend()
            await asyncio.sleep(TEND_S)

    async def sealing(self, name: str) -> bytes:
        """The key of a job that is being read; it is asked for once. Raises Refused: key.*."""
        key = self._opened.get(name) or await self._key(name)
        check_name(key, name)
        return key


def is_as_it_came(file: BinaryIO, name: str) -> bool:
    """Whether a file that is kept as it came still holds the blob of this name."""
    file.seek(0)
    found = blake3()
    while piece := file.read(READ_BYTES):
        found.update(piece)
    return found.hexdigest() == parts_of(name)[0]


def write(target: Path, content: Iterator[bytes]) -> None:
    """Write pieces to a file, which is whole or not there."""
    part = target.with_name(target.name + ".part")
    with part.open("wb") as file:
        file.writelines(content)
    part.rename(target)


async def together(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What all of them return; once all are over, so that none goes on unseen, raises what the first one raised."""
    done: list[T] = []
    for each in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(each, BaseException):
            raise each
        done.append(each)
    return done
