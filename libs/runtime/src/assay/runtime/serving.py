"""The whole shell of a service, from its settings to its exit code."""

import asyncio
import logging
from typing import NoReturn

from assay.runtime.context import Context
from assay.runtime.emission import Speech
from assay.runtime.frame import make_app, open_broker
from assay.runtime.metrics import Metrics
from assay.runtime.probes import HttpServer
from assay.runtime.process import launch
from assay.runtime.reach import reach
from assay.runtime.service import Service
from assay.runtime.settings import ServiceSettings
from assay.runtime.shell import Shell
from assay.runtime.telemetry import Telemetry
from assay.schema import STREAMS
from assay.store.store import Store

log = logging.getLogger(__name__)


def run(service: Service, settings: ServiceSettings) -> NoReturn:
    """Runs a service until it is told to stop, then ends the process."""

    async def main(stopping: asyncio.Event) -> None:
        await serve(service, settings, stopping)

    launch(service.name, settings, main)


async def serve(service: Service, settings: ServiceSettings, stopping: asyncio.Event) -> None:
    """A service over its real servers, until `stopping` is set and it has drained.

    Raises Unreachable, Unsafe, Mismatch at the start; later what made a part of it fail.
    """
    store = await reach(lambda: Store.connect(settings.dsn, service.name), settings.start_s, stopping)
    try:
        await store.migrate(service.migrations)
        await _serve_over(store, service, settings, stopping)
    finally:
        await store.close()


async def _serve_over(store: Store, service: Service, settings: ServiceSettings, stopping: asyncio.Event) -> None:
    broker, bus = await reach(lambda: open_broker(service.name, settings), settings.start_s, stopping)
    telemetry = Telemetry(service.name, settings.trace_ratio, settings.otlp_endpoint)
    try:
        await bus.check_safe()
        await bus.ensure_streams(STREAMS)
        speech = Speech(service, telemetry)
        ctx = Context(service, settings, store, bus, Metrics(), telemetry, speech, stopping)
        await _work(ctx, HttpServer(make_app(ctx, broker), settings))
    finally:
        await broker.stop()
        telemetry.close()


async def _work(ctx: Context, http: HttpServer) -> None:
    drained = asyncio.Event()
    serving = asyncio.create_task(http.run_until(drained))
    log.info("listens", extra={"host": ctx.settings.http_host, "port": http.port})
    try:
        await Shell(ctx).run()
    finally:
        drained.set()
        await serving
