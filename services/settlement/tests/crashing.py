"""A process that ends after any of its writes: to its database, to the store of blobs, to the chain.

What was not written is lost with the process, so between two writes it does not matter where it ends. Of a process that
has ended nothing more is written, whatever of it was still under way.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

HAS_WRITTEN = "select pg_current_xact_id_if_assigned() is not null"


class Crash(Exception):
    """The process ends here."""


@dataclass
class Fuse:
    """Ends the process right after so many writes, which it counts."""

    most: int
    passed: int = 0

    def check(self) -> None:
        """Raises Crash where the process has ended."""
        if self.passed >= self.most:
            raise Crash

    def burn(self) -> None:
        """Something was written."""
        self.passed += 1
        self.check()


class CrashingStore:
    """A store whose transactions are committed, each a write, until the process has ended."""

    def __init__(self, store: Any, fuse: Fuse) -> None:
        self._store, self._fuse = store, fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        self._fuse.check()
        async with self._store.transaction() as tx:
            yield tx
            self._fuse.check()
            has_written = await tx.fetchval(HAS_WRITTEN)
        if has_written:
            self._fuse.burn()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        self._fuse.check()
        async with self._store.reading() as tx:
            yield tx


class Crashing:
    """A port of which the calls named are writes."""

    def __init__(self, port: Any, fuse: Fuse, *writes: str) -> None:
        self._port, self._fuse, self._writes = port, fuse, writes

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found) or name == "at":
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._fuse.check()
            answer = await found(*args, **kwargs)
            if name in self._writes:
                self._fuse.burn()
            return answer

        return call


class CrashingBus:
    """A bus whose blobs are written until the process has ended."""

    def __init__(self, bus: Any, fuse: Fuse) -> None:
        self._bus, self.blobs = bus, Crashing(bus.blobs, fuse, "put")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)
