"""One HTTP port to be probed on: /livez, /readyz, /metrics. Services and workers have the same."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from faststream.asgi import AsgiFastStream, AsgiResponse, get

from assay.runtime.settings import ProcessSettings
from assay.schema.errors import BadSettings

PLAIN: Final = {"content-type": "text/plain; version=0.0.4"}

Problem = Callable[[], Awaitable[str]]
ProbeApp = AsgiFastStream


class HttpServer(uvicorn.Server):
    """Serves the application. Signals are the process's own business, not the server's. Raises BadSettings."""

    def __init__(self, app: AsgiFastStream, settings: ProcessSettings) -> None:
        # The lifespan starts the broker; an application of probes alone has none.
        how: dict[str, Any] = {"lifespan": "on" if app.brokers else "off"}
        super().__init__(uvicorn.Config(app, log_config=None, access_log=False, date_header=False, **how))
        self._ending = asyncio.Event()
        self.socket = _bind(settings.http_host, settings.http_port)
        self.port: int = self.socket.getsockname()[1]

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals alone."""
        yield

    async def main_loop(self) -> None:
        """Waits for the end. The server's own loop looks ten times a second for what never comes here."""
        await self.on_tick(0)
        await self._ending.wait()

    async def run_until(self, stopping: asyncio.Event) -> None:
        """Serves until `stopping` is set; the questions are answered from when `started` is true."""
        serving = asyncio.create_task(self.serve([self.socket]))
        asked = asyncio.create_task(stopping.wait())
        await asyncio.wait([serving, asked], return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        self.should_exit = True
        self._ending.set()
        await serving


def probe_routes(problem: Problem, metrics_text: Callable[[], bytes]) -> list[tuple[str, Any]]:
    """The three addresses that orchestrators ask. `problem` says why the process cannot work now; empty if it can."""

    @get(include_in_schema=False)
    async def livez(scope: Any) -> AsgiResponse:
        return AsgiResponse(b"alive", 200)

    @get(include_in_schema=False)
    async def readyz(scope: Any) -> AsgiResponse:
        found = await problem()
        return AsgiResponse((found or "ready").encode(), 503 if found else 200)

    @get(include_in_schema=False)
    async def metrics(scope: Any) -> AsgiResponse:
        return AsgiResponse(metrics_text(), 200, PLAIN)

    return [("/livez", livez), ("/readyz", readyz), ("/metrics", metrics)]


def probe_app(problem: Problem, metrics_text: Callable[[], bytes]) -> ProbeApp:
    """The application of a process that answers nothing but probes."""
    return AsgiFastStream(logger=None, asgi_routes=probe_routes(problem, metrics_text))


def _bind(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as error:
        raise BadSettings(f"HTTP_PORT {port} on {host} cannot be opened: {error.strerror}.") from None
