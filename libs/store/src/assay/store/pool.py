"""The connections of a store: each in one hand at a time, made when none rests, kept for the next.

To lend a connection and have it back, asyncpg's own pool takes four times a small statement's processor time: a task,
two timeouts and a proxy each time.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]

TIMEOUT_S: Final = 10.0
TAKE_S: Final = 30.0


class Pool:
    """At most so many connections with the same settings."""

    def __init__(self, dsn: str, most: int, settings: Mapping[str, str]) -> None:
        self._dsn, self._most, self._settings = dsn, most, dict(settings)
        self._room = asyncio.Semaphore(most)
        self._resting: list[Any] = []
        self._lent: set[Any] = set()
        self._is_closed = False

    async def take(self) -> Any:
        """A connection, to be given back. Raises TimeoutError if all are in use, and what asyncpg raises."""
        async with asyncio.timeout(TAKE_S if self._room.locked() else None):
            await self._room.acquire()
        try:
            connection = self._rested() or await asyncpg.connect(
                self._dsn, timeout=TIMEOUT_S, server_settings=self._settings
            )
        except BaseException:
            self._room.release()
            raise
        self._lent.add(connection)
        return connection

    def give(self, connection: Any, is_whole: bool) -> None:
        """Have a connection back; one that may be in the middle of something is ended."""
        self._lent.discard(connection)
        if is_whole and not self._is_closed and not connection.is_closed() and not connection.is_in_transaction():
            self._resting.append(connection)
        else:
            connection.terminate()
        self._room.release()

    async def close(self) -> None:
        """Ends every connection; those in use once they are back, or after a while."""
        self._is_closed = True
        try:
            async with asyncio.timeout(TIMEOUT_S):
                for _ in range(self._most):
                    await self._room.acquire()
                while self._resting:
                    await self._resting.pop().close()
        except TimeoutError:
            for connection in (*self._resting, *self._lent):
                connection.terminate()
        for _ in range(self._most):
            self._room.release()

    def _rested(self) -> Any:
        if self._is_closed:
            raise asyncpg.InterfaceError("The pool is closed.")
        while self._resting:
            connection = self._resting.pop()
            if not connection.is_closed():
                return connection
        return None
