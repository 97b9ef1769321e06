"""The worker with a real child process and a real journal, at a door that is played by the test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from assay.bus.feed import FeedItem
from assay.execution.settings import Settings
from assay.execution.worker import Worker
from assay.proof.commitment import check_chain, root_of
from assay.proof.digest import blake3_hex
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.proof.order import spec_digest
from assay.proof.statement import check_signature
from assay.schema.errors import Refused, Unreachable
from assay.schema.event import Envelope, Event
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseCommitted, LeaseExecuted, LeaseGranted, LeaseLapsed
from assay.schema.values import Role, derive_id, participant_id
from assay.store.journal import Journal
from assay.workloads.machine import own_class_id

KEY = Key.from_hex("1" * 64)
PROVIDER = participant_id(Role.PROVIDER, KEY.address)
DOMAIN = Domain(31337, "0x" + "5" * 40)
WAIT_S = 20.0


class PlayedDoor:
    """What the gateway would do: takes statements, keeps a feed, holds blobs; refuses or hangs when told to."""

    def __init__(self) -> None:
        self.told: list[Envelope[Event]] = []
        self.items: list[FeedItem] = []
        self.held: dict[str, bytes] = {}
        self.refuse: Callable[[Event], str | None] = lambda event: None
        self.is_away = False
        self.blobs = self
        self._push: Any = None

    async def tell(self, envelope: Envelope[Event]) -> None:
        if self.is_away:
            raise Unreachable("away")
        code = self.refuse(envelope.event)
        if code:
            raise Refused(code)
        check_signature(envelope, DOMAIN)
        self.told.append(envelope)

    async def beat(self, data: bytes) -> None: ...

    async def feed(self, on_push: Any) -> None:
        self._push = on_push

    async def replay(self, after: int, limit: int = 256) -> list[FeedItem]:
        return [item for item in self.items if item.seq > after][:limit]

    async def get(self, digest: str) -> bytes:
        if digest not in self.held:
            raise Refused("blob.missing", digest)
        return self.held[digest]

    async def put(self, data: bytes) -> str:
        self.held[blake3_hex(data)] = data
        return blake3_hex(data)

    async def grant(self, event: Event) -> None:
        said = Envelope.wrap(event, "matching", 1_790_000_000_000, cause="e" + "a" * 26)
        self.items.append(FeedItem(len(self.items) + 1, said.headers(), said.data))
        if self._push:
            await self._push(self.items[-1])

    def said(self, *kinds: type[Event]) -> list[Any]:
        return [envelope.event for envelope in self.told if isinstance(envelope.event, kinds)]

    def types(self) -> list[str]:
        return [e.event.type for e in self.told if e.event.entity() == "lease"]


def granted(segments: int = 4, fence: int = 1, **changes: Any) -> LeaseGranted:
    spec = JobSpec(kind="noop", params={"segments": segments}, segments=segments, segment_units=1)
    fields: dict[str, Any] = {
        "lease_id": derive_id("l", segments, fence),
        "job_id": derive_id("j", segments),
        "provider": PROVIDER,
        "fence": fence,
        "requester": "r" + "a" * 32,
        "offer_id": "f" + "a" * 26,
        "spec": spec,
        "mega_unit_price": 1,
        "deadline_ms": 2**50,
    }
    return LeaseGranted(**(fields | changes))


class Site:
    """A provider's machine: one data folder over several starts of its worker."""

    def __init__(self, folder: Path, door: PlayedDoor) -> None:
        self.folder, self.door = folder, door
        self._clock = 1_790_000_000_000
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._stop = asyncio.Event()
        settings = Settings(
            key_file=self.folder / "key",
            deployment_file=self.folder / "deployment",
            data_dir=self.folder,
            models_dir=self.folder,
        )
        self.journal = Journal(self.folder / "journal.sqlite")
        self.worker = Worker(settings, KEY, DOMAIN, self.door, self.journal, self.now)  # type: ignore[arg-type]
        self._task = asyncio.create_task(self.worker.run(self._stop))

    def now(self) -> int:
        self._clock += 1
        return self._clock

    async def drain(self) -> None:
        self._stop.set()
        assert self._task is not None
        await asyncio.wait_for(self._task, WAIT_S)

    async def crash(self) -> None:
        assert self._task is not None
        for task in [self._task, *self.worker._tasks]:
            task.cancel()
        await asyncio.gather(self._task, *self.worker._tasks, return_exceptions=True)
        for run in self.worker._runs.values():
            if run._runner:
                await run._runner.kill()
        self.journal.close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path, PlayedDoor())
    site.start()
    yield site
    if site._task and not site._task.done():
        await site.crash()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_granted_lease_is_worked_to_its_end_and_every_statement_is_signed_and_chained(site: Site) -> None:
    lease = granted()
    await site.door.grant(lease)
    await until(lambda: site.door.said(LeaseExecuted))
    commits = site.door.said(LeaseCommitted)
    assert site.door.types() == ["lease.started", *["lease.committed"] * 4, "lease.executed"]
    check_chain(commits, spec_digest(lease.spec))
    assert {commit.machine for commit in commits} == {own_class_id()}
    (executed,) = site.door.said(LeaseExecuted)
    assert executed.root == root_of(commits, spec_digest(lease.spec))
    assert executed.result in site.door.held and all(c.checkpoint in site.door.held for c in commits)


