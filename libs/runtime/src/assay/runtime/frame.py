"""The frame of a service: FastStream's application with its broker, and one HTTP port to be probed on.

The broker's connection also bears the durable pulls of the flows; the broker itself answers the questions.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from faststream.nats import NatsBroker, NatsMessage, NatsResponse
from nats.errors import Error as NatsError

from assay.bus.connection import connection_options
from assay.bus.jetstream import JetStreamBus
from assay.runtime.context import Context
from assay.runtime.questions import answer, questions_of, subject_of
from assay.runtime.service import Question
from assay.runtime.settings import ProcessSettings, ServiceSettings
from assay.schema.errors import AssayError, BadSettings, Unreachable

FIRST_CONTACT_S: Final = 5.0
READY_S: Final = 2.0
PLAIN: Final = {"content-type": "text/plain; version=0.0.4"}


async def open_broker(name: str, settings: ServiceSettings) -> tuple[NatsBroker, JetStreamBus]:
    """FastStream's broker, connected, and the bus upon the same connection. Raises Unreachable."""
    servers = [url.strip() for url in settings.nats_url.split(",")]
    broker = NatsBroker(servers, logger=None, **connection_options(name, settings.nats_creds_file))
    try:
        connection = await asyncio.wait_for(broker.connect(), FIRST_CONTACT_S)
    except (NatsError, OSError, TimeoutError) as error:
        raise Unreachable(f"No NATS at {settings.nats_url}: {error or type(error).__name__}.") from error
    return broker, JetStreamBus(connection, settings.stream_replicas, settings.nats_monitoring_url)


def make_app(ctx: Context, broker: NatsBroker) -> AsgiFastStream:
    """The application: the questions on the broker, and the three addresses that orchestrators ask."""
    for name, question in questions_of(ctx).items():
        _serve(ctx, broker, name, question)
    return AsgiFastStream(broker, logger=None, asgi_routes=_routes(ctx))


class HttpServer(uvicorn.Server):
    """Serves the application. Signals are the process's own business, not the server's."""

    def __init__(self, app: AsgiFastStream, settings: ProcessSettings) -> None:
        super().__init__(uvicorn.Config(app, lifespan="on", log_config=None, access_log=False))
        self.socket = _bind(settings.http_host, settings.http_port)
        self.port: int = self.socket.getsockname()[1]

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals alone."""
        yield

    async def run_until(self, stopping: asyncio.Event) -> None:
        """Serves until `stopping` is set; the questions are answered from when `started` is true."""
        serving = asyncio.create_task(self.serve([self.socket]))
        asked = asyncio.create_task(stopping.wait())
        await asyncio.wait([serving, asked], return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        self.should_exit = True
        await serving


def _serve(ctx: Context, broker: NatsBroker, name: str, question: Question) -> None:
    @broker.subscriber(subject_of(ctx.name, name), queue=ctx.name, title=name, description=question.__doc__)
    async def serve(message: NatsMessage) -> NatsResponse:
        headers, body = await answer(ctx, question, message.body)
        return NatsResponse(body, headers=dict(headers))


def _routes(ctx: Context) -> list[tuple[str, Any]]:
    @get(include_in_schema=False)
    async def livez(scope: Any) -> AsgiResponse:
        return AsgiResponse(b"alive", 200)

    @get(include_in_schema=False)
    async def readyz(scope: Any) -> AsgiResponse:
        problem = await _problem(ctx)
        return AsgiResponse((problem or "ready").encode(), 503 if problem else 200)

    @get(include_in_schema=False)
    async def metrics(scope: Any) -> AsgiResponse:
        return AsgiResponse(ctx.metrics.text(), 200, PLAIN)

    return [("/livez", livez), ("/readyz", readyz), ("/metrics", metrics)]


async def _problem(ctx: Context) -> str:
    """Why the service cannot work at this moment; empty if it can."""
    if ctx.stopping.is_set():
        return "stopping"
    if not ctx.bus.is_connected:
        return "no bus"
    try:
        async with asyncio.timeout(READY_S), ctx.store.transaction() as tx:
            await tx.fetchval("select 1")
    except (AssayError, TimeoutError):
        return "no database"
    return ""


def _bind(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=128)
    except OSError as error:
        raise BadSettings(f"HTTP_PORT {port} on {host} cannot be opened: {error.strerror}.") from None
