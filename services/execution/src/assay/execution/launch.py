"""Puts a provider's worker together, runs it until it is told to stop, and says how it ended."""

import asyncio
import logging
from collections.abc import Callable
from typing import NoReturn

from assay.execution.gauges import Gauges
from assay.execution.lease_run import LeaseRun
from assay.execution.settings import Settings
from assay.execution.worker import Worker
from assay.runtime import launch as launch_process
from assay.runtime.participant import now_ms, probes_of, taking_part, work
from assay.store.journal import Journal

log = logging.getLogger(__name__)


def launch(settings: Settings, make_run: type[LeaseRun] = LeaseRun) -> NoReturn:
    """Work until SIGTERM or SIGINT, then drain, and end the process with the exit code that says how it went."""

    async def main(stopping: asyncio.Event) -> None:
        await serve(settings, stopping, make_run)

    launch_process("execution", settings, main)


async def serve(settings: Settings, stopping: asyncio.Event, make_run: type[LeaseRun]) -> None:
    """Work until `stopping` is set, then drain. Raises BadSettings, SandboxUnavailable, Unreachable."""
    async with taking_part("execution", settings, stopping, Journal) as part:
        worker = Worker(settings, part.key, part.domain, part.door, part.journal, now_ms, make_run, part.telemetry)
        log.info("provider %s is at work", worker.provider)
        await work(worker, probes_of(part.door, metrics_of(worker)), settings, stopping)


def metrics_of(worker: Worker) -> Callable[[], bytes]:
    """The worker's figures, as they are when they are asked for."""
    gauges = Gauges()

    def text() -> bytes:
        gauges.leases.set(worker.leases)
        gauges.waiting.set(worker.journal.waiting())
        return gauges.text()

    return text
