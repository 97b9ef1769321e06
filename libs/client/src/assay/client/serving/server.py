"""The process that serves: keepers of the replicas, the fleet, and the HTTP door in front of them."""

import asyncio
import gc
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from assay.client.sdk import Assay
from assay.client.serving.fleet import Fleet
from assay.client.serving.flight import fresh_id
from assay.client.serving.http import Receive, Scope, Send
from assay.client.serving.keeping import Keeper, Terms
from assay.client.serving.replica import Replica
from assay.schema.errors import BadSettings

CONNECTIONS_MAX: Final = 2048
KEEP_ALIVE_S: Final = 30

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
"""What answers requests (ASGI)."""


@asynccontextmanager
async def keeping(
    assay: Assay, nats_url: str, terms: Terms, count: int, regions: tuple[str, ...]
) -> AsyncIterator[Fleet]:
    """A fleet of so many replicas for as long as the block, the k-th in the k-th of the regions, in turn."""
    caller = fresh_id()
    replicas = [Replica("", assay.key, caller) for _ in range(count)]
    fleet = Fleet(replicas)
    keepers = [
        Keeper(assay, nats_url, terms, fleet, replica, (regions[at % len(regions)],) if regions else ())
        for at, replica in enumerate(replicas)
    ]
    tasks = [asyncio.create_task(run) for run in (*(keeper.run() for keeper in keepers), fleet.run())]
    try:
        yield fleet
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*(keeper.leave() for keeper in keepers))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes the loop of a process that serves: uvicorn's own choice, which is uvloop where there is one.

    What is loaded by now stays: looked through with the rest, it would hold up tokens at each full collection.
    """
    from uvicorn.loops.auto import auto_loop_factory

    gc.freeze()
    return auto_loop_factory()


@asynccontextmanager
async def listening(app: Application, host: str, port: int) -> AsyncIterator[int]:
    """The port at which the application is served for as long as the block. Raises BadSettings."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Leave signals to the process."""
            yield

    bound = bind(host, port)
    how: dict[str, Any] = {"lifespan": "off", "access_log": False, "log_config": None, "date_header": False}
    how |= {"limit_concurrency": CONNECTIONS_MAX, "timeout_keep_alive": KEEP_ALIVE_S, "ws": "none"}
    server = Server(uvicorn.Config(app, timeout_graceful_shutdown=1, server_header=False, **how))
    serving = asyncio.create_task(server.serve([bound]))
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        await serving


def bind(host: str, port: int) -> socket.socket:
    """The socket that is listened at. Raises BadSettings."""
    try:
        return socket.create_server((host, port), backlog=1024)
    except OSError as error:
        raise BadSettings(f"Port {port} on {host} cannot be opened: {error.strerror}.") from None


def read_keys(file: Path) -> list[str]:
    """The API keys in a file, one a line; made with one in it if it is not there."""
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as fresh:
            fresh.write(f"sk-{secrets.token_urlsafe(32)}\n")
    keys = file.read_text().split()
    if not keys:
        raise BadSettings(f"{file} holds no API key.")
    return keys
