"""A worker that keeps warm for jobs of others, with a real child and journal, at a door that is played by the test."""

import asyncio
import errno
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from services.execution.tests.test_worker import KEY, PROVIDER, Site, granted
from tests.played import DOMAIN, WAIT_S, PlayedDoor, until

from assay.execution.settings import Settings
from assay.execution.worker import Worker
from assay.proof.commitment import check_chain
from assay.proof.digest import blake3_hex
from assay.proof.order import spec_digest
from assay.proof.sealed import KEY_BYTES, seal_blob
from assay.runtime.cache import Keyring
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseCommitted, LeaseExecuted, LeaseGranted, ResumePoint
from assay.schema.spare import CALLED, SpareAdvanced, SpareEnded, SpareGranted, SpareWarmed
from assay.schema.values import derive_id
from assay.store.journal import Journal
from assay.workloads.noop import Noop, NoopParams
from assay.workloads.runner import Runner

DATA = b"what the job reads"
SEGMENTS = 6
SPEC = JobSpec(
    kind="noop", params={"segments": SEGMENTS}, inputs=(blake3_hex(DATA),), segments=SEGMENTS, segment_units=1
)


class Counting(PlayedDoor):
    """A door that writes down which blobs were fetched, to a disk that may be full."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.is_full = False

    async def save(self, digest: str, path: Path) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, "full")
        await super().save(digest, path)
        self.fetched.append(digest)


class Warm(Site):
    """A machine whose offer keeps warm."""

    door: Counting
    is_preloaded = False

    def start(self) -> None:
        files = {name: self.folder / name for name in ("key_file", "deployment_file", "models_dir")}
        settings = Settings(
            **files,
            data_dir=self.folder,
            private_dir=self.folder / "private",
            kinds=("noop", "finetune"),
            preload=self.is_preloaded,
            spare=True,
            slots=2,
            beat_s=0.2,
        )
        self.journal = Journal(self.folder / "journal.sqlite")
        self.worker = Worker(settings, KEY, DOMAIN, self.door, self.journal, self.now)
        self.run()

    def runners(self) -> list[Runner]:
        warm = [spare.child for spare in self.worker._spares._spares.values() if spare.child]
        return [*super().runners(), *warm]

    @property
    def warmed(self) -> list[int | None]:
        """The segments after which it said it was warm."""
        return [said.segment for said in self.door.said(SpareWarmed)]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Warm]:
    door = Counting()
    await door.put(DATA)
    site = Warm(tmp_path, door)
    site.start()
    yield site
    await site.crash()


def fact(spec: JobSpec = SPEC, number: int = 1) -> dict[str, str]:
    return {"spare_id": derive_id("k", number), "job_id": derive_id("j", spec.segments), "provider": PROVIDER}


async def until_warm(site: Warm, segment: int) -> None:
    """Until what is kept warm stands there."""
    await until(lambda: site.warmed[-1] == segment)


async def points(site: Warm) -> list[ResumePoint]:
    """Where the job's lease, which another provider has, is after each of its segments; checkpoints are stored."""
    work, params = Noop(), NoopParams(segments=SEGMENTS)
    link = work.start(params, None)
    found = []
    for segment in range(SEGMENTS):
        link = work.run(params, None, link, segment, lambda progress: None).state
        digest = await site.door.put(link)
        found.append(
            ResumePoint(segment=segment, state=work.digest(link), checkpoint=digest, commitment=blake3_hex(link))
        )
    return found


def called(point: ResumePoint) -> LeaseGranted:
    """The lease that goes on from there."""
    return granted(spec=SPEC, job_id=derive_id("j", SEGMENTS), fence=2, resume=point)


async def test_a_spare_has_what_its_job_reads_and_takes_each_checkpoint(site: Warm) -> None:
    told = await points(site)
    await site.grant(SpareGranted(**fact(), spec=SPEC, deadline_ms=2**50))
    await until(lambda: site.warmed == [None])
    for point in told[:2]:
        await site.grant(SpareAdvanced(**fact(), point=point))
        await until_warm(site, point.segment)
    assert site.door.fetched == [blake3_hex(DATA), *(point.checkpoint for point in told[:2])]


async def test_a_spare_that_is_called_fetches_nothing_and_goes_on_in_the_child_that_is_warm(site: Warm) -> None:
    point = (await points(site))[2]
    await site.grant(SpareGranted(**fact(), spec=SPEC, resume=point, deadline_ms=2**50))
    await until(lambda: site.warmed == [2])
    (spare,) = site.worker._spares._spares.values()
    child, pid, before = spare.child, spare.child.pid, list(site.door.fetched)
    lease = called(point)
    await site.grant(lease)
    await site.grant(SpareEnded(**fact(), code=CALLED, reason="Its provider was granted the job's lease."))
    await until(lambda: site.door.said(LeaseExecuted))
    commits = site.door.said(LeaseCommitted)
    assert [commit.segment for commit in commits] == [3, 4, 5]
    check_chain(commits, spec_digest(SPEC), resume=point)
    assert site.door.fetched == before and child.pid == pid is not None


async def test_a_lease_never_waits_for_a_spare(site: Warm) -> None:
    await site.grant(SpareGranted(**fact(), spec=SPEC, deadline_ms=2**50))
    await until(lambda: site.warmed)
    await site.grant(granted(segments=3))
    await until(lambda: site.door.said(LeaseExecuted))
    assert site.worker._spares.ids == [fact()["spare_id"]]


