"""The store of one service: a pool of connections to its own schema, its migrations, its transactions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]

from assay.store.faults import reaching, typed_faults
from assay.store.migrate import migrate
from assay.store.safety import check_safe
from assay.store.transaction import Transaction

CONNECTIONS_MAX: Final = 8
TIMEOUT_S: Final = 10.0
ACQUIRE_S: Final = 30.0
# A replica that stands still in a transaction holds locks that the others need.
STANDSTILL: Final = "30s"


class Store:
    """A pool whose connections see one schema, named after the service."""

    def __init__(self, dsn: str, service: str, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self.dsn, self.service, self.pool = dsn, service, pool
        self.put = asyncio.Event()
        self.is_publisher = False

    @classmethod
    async def connect(cls, dsn: str, service: str, connections_max: int = CONNECTIONS_MAX) -> "Store":
        """The store of `service`. Raises Unreachable; Unsafe if the server may lose what it acknowledged."""
        with reaching():
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=connections_max,
                timeout=TIMEOUT_S,
                server_settings=_settings(service),
                reset=_keep,
            )
        store = cls(dsn, service, pool)
        try:
            await check_safe(store.pool)
        except BaseException:
            await store.close()
            raise
        return store

    async def migrate(self, migrations: Path) -> None:
        """Brings the schema to the level of the code. Raises Mismatch if it was made by other code."""
        with typed_faults():
            async with self.pool.acquire() as connection:
                await migrate(connection, self.service, migrations)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """One transaction; committed when the block ends well. Raises Retry under contention, Unreachable if lost."""
        with reaching():
            connection = await self.pool.acquire(timeout=ACQUIRE_S)
        try:
            with typed_faults():
                async with connection.transaction():
                    tx = Transaction(connection)
                    yield tx
                for call in tx.committed:
                    call()
                if tx.has_put:
                    await self._wake(connection)
        finally:
            with typed_faults():
                await self.pool.release(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """For a single statement that only reads, which is a transaction by itself: two round trips fewer."""
        with reaching():
            connection = await self.pool.acquire(timeout=ACQUIRE_S)
        try:
            with typed_faults():
                yield Transaction(connection)
        finally:
            with typed_faults():
                await self.pool.release(connection)

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
        try:
            await asyncio.wait_for(self.pool.close(), TIMEOUT_S)
        except TimeoutError:
            self.pool.terminate()

    def wake(self, *_: object) -> None:
        """Tells the outbox of this process that there is something to publish."""
        self.put.set()

    async def _wake(self, connection: Any) -> None:
        # NOTIFY within the transaction would make every commit of the database wait in line (it holds one lock over
        # the flush); alone, after the commit, it flushes nothing. Should it be missed, the publisher looks by itself.
        self.wake()
        if not self.is_publisher:
            await connection.execute("select pg_notify($1, '')", channel_of(self.service))


async def _keep(connection: Any) -> None:
    """Leaves a connection as it is: what is done in the pool's transactions does not outlive them."""


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
