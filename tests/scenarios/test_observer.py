"""A third party with credentials of its own reads what is public, live and from a cursor, and can do nothing else."""

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from tests.network import REGION, ROOT, STEADY, WITHIN_S, Net

from assay.schema.event import REGISTRY
from assay.schema.values import Role

pytestmark = pytest.mark.server

GUIDE = (ROOT / "docs/guides/observe.md").read_text()
LIVE, REPLAY = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture(scope="module")
async def creds(net: Net, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An observer's credentials, as the operator hands them over."""
    file = tmp_path_factory.mktemp("observer") / "observer.creds"
    file.write_text((await net.devnet.registrar.grant(Role.OBSERVER, "", "an observer")).creds_text)
    return file


@asynccontextmanager
async def running(code: str, *words: object) -> AsyncIterator[asyncio.StreamReader]:
    """What a snippet prints while it runs."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, *map(str, words), stdout=PIPE)
    assert process.stdout
    try:
        yield process.stdout
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_an_observer_hears_live_what_happens(net: Net, creds: Path) -> None:
    assert LIVE in (ROOT / "README.md").read_text(), "the first page shows another program than the guide"
    subjects = [event.subjects() for name, event in REGISTRY.items() if event.public and name.startswith("job.")]
    heard: list[str] = []
    async with running(LIVE, net.devnet.servers.nats_url, creds, *subjects) as lines, asyncio.timeout(WITHIN_S):
        # The snippet does not say when it listens, so jobs are submitted until one is heard.
        while not any("job.submitted" in line for line in heard):
            await net.submit(1, REGION[STEADY])
            heard += await lines_within(lines, 1.0)
        job_id = json.loads(next(line for line in heard if "job.submitted" in line).split(maxsplit=2)[2])["job_id"]
        while not any("job.settled" in line and job_id in line for line in heard):
            heard += await lines_within(lines, 1.0)
    types = [line.split()[0] for line in heard if job_id in line and "job.waiting" not in line]
    assert types[0] == "assay.job.submitted" and types[-1] == "assay.job.settled" and len(types) == 7


async def lines_within(stream: asyncio.StreamReader, wait_s: float) -> list[str]:
    """The lines that come until nothing has come for a while."""
    found: list[str] = []
    while True:
        try:
            found.append((await asyncio.wait_for(stream.readline(), wait_s)).decode())
        except TimeoutError:
            return found


async def test_an_observer_reads_the_past_from_a_cursor(net: Net, creds: Path) -> None:
    await net.ended(await net.submit(1, REGION[STEADY]))
    known = len(net.chronicle.said)
    async with asyncio.timeout(WITHIN_S), running(REPLAY, net.devnet.servers.nats_url, creds, 0) as lines:
        whole = (await lines.read()).decode().splitlines()
    numbers = [int(line.split()[0]) for line in whole]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= known
    types = [f"assay.{said.event.type}" for said in net.chronicle.said[:known]]
    assert [line.split()[1] for line in whole[:known]] == types
    async with asyncio.timeout(WITHIN_S), running(REPLAY, net.devnet.servers.nats_url, creds, known - 3) as lines:
        assert [int((await lines.readline()).split()[0]) for _ in range(3)] == [known - 2, known - 1, known]


FORBIDDEN = (">", "assay.>", "ingest.>", "cmd.>", "assay.beat.*", "$JS.API.>", "$SYS.>", "assay.dead.>", "ask.>")
UNSAYABLE = ("ingest.job.submitted.x", "ingest.beat", "assay.job.settled.settlement.x", "assay.beat.x", "$JS.API.INFO")


async def test_an_observer_can_read_and_say_nothing_else(net: Net, creds: Path) -> None:
    denied: list[str] = []

    async def on_error(error: Exception) -> None:
        denied.append(str(error).lower())

    connection = await nats.connect(net.devnet.servers.nats_url, user_credentials=str(creds), error_cb=on_error)
    try:
        for subject in FORBIDDEN:
            await connection.subscribe(subject)
        for subject in UNSAYABLE:
            await connection.publish(subject, b"{}")
        await connection.flush()
        await connection.flush()
        assert [subject for subject in FORBIDDEN if not is_in(denied, "subscription", subject)] == []
        assert [subject for subject in UNSAYABLE if not is_in(denied, "publish", subject)] == []
        assert await refusal(connection, "ask.jobs", {}) == "access.denied"
        data = await net.assay.upload(b"a requester's own data")
        assert await refusal(connection, "ask.blob", {"digest": data, "offset": 0}) == "access.denied"
    finally:
        await connection.close()


def is_in(denied: list[str], what: str, subject: str) -> bool:
    """Whether the server has said that this is not allowed."""
    return any("permissions violation" in line and what in line and f'"{subject.lower()}"' in line for line in denied)


async def refusal(connection: Client, subject: str, body: dict[str, object]) -> str | None:
    """The code with which a question is refused."""
    answer = await connection.request(subject, json.dumps(body).encode(), timeout=60)
    return (answer.headers or {}).get("assay-error")
