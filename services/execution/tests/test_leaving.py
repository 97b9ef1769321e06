"""A worker that leaves takes nothing on any more; one whose child cannot start, or says very much, goes on."""

import asyncio
import errno
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from services.execution.tests.test_worker import Site, granted
from tests.played import PlayedDoor, until

from assay.execution.lease_run import LeaseRun
from assay.execution.offering import Offering
from assay.schema.event import Event
from assay.schema.lease import METRICS_MAX, LeaseCommitted, LeaseExecuted, LeaseReleased
from assay.workloads.runner import Runner
from assay.workloads.task import Message, Progressed, SegmentDone, Task


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    # It offers itself anew every moment.
    monkeypatch.setattr(Offering, "_while_held", lambda *_: asyncio.sleep(0.01))
    site = Site(tmp_path, PlayedDoor())
    site.start()
    yield site
    await site.crash()


async def test_a_worker_that_drains_is_offered_no_more_and_gives_back_what_was_granted_meanwhile(site: Site) -> None:
    await site.grant(granted(5_000))
    await until(lambda: site.door.said(LeaseCommitted))
    is_held = True

    def refuse(event: Event) -> str | None:
        return "event.ahead" if isinstance(event, LeaseReleased) and is_held else None

    site.door.refuse = refuse
    draining = asyncio.create_task(site.drain())
    await until(lambda: "offer.withdrawn" in [said.event.type for said in site.door.told])
    late = granted(4_000)
    await site.grant(late)
    await until(lambda: late.lease_id in site.worker._runs)
    is_held = False
    await draining
    assert {released.lease_id for released in site.door.said(LeaseReleased)} == {granted(5_000).lease_id, late.lease_id}
    offers = [said.event.type for said in site.door.told if said.event.type.startswith("offer")]
    assert offers[-1] == "offer.withdrawn" and site.journal.open_leases() == []
    assert not site.runners()


async def test_a_child_that_cannot_be_started_at_once_is_there_for_the_next_lease(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: not site.worker._idle.empty())
    spawn, fails = Runner._spawn, [True]

    async def failing(self: Runner) -> asyncio.subprocess.Process:
        if fails:
            fails.pop()
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        return await spawn(self)

    site.worker._loaded = ("noop",)
    await site.grant(granted(5_000))
    await until(lambda: site.door.said(LeaseCommitted))
    monkeypatch.setattr(Runner, "_spawn", failing)
    await site.worker._runs[granted(5_000).lease_id].drop()
    await until(lambda: not fails and not site.worker._idle.empty())
    await site.grant(granted(3))
    await until(lambda: site.door.said(LeaseExecuted))


async def test_a_child_that_measures_very_much_silences_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    much = {f"measure-{number}": 1.0 for number in range(9_000)}

    async def messages(run: LeaseRun, runner: Runner, task: Task) -> AsyncIterator[Message]:
        async for message in runner.run(task, 60.0):
            if isinstance(message, SegmentDone):
                yield Progressed(segment=message.segment, done=1, total=2, metrics=much)
                message = message.model_copy(update={"metrics": much})
            yield message

    monkeypatch.setattr(LeaseRun, "messages", messages)
    await site.grant(granted(5_000))
    await until(lambda: len(site.door.said(LeaseCommitted)) > 1)
    (alive,) = site.worker._alive().values()
    assert len(json.dumps(alive)) < 2_000 and alive["done"] == 1
    assert all(len(said.metrics) <= METRICS_MAX for said in site.door.said(LeaseCommitted))
