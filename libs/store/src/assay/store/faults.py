"""What Postgres' errors mean to a service: come again, or unreachable; all others are bugs and pass as they are."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg  # type: ignore[import-untyped]

from assay.schema.errors import Retry, Unreachable

CONTENDED = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)
GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    # What asyncpg says of a connection that broke while it was in use.
    asyncpg.InternalClientError,
)


@contextmanager
def typed_faults() -> Iterator[None]:
    """Turns contention into Retry and a lost server into Unreachable."""
    try:
        yield
    except CONTENDED as error:
        raise Retry(f"Postgres: {error}.") from error
    except GONE as error:
        raise Unreachable(f"Postgres: {error or type(error).__name__}.") from error
    except asyncpg.InterfaceError as error:
        if "closed" not in str(error) and "connection" not in str(error):
            raise
        raise Unreachable(f"Postgres: {error}.") from error


@contextmanager
def reaching() -> Iterator[None]:
    """For the way to the server alone: there a fault of the network, too, means that it is Unreachable."""
    with typed_faults():
        try:
            yield
        except OSError as error:
            raise Unreachable(f"Postgres: {error or type(error).__name__}.") from error
