"""Puts a verifier's worker together: key, door, journal; runs it until it is told to stop, and says how it ended."""

import asyncio
import json
import logging
import time
from typing import NoReturn

import prometheus_client as prometheus

from assay.bus.keyfile import load_key
from assay.bus.participant import connect_participant
from assay.proof.eip712 import Domain
from assay.runtime import launch as launch_process
from assay.runtime.probes import HttpServer, ProbeApp, probe_app
from assay.schema.errors import BadSettings
from assay.store.audit_journal import AuditJournal
from assay.verification.verifier.audit_run import answer
from assay.verification.verifier.settings import Settings
from assay.verification.verifier.worker import Find, Worker

log = logging.getLogger(__name__)


def launch(settings: Settings, find: Find = answer) -> NoReturn:
    """Work until SIGTERM or SIGINT, then drain, and end the process with the exit code that says how it went."""

    async def main(stopping: asyncio.Event) -> None:
        await serve(settings, stopping, find)

    launch_process("verifier", settings, main)


async def serve(settings: Settings, stopping: asyncio.Event, find: Find) -> None:
    """Work until `stopping` is set, then drain. Raises BadSettings, Unreachable."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    key, domain = load_key(settings.key_file), read_domain(settings)
    door = await connect_participant(settings.nats_url, settings.nats_creds_file)
    journal = AuditJournal(settings.data_dir / "journal.sqlite")
    try:
        worker = Worker(settings, key, domain, door, journal, now_ms, find)
        log.info("verifier %s is at work", worker.verifier)
        http = HttpServer(probes_of(worker), settings)
        log.info("listens", extra={"host": settings.http_host, "port": http.port})
        probed = asyncio.create_task(http.run_until(stopping))
        await worker.run(stopping)
        await probed
    finally:
        journal.close()
        await door.close()


def probes_of(worker: Worker) -> ProbeApp:
    """What an orchestrator asks a worker: it is ready while it reaches the gateway."""
    registry = prometheus.CollectorRegistry()
    audits = prometheus.Gauge("assay_verifier_audits", "Audits in hand.", registry=registry)
    waiting = prometheus.Gauge("assay_verifier_journal_waiting", "Statements not taken yet.", registry=registry)

    async def problem() -> str:
        return "" if worker.door.is_connected else "no bus"

    def text() -> bytes:
        audits.set(worker.in_hand)
        waiting.set(worker.journal.waiting())
        return prometheus.generate_latest(registry)

    return probe_app(problem, text)


def read_domain(settings: Settings) -> Domain:
    """Where this verifier's signatures count. Raises BadSettings."""
    try:
        deployment = json.loads(settings.deployment_file.read_text())
        return Domain(deployment["chain_id"], deployment["escrow"])
    except (OSError, ValueError, KeyError) as error:
        raise BadSettings(f"deployment_file {settings.deployment_file}: {error!r}.") from None


def now_ms() -> int:
    """Milliseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1_000_000
