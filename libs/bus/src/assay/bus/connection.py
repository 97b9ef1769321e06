"""One NATS connection for a process: taken up again for ever with jitter, and loud about what the server refuses.

The same options serve FastStream's broker, whose connection `JetStreamBus` can be laid upon.
"""

import asyncio
import logging
import random
from pathlib import Path
from typing import Any, Final

import nats
from nats.aio.client import Client, RawCredentials, Server
from nats.errors import Error as NatsError

from assay.schema.errors import Unreachable

log = logging.getLogger("assay.bus")

FIRST_CONTACT_S: Final = 5.0
RECONNECT_S_MAX: Final = 5.0
# A line that only blinked is to be back within the grace that its provider's leases are given.
FIRST_TRY_S_MAX: Final = 0.05
# Twice the server's usual limit of a payload: a batch goes out in a few writes, and little is lost with a connection.
PENDING_BYTES_MAX: Final = 8 * 2**20


def inbox_prefix(name: str) -> str:
    """Where the answers to one process's questions come in; permissions keep everybody else out of it."""
    return f"_INBOX.{name}"


def connection_options(name: str, creds_file: Path | str | RawCredentials | None = None) -> dict[str, Any]:
    """The options for `nats.connect` and for FastStream's `NatsBroker`. `name`, one token, is the process's kind."""
    raw = isinstance(creds_file, RawCredentials)
    credentials = {"user_credentials": creds_file if raw else str(creds_file)} if creds_file else {}
    return credentials | {
        "name": name,
        "inbox_prefix": inbox_prefix(name),
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": 1,
        "reconnect_to_server_handler": choose_server,
        "pending_size": PENDING_BYTES_MAX,
        "ping_interval": 10,
        "max_outstanding_pings": 2,
        "error_cb": on_error,
        "disconnected_cb": on_disconnected,
        "reconnected_cb": on_reconnected,
        "closed_cb": on_closed,
    }


async def open_connection(
    url: str, creds_file: Path | str | RawCredentials | None, name: str, back: asyncio.Event | None = None
) -> Client:
    """A connection that is up, to one of the servers in `url`, which commas part. Raises Unreachable.

    What goes wrong until then is said once, as the error's cause. `back` is set whenever it was lost and is here again.
    """
    if isinstance(creds_file, Path | str) and not Path(creds_file).is_file():
        raise Unreachable(f"There is no file of credentials {creds_file}.")
    servers = [server.strip() for server in url.split(",")]
    heard: list[Exception] = []
    met = asyncio.Event()

    async def heed(error: Exception) -> None:
        if met.is_set():
            await on_error(error)
        else:
            heard.append(error)

    async def returned() -> None:
        await on_reconnected()
        if back:
            back.set()

    options = connection_options(name, creds_file) | {"error_cb": heed, "reconnected_cb": returned}
    try:
        async with asyncio.timeout(FIRST_CONTACT_S):
            connection = await nats.connect(servers, **options)
    except (NatsError, OSError, TimeoutError) as error:
        cause = heard[-1] if heard else error
        raise Unreachable(f"No NATS at {url}: {str(cause) or type(cause).__name__}.") from error
    met.set()
    return connection


async def confirm(nc: Client) -> None:
    """Returns when the server has done all that was sent before this.

    nats-py writes the PING of a flush ahead of what waits to be written, so only the second one comes after it.
    """
    await nc.flush()
    await nc.flush()


def choose_server(servers: list[Server], info: dict[str, Any]) -> tuple[Server, float]:
    """Any server, almost at once, then after waits that grow: a fleet that lost its server comes back spread out."""
    server = random.choice(servers)
    if not server.reconnects:
        return server, random.uniform(0, FIRST_TRY_S_MAX)
    return server, random.uniform(0.05, min(RECONNECT_S_MAX, 0.25 * 2 ** min(server.reconnects, 8)))


async def on_error(error: Exception) -> None:
    """Nothing else tells of a refused permission: the publisher itself only sees a timeout."""
    if "permissions violation" in str(error).lower():
        log.error("the server refused: %s", error)
    else:
        log.warning("connection: %s", str(error) or type(error).__name__, exc_info=_unexpected(error))


async def on_disconnected() -> None:
    log.info("disconnected")


async def on_reconnected() -> None:
    log.warning("the connection was lost and is back")


async def on_closed() -> None:
    log.info("connection closed")


def _unexpected(error: Exception) -> Exception | None:
    return None if isinstance(error, NatsError | OSError | TimeoutError) else error