async def test_a_spare_is_named_in_heartbeats_until_it_is_let_go(site: Warm) -> None:
    await site.grant(SpareGranted(**fact(), spec=SPEC, deadline_ms=2**50))
    await until(lambda: site.warmed)
    assert site.worker._spares.ids == [fact()["spare_id"]]
    await site.grant(SpareEnded(**fact(), code="job.over", reason="The job has ended."))
    await until(lambda: not site.worker._spares.ids and not site.worker._idle.empty())


async def test_a_job_that_this_machine_cannot_do_is_kept_warm_by_another(site: Warm) -> None:
    params = {"model": "d" * 64, "data": blake3_hex(DATA), "steps": 1, "segment_steps": 1}
    spec = SPEC.model_copy(update={"kind": "finetune", "params": params, "segments": 1})
    await site.grant(SpareGranted(**fact(spec), spec=spec, deadline_ms=2**50))
    await until(lambda: not site.worker._spares.ids)
    assert site.warmed == []


async def test_a_spares_child_is_lent_and_taken_again(site: Warm) -> None:
    await site.grant(SpareGranted(**fact(), spec=SPEC, deadline_ms=2**50))
    await until(lambda: site.warmed)
    (spare,) = site.worker._spares._spares.values()
    (child,) = await site.worker._spares.lend()
    assert spare.child is None and site.worker._idle.empty()
    await site.worker._free(child)
    await until(lambda: spare.child is child)


async def test_a_sealed_input_is_forgotten_with_the_spare_and_not_when_its_child_is_lent(site: Warm) -> None:
    key, forgotten = bytes(KEY_BYTES), list[str]()

    async def give(digest: str) -> bytes:
        return key

    site.worker._tools.cache._keyring = Keyring(give, forgotten.append)
    digest = await site.door.put(b"".join(seal_blob(key, BytesIO(DATA), len(DATA))))
    spec = SPEC.model_copy(update={"inputs": (digest,), "sealed": (digest,)})
    await site.grant(SpareGranted(**fact(), spec=spec, deadline_ms=2**50))
    await until(lambda: site.warmed)
    (spare,) = site.worker._spares._spares.values()
    (child,) = await site.worker._spares.lend()
    await site.worker._free(child)
    await until(lambda: spare.child is child)
    assert forgotten == [] and site.door.fetched == [digest]
    await site.grant(SpareEnded(**fact(), code="job.over", reason="The job has ended."))
    await until(lambda: forgotten == [digest])


async def test_a_planned_exit_lets_a_spare_go(site: Warm) -> None:
    await site.grant(SpareGranted(**fact(), spec=SPEC, deadline_ms=2**50))
    await until(lambda: site.warmed)
    await site.drain()
    assert site.worker._spares.ids == []


async def test_a_spare_that_is_let_go_while_its_child_is_lent_stays_gone(site: Warm) -> None:
    await site.grant(SpareGranted(**fact(), spec=SPEC, deadline_ms=2**50))
    await until(lambda: site.warmed)
    (spare,) = site.worker._spares._spares.values()
    lent = asyncio.create_task(site.worker._spares.lend())
    await asyncio.sleep(0)
    await site.grant(SpareEnded(**fact(), code="job.over", reason="The job has ended."))
    (child,) = await lent
    assert spare.work is not None and spare.work.done() and spare.child is None
    await site.worker._free(child)
    assert site.worker._idle.qsize() == 1


async def test_two_who_need_children_at_once_get_one_each(site: Warm) -> None:
    await site.grant(SpareGranted(**fact(), spec=SPEC, deadline_ms=2**50))
    await until(lambda: site.warmed)
    other = Runner(site.folder / "child-9.log", site.runners()[0].policy)
    site.worker._idle.put_nowait(other)
    await site.grant(SpareGranted(**fact(number=2), spec=SPEC, deadline_ms=2**50))
    await until(lambda: len(site.warmed) == 2)
    spares = site.worker._spares
    async with asyncio.timeout(WAIT_S):
        one, two = await asyncio.gather(spares.child_for("ja"), spares.child_for("jb"))
    assert one is not two and spares._waiting == 0
    for child in (one, two):
        await child.kill()


async def test_a_child_that_died_as_a_spare_is_alive_again_when_it_is_idle(site: Warm) -> None:
    await site.crash()
    site.is_preloaded = True
    site.start()
    await site.grant(SpareGranted(**fact(), spec=SPEC, deadline_ms=2**50))
    await until(lambda: site.warmed)
    (child,) = site.runners()
    await child.kill()
    await site.grant(SpareEnded(**fact(), code="job.over", reason="The job has ended."))
    await until(lambda: not site.worker._idle.empty())
    assert child.pid is not None


async def test_nothing_is_kept_warm_for_work_that_executes_programs(site: Warm) -> None:
    spec = SPEC.model_copy(update={"kind": "command"})
    await site.grant(SpareGranted(**fact(spec), spec=spec, deadline_ms=2**50))
    await until(lambda: not site.worker._spares.ids)
    assert site.door.fetched == [] and site.warmed == []


async def test_a_spare_whose_disk_is_full_is_none_and_its_child_is_idle(site: Warm) -> None:
    (point, *_) = await points(site)
    await site.grant(SpareGranted(**fact(), spec=SPEC, deadline_ms=2**50))
    await until(lambda: site.warmed)
    site.door.is_full = True
    await site.grant(SpareAdvanced(**fact(), point=point))
    await until(lambda: not site.worker._spares.ids and not site.worker._idle.empty())
