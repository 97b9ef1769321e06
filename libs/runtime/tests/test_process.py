"""A service as a real process over real servers: how it starts, answers, drains, and with which code it ends."""

import asyncio
import json
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from libs.runtime.tests.toy import HANDLERS, funded, said, submitted, until

from assay.bus.jetstream import JetStreamBus, connect
from assay.bus.permissions import permissions_of
from assay.schema.errors import EXIT_DRAINED, EXIT_MISMATCH, EXIT_SETTINGS, EXIT_UNREACHABLE, Refused, Unreachable
from assay.schema.job import JobMatched, JobStarted
from assay.schema.lease import LeaseGranted
from assay.schema.values import Role

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[3]
JOBS = 300

Start = Callable[..., Awaitable["Process"]]


class Process:
    """One replica: its process, and what it logged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._reading = asyncio.create_task(self._read())

    async def port(self) -> int:
        """The HTTP port, once it is open."""

        async def listens() -> list[int]:
            assert self.process.returncode is None, self.lines
            return [line["port"] for line in self.lines if line["say"] == "listens"]

        return (await until(listens, "listening"))[0]

    async def is_ready(self) -> bool:
        return await self.get("/readyz") == (200, "ready")

    async def get(self, path: str) -> tuple[int, str]:
        return await asyncio.to_thread(fetch, f"http://127.0.0.1:{await self.port()}{path}")

    async def code(self) -> int:
        """The exit code, once the process has ended."""
        code = await asyncio.wait_for(self.process.wait(), 120)
        await self._reading
        return code

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await self.code()

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for raw in self.process.stderr:
            text = raw.decode()
            self.lines.append(json.loads(text) if text.startswith("{") else {"say": text})


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


@pytest.fixture
def environment(nats_core: Any, nats_network: Any, nats_server: Any, schema_dsn: str) -> dict[str, str]:
    """What the toy is told; its credentials permit what its tables say and no more."""
    may = permissions_of(Role.MATCHING, HANDLERS, (JobMatched, JobStarted, LeaseGranted))
    creds = nats_server.creds_file("toy", nats_network.service_creds("matching", may.publish, may.subscribe))
    return {
        "ASSAY_MATCHING_NATS_URL": nats_core.url,
        "ASSAY_MATCHING_NATS_CREDS_FILE": str(creds),
        "ASSAY_MATCHING_NATS_MONITORING_URL": nats_server.monitor_url,
        "ASSAY_MATCHING_POSTGRES_DSN": schema_dsn,
        "ASSAY_MATCHING_START_S": "5",
    }


@pytest.fixture
async def start(environment: dict[str, str], migrations: Path) -> AsyncIterator[Start]:
    """Starts replicas; those left over are killed."""
    started: list[Process] = []

    async def run(*words: str, **changes: str) -> Process:
        told = os.environ | environment | {f"ASSAY_MATCHING_{name.upper()}": text for name, text in changes.items()}
        command = ("-m", "libs.runtime.tests.toy_main", str(migrations), *words)
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=ROOT, env=told, stderr=asyncio.subprocess.PIPE
        )
        started.append(Process(process))
        return started[-1]

    yield run
    for replica in started:
        if replica.process.returncode is None:
            replica.process.kill()
            await replica.process.wait()


@pytest.fixture
async def bus(nats_core: Any) -> AsyncIterator[JetStreamBus]:
    """A connection of the test's own."""
    bus = await connect(nats_core.url, nats_core.creds_file, "test")
    yield bus
    await bus.close()


async def test_it_is_ready_answers_measures_and_drains(start: Start, bus: JetStreamBus) -> None:
    toy = await start()
    await until(toy.is_ready, "ready")
    await bus.publish([said(submitted(n)) for n in range(JOBS)])

    async def jobs() -> bool:
        try:
            answer = await bus.ask("assay.ask.matching.jobs", b"{}")
        except Unreachable:
            return False
        return json.loads(answer.data) == {"jobs": JOBS}

    await until(jobs, "answer")
    assert f'assay_events_consumed_total{{event="job.submitted"}} {JOBS}.0' in (await toy.get("/metrics"))[1]
    with pytest.raises(Refused, match=r"access\.denied"):
        await bus.ask("assay.ask.matching.jobs", b'{"secret": true}')
    with pytest.raises(Refused, match=r"event\.malformed"):
        await bus.ask("assay.ask.matching.jobs", b"[]")
    assert await toy.get("/livez") == (200, "alive")
    assert await toy.stop() == EXIT_DRAINED
    assert toy.lines[-1]["say"] == "drained"


@pytest.mark.slow
async def test_two_replicas_share_a_durable_and_one_takes_over(
    start: Start, bus: JetStreamBus, schema_dsn: str
) -> None:
    one, other = await start(), await start()
    await until(one.is_ready, "ready")
    await until(other.is_ready, "ready")
    database = await asyncpg.connect(schema_dsn, server_settings={"search_path": "matching"})
    for first in range(0, JOBS, 50):
        await bus.publish([said(event(n)) for n in range(first, first + 50) for event in (submitted, funded)])
        if first == 100:
            one.process.kill()

    async def published() -> bool:
        return bool(
            await database.fetchval(
                "select count(*) = $1 from outbox where published_at > now() - '1h'::interval", 2 * JOBS
            )
        )

    await until(published, "published")
    assert await database.fetchval("select count(*) from job where (submitted, funded) = (1, 1)") == JOBS
    await database.close()
    assert await other.stop() == EXIT_DRAINED


async def test_a_task_that_crashes_ends_the_process(start: Start) -> None:
    toy = await start("crash")
    assert await toy.code() == 1
    assert any("ZeroDivisionError" in line.get("trace", "") for line in toy.lines)


async def test_an_unknown_variable_ends_it_with_the_settings_code(start: Start) -> None:
    toy = await start(natz_url="nats://127.0.0.1:1")
    assert await toy.code() == EXIT_SETTINGS
    assert "ASSAY_MATCHING_NATZ_URL" in toy.lines[0]["say"]


async def test_a_port_that_is_taken_ends_it_with_the_settings_code(start: Start) -> None:
    first = await start()
    second = await start(http_port=str(await first.port()))
    assert await second.code() == EXIT_SETTINGS


@pytest.mark.parametrize(
    "changes",
    [{"nats_url": "nats://127.0.0.1:9"}, {"postgres_dsn": "postgresql://nobody@127.0.0.1:9/nothing"}],
    ids=["nats", "postgres"],
)
async def test_a_server_that_is_not_there_ends_it_with_its_code(start: Start, changes: dict[str, str]) -> None:
    toy = await start(start_s="0.2", **changes)
    assert await toy.code() == EXIT_UNREACHABLE
    assert toy.lines[-1]["code"] == "server.unreachable"


async def test_changed_migrations_end_it_with_the_mismatch_code(start: Start, migrations: Path) -> None:
    toy = await start()
    await until(toy.is_ready, "ready")
    assert await toy.stop() == EXIT_DRAINED
    (migrations / "0001_toy.sql").write_text("select 1")
    toy = await start()
    assert await toy.code() == EXIT_MISMATCH
