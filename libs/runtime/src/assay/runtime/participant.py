"""How a participant's worker takes part: with its key, at the door, with a journal, until it is told to stop."""

import asyncio
import fcntl
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from assay.bus.keyfile import load_key
from assay.bus.participant import Door, connect_participant
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.runtime.probes import HttpServer, ProbeApp, probe_app
from assay.runtime.reach import reach
from assay.runtime.settings import ProcessSettings
from assay.runtime.telemetry import Telemetry
from assay.schema.errors import BadSettings
from assay.store.journal import Journal

Memory = TypeVar("Memory", bound=Journal)

WORKER: Final = "worker.pid"
"""Whose process works in a data folder; `assay provider drain` and `assay verifier drain` read it."""

log = logging.getLogger(__name__)


class ParticipantSettings(ProcessSettings):
    """What every worker of a participant knows."""

    key_file: Path
    """The participant's private key, 0600. Its address is the id; losing it loses stake and earnings."""
    deployment_file: Path
    """The contracts' addresses, as `assay chain deploy` wrote them: what signatures are bound to."""
    data_dir: Path
    """Journal and scratch. Keep it over restarts, or what is in hand lapses."""


@dataclass(frozen=True, slots=True)
class Part(Generic[Memory]):
    """What a worker takes part with."""

    key: Key
    domain: Domain
    door: Door
    journal: Memory
    telemetry: Telemetry


class Worker(Protocol):
    """Whoever works until it is told to stop, and then drains."""

    async def run(self, stopping: asyncio.Event) -> None: ...


@asynccontextmanager
async def taking_part(
    name: str, settings: ParticipantSettings, stopping: asyncio.Event, journal: Callable[[Path], Memory]
) -> AsyncIterator[Part[Memory]]:
    """A part for as long as the block. Raises BadSettings, Unreachable."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    key, domain = load_key(settings.key_file), read_domain(settings.deployment_file)
    async with AsyncExitStack() as ending:
        ending.enter_context(alone_in(settings.data_dir))
        door = await reach(
            lambda: connect_participant(settings.nats_url, settings.nats_creds_file), settings.start_s, stopping
        )
        telemetry = Telemetry(name, settings.trace_ratio, settings.otlp_endpoint)
        ending.callback(telemetry.close)
        memory = journal(settings.data_dir / "journal.sqlite")
        ending.callback(memory.close)
        # Closed first: what the door still hands in is written down.
        ending.push_async_callback(door.close)
        yield Part(key, domain, door, memory, telemetry)


@contextmanager
def alone_in(data_dir: Path) -> Iterator[None]:
    """While it is open no other worker works in the folder. The kernel frees it however this one ends.

    Two on one journal would each sign what the other has not read yet, which costs stake. Raises BadSettings.
    """
    with (data_dir / WORKER).open("a") as note:
        try:
            fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadSettings(f"Another worker works in {data_dir}: drain it, or name another data folder.") from None
        except OSError as error:
            raise BadSettings(f"{data_dir} cannot be held by one worker: {error.strerror}.") from None
        note.truncate(0)
        note.write(str(os.getpid()))
        note.flush()
        yield


async def work(worker: Worker, probes: ProbeApp, settings: ProcessSettings, stopping: asyncio.Event) -> None:
    """Have a worker work, and answer probes meanwhile."""
    http = HttpServer(probes, settings)
    log.info("listens", extra={"host": settings.http_host, "port": http.port})
    probed = asyncio.create_task(http.run_until(stopping))
    await worker.run(stopping)
    await probed


def probes_of(door: Door, metrics: Callable[[], bytes]) -> ProbeApp:
    """What an orchestrator asks a worker: it is ready while it reaches the gateway."""

    async def problem() -> str:
        return "" if door.is_connected else "no bus"

    return probe_app(problem, metrics)


def read_domain(deployment_file: Path) -> Domain:
    """Where a participant's signatures count. Raises BadSettings."""
    try:
        deployment = json.loads(deployment_file.read_text())
        return Domain(deployment["chain_id"], deployment["payment"])
    except (OSError, ValueError, KeyError) as error:
        raise BadSettings(f"deployment_file {deployment_file}: {error!r}.") from None


def now_ms() -> int:
    """Milliseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1_000_000
