"""Puts a worker together: key, door, journal; runs it until it is told to stop, and says how it ended."""

import asyncio
import json
import logging
import time
from typing import NoReturn

from assay.bus.keyfile import load_key
from assay.bus.participant import connect_participant
from assay.execution.gauges import Gauges
from assay.execution.lease_run import LeaseRun
from assay.execution.settings import Settings
from assay.execution.worker import Worker
from assay.proof.eip712 import Domain
from assay.runtime import launch as launch_process
from assay.runtime.probes import HttpServer, ProbeApp, probe_app
from assay.runtime.reach import reach
from assay.runtime.telemetry import Telemetry
from assay.schema.errors import BadSettings
from assay.store.journal import Journal

log = logging.getLogger(__name__)


def launch(settings: Settings, make_run: type[LeaseRun] = LeaseRun) -> NoReturn:
    """Work until SIGTERM or SIGINT, then drain, and end the process with the exit code that says how it went."""

    async def main(stopping: asyncio.Event) -> None:
        await serve(settings, stopping, make_run)

    launch_process("execution", settings, main)


async def serve(settings: Settings, stopping: asyncio.Event, make_run: type[LeaseRun]) -> None:
    """Work until `stopping` is set, then drain. Raises BadSettings, Unreachable."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    key, domain = load_key(settings.key_file), read_domain(settings)
    door = await reach(
        lambda: connect_participant(settings.nats_url, settings.nats_creds_file), settings.start_s, stopping
    )
    telemetry = Telemetry("execution", settings.trace_ratio, settings.otlp_endpoint)
    journal = Journal(settings.data_dir / "journal.sqlite")
    try:
        worker = Worker(settings, key, domain, door, journal, now_ms, make_run, telemetry)
        log.info("provider %s is at work", worker.provider)
        http = HttpServer(probes_of(worker), settings)
        log.info("listens", extra={"host": settings.http_host, "port": http.port})
        probed = asyncio.create_task(http.run_until(stopping))
        await worker.run(stopping)
        await probed
    finally:
        journal.close()
        await door.close()
        telemetry.close()


def probes_of(worker: Worker) -> ProbeApp:
    """What an orchestrator asks a worker: it is ready while it reaches the gateway."""
    gauges = Gauges()

    async def problem() -> str:
        return "" if worker.door.is_connected else "no bus"

    def text() -> bytes:
        gauges.leases.set(worker.leases)
        gauges.waiting.set(worker.journal.waiting())
        return gauges.text()

    return probe_app(problem, text)


def read_domain(settings: Settings) -> Domain:
    """Where this provider's signatures count. Raises BadSettings."""
    try:
        deployment = json.loads(settings.deployment_file.read_text())
        return Domain(deployment["chain_id"], deployment["escrow"])
    except (OSError, ValueError, KeyError) as error:
        raise BadSettings(f"deployment_file {settings.deployment_file}: {error!r}.") from None


def now_ms() -> int:
    """Milliseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1_000_000
