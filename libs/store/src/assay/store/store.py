"""The store of one service: connections to its own schema, its migrations, its transactions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]

from assay.store.faults import reaching, typed_faults
from assay.store.migrate import migrate
from assay.store.pool import TIMEOUT_S, Pool
from assay.store.safety import check_safe
from assay.store.transaction import Transaction

CONNECTIONS_MAX: Final = 8
# A replica that stands still in a transaction holds locks that the others need.
STANDSTILL: Final = "30s"


class Store:
    """Connections that see one schema, named after the service."""

    def __init__(self, dsn: str, service: str, pool: Pool) -> None:
        self.dsn, self.service, self._pool = dsn, service, pool
        self.put = asyncio.Event()
        self.is_publisher = False

    @classmethod
    async def connect(cls, dsn: str, service: str, connections_max: int = CONNECTIONS_MAX) -> "Store":
        """The store of `service`. Raises Unreachable; Unsafe if the server may lose what it acknowledged."""
        store = cls(dsn, service, Pool(dsn, connections_max, _settings(service)))
        try:
            async with store.reading() as tx:
                await check_safe(tx)
        except BaseException:
            await store.close()
            raise
        return store

    async def migrate(self, migrations: Path) -> None:
        """Brings the schema to the level of the code. Raises Mismatch if it was made by other code."""
        async with self._connection() as connection:
            await migrate(connection, self.service, migrations)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """One transaction; committed when the block ends well. Raises Retry under contention, Unreachable if lost."""
        async with self._connection() as connection:
            async with connection.transaction():
                tx = Transaction(connection)
                yield tx
            for call in tx.committed:
                call()
            if tx.has_put:
                await self._wake(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """For single statements that only read, each a transaction by itself: two round trips fewer."""
        async with self._connection() as connection:
            yield Transaction(connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        with reaching():
            connection = await self._pool.take()
        is_whole = True
        try:
            with typed_faults():
                yield connection
        except (asyncio.CancelledError, GeneratorExit):
            # What a handler or the server refuses leaves a connection as good as it was; an end from outside may not.
            is_whole = False
            raise
        finally:
            self._pool.give(connection, is_whole)

    @asynccontextmanager
    async def session(self, **settings: str) -> AsyncIterator[Any]:
        """A connection of its own, for session locks and notices. Raises Unreachable."""
        with reaching():
            connection = await asyncpg.connect(
                self.dsn, timeout=TIMEOUT_S, server_settings=_settings(self.service) | settings
            )
        try:
            yield connection
        finally:
            connection.terminate()

    async def close(self) -> None:
        """Ends every connection; those in use within a moment."""
        await self._pool.close()

    def wake(self, *_: object) -> None:
        """Tells the outbox of this process that there is something to publish."""
        self.put.set()

    async def _wake(self, connection: Any) -> None:
        # NOTIFY within the transaction would make every commit of the database wait in line (it holds one lock over
        # the flush); alone, after the commit, it flushes nothing. Should it be missed, the publisher looks by itself.
        self.wake()
        if not self.is_publisher:
            await connection.execute("select pg_notify($1, '')", channel_of(self.service))


def channel_of(service: str) -> str:
    """The channel on which replicas tell the publishing one that the outbox has something."""
    return f"assay_outbox_{service}"


def _settings(service: str) -> dict[str, str]:
    return {
        "search_path": service,
        "application_name": f"assay-{service}",
        "idle_in_transaction_session_timeout": STANDSTILL,
        "jit": "off",
        # Left to choose, the server plans most statements over arrays anew each time, and to the same plan.
        "plan_cache_mode": "force_generic_plan",
    }