async def test_an_offer_stands_before_any_lease(site: Site) -> None:
    await until(lambda: [e for e in site.door.told if e.event.type == "offer.announced"])


async def test_what_is_said_while_the_gateway_is_away_arrives_later_in_order(site: Site) -> None:
    site.door.is_away = True
    await site.door.grant(granted())
    await until(lambda: len(site.journal.said(granted().lease_id)) == 6)
    assert site.door.types() == []
    site.door.is_away = False
    await until(lambda: site.door.said(LeaseExecuted))
    assert site.door.types() == ["lease.started", *["lease.committed"] * 4, "lease.executed"]


async def test_a_lease_carries_on_after_a_crash_from_what_the_journal_holds(site: Site) -> None:
    lease = granted(segments=300)
    await site.door.grant(lease)
    await until(lambda: len(site.door.said(LeaseCommitted)) > 20)
    await site.crash()
    done = len(site.door.said(LeaseCommitted))
    assert not site.door.said(LeaseExecuted)
    site.start()
    await until(lambda: site.door.said(LeaseExecuted))
    commits = {c.segment: c for c in site.door.said(LeaseCommitted)}
    assert len(commits) == 300 and len(site.door.said(LeaseCommitted)) <= 300 + 2 and done < 300
    check_chain([commits[n] for n in range(300)], spec_digest(lease.spec))


async def test_a_lapsed_lease_is_dropped_at_once_and_nothing_more_is_said_of_it(site: Site) -> None:
    lease = granted(segments=5_000)
    await site.door.grant(lease)
    await until(lambda: site.door.said(LeaseCommitted))
    facts = {name: getattr(lease, name) for name in ("lease_id", "job_id", "provider", "fence")}
    await site.door.grant(LeaseLapsed(**facts, code="lease.silent", reason="silent"))
    await until(lambda: not site.worker._runs)
    assert not site.door.said(LeaseExecuted) and site.journal.open_leases() == []
    await site.door.grant(granted(segments=3))
    await until(lambda: site.door.said(LeaseExecuted))


async def test_a_stale_fence_stops_the_work(site: Site) -> None:
    site.door.refuse = lambda event: "fence.stale" if isinstance(event, LeaseCommitted) else None
    await site.door.grant(granted(segments=5_000))
    await until(lambda: site.journal.has_lease(granted(segments=5_000).lease_id) and not site.worker._runs)
    assert not site.door.said(LeaseExecuted)


async def test_a_planned_exit_ends_the_segment_in_hand_and_releases_the_lease(site: Site) -> None:
    await site.door.grant(granted(segments=5_000))
    await until(lambda: site.door.said(LeaseCommitted))
    await site.drain()
    types = site.door.types()
    assert types[-1] == "lease.released" and "offer.withdrawn" in [e.event.type for e in site.door.told]
    assert len(site.door.said(LeaseCommitted)) == len([c for c in site.journal.committed(granted(5_000).lease_id)])


async def test_a_job_that_cannot_be_done_fails_with_its_code(site: Site) -> None:
    spec = JobSpec(kind="noop", params={"segments": 4, "payload": 7}, segments=4, segment_units=1)
    await site.door.grant(granted(spec=spec))
    await until(lambda: site.door.types())
    (failed,) = site.door.told[-1:]
    assert (failed.event.type, getattr(failed.event, "code", "")) == ("lease.failed", "workload.bad_params")


async def test_a_plan_that_is_not_the_kinds_own_is_refused(site: Site) -> None:
    spec = JobSpec(kind="noop", params={"segments": 4}, segments=2, segment_units=2)
    await site.door.grant(granted(spec=spec))
    await until(lambda: site.door.types())
    assert site.door.types() == ["lease.failed"]


async def test_a_missing_input_fails_the_job_and_blames_nobody_else(site: Site) -> None:
    spec = JobSpec(kind="noop", params={"segments": 4}, inputs=("d" * 64,), segments=4, segment_units=1)
    await site.door.grant(granted(spec=spec))
    await until(lambda: site.door.types())
    assert getattr(site.door.told[-1].event, "code", "") == "job.missing_input"
