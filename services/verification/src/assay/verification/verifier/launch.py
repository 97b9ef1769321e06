"""Puts a verifier's worker together, runs it until it is told to stop, and says how it ended."""

import asyncio
import logging
from collections.abc import Callable
from typing import NoReturn

import prometheus_client as prometheus

from assay.runtime import launch as launch_process
from assay.runtime.participant import now_ms, probes_of, taking_part, work
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
    async with taking_part("verifier", settings, stopping, AuditJournal) as part:
        worker = Worker(settings, part.key, part.domain, part.door, part.journal, now_ms, find, part.telemetry)
        log.info("verifier %s is at work", worker.verifier)
        await work(worker, probes_of(part.door, metrics_of(worker)), settings, stopping)


def metrics_of(worker: Worker) -> Callable[[], bytes]:
    """The worker's figures, as they are when they are asked for."""
    registry = prometheus.CollectorRegistry()
    audits = prometheus.Gauge("assay_verifier_audits", "Audits in hand.", registry=registry)
    waiting = prometheus.Gauge("assay_verifier_journal_waiting", "Statements not taken yet.", registry=registry)

    def text() -> bytes:
        audits.set(worker.in_hand)
        waiting.set(worker.journal.waiting())
        return prometheus.generate_latest(registry)

    return text
