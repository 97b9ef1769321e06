"""The frame of a service: FastStream's application with its broker, and one HTTP port to be probed on.

The broker's connection also bears the durable pulls of the flows; the broker itself answers the questions.
"""

import asyncio
from typing import Final

from faststream.asgi import AsgiFastStream
from faststream.nats import NatsBroker, NatsMessage, NatsResponse
from nats.errors import Error as NatsError

from assay.bus.connection import connection_options
from assay.bus.jetstream import JetStreamBus
from assay.bus.keeper import Keeper
from assay.runtime.context import Context
from assay.runtime.probes import probe_routes
from assay.runtime.questions import answer, questions_of, subject_of
from assay.runtime.service import Question
from assay.runtime.settings import ServiceSettings
from assay.schema.errors import AssayError, Unreachable

FIRST_CONTACT_S: Final = 5.0
READY_S: Final = 2.0


async def open_broker(name: str, settings: ServiceSettings) -> tuple[NatsBroker, JetStreamBus]:
    """FastStream's broker, connected, and the bus upon the same connection. Raises Unreachable, BadSettings."""
    servers = [url.strip() for url in settings.nats_url.split(",")]
    broker = NatsBroker(servers, logger=None, **connection_options(name, settings.nats_creds_file))
    try:
        async with asyncio.timeout(FIRST_CONTACT_S):
            connection = await broker.connect()
    except (NatsError, OSError, TimeoutError) as error:
        raise Unreachable(f"No NATS at {settings.nats_url}: {error or type(error).__name__}.") from error
    keeper = _bucket(settings.blobs_url) if settings.blobs_url else None
    kept = (settings.stream_replicas, settings.nats_monitoring_url, keeper, settings.stream_bytes)
    return broker, JetStreamBus(connection, *kept)


def _bucket(url: str) -> Keeper:
    # Loaded where it is asked for: most networks keep their blobs on the bus.
    from assay.bus.bucket_keeper import open_bucket

    return open_bucket(url)


def make_app(ctx: Context, broker: NatsBroker) -> AsgiFastStream:
    """The application: the questions on the broker, and the three addresses that orchestrators ask."""
    for name, question in questions_of(ctx).items():
        _serve(ctx, broker, name, question)
    return AsgiFastStream(broker, logger=None, asgi_routes=probe_routes(lambda: _problem(ctx), ctx.metrics.text))


def _serve(ctx: Context, broker: NatsBroker, name: str, question: Question) -> None:
    @broker.subscriber(subject_of(ctx.name, name), queue=ctx.name, title=name, description=question.__doc__)
    async def serve(message: NatsMessage) -> NatsResponse:
        headers, body = await answer(ctx, question, message.body)
        return NatsResponse(body, headers=dict(headers))


async def _problem(ctx: Context) -> str:
    """Why the service cannot work at this moment; empty if it can."""
    if ctx.stopping.is_set():
        return "stopping"
    if not ctx.bus.is_connected:
        return "no bus"
    try:
        async with asyncio.timeout(READY_S), ctx.store.reading() as tx:
            await tx.fetchval("select 1")
    except (AssayError, TimeoutError):
        return "no database"
    return await ctx.service.problem(ctx) if ctx.service.problem else ""
