"""The worker with a real child process and a real journal, at a door that is played by the test."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from tests.played import DOMAIN, Machine, PlayedDoor, until

from assay.execution.confinement import noted
from assay.execution.settings import Settings
from assay.execution.worker import Worker
from assay.proof.commitment import check_chain, root_of
from assay.proof.job_seal import name_of
from assay.proof.keys import Key
from assay.proof.order import spec_digest
from assay.proof.sealed import KEY_BYTES
from assay.runtime.cache import Keyring
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseCommitted, LeaseExecuted, LeaseGranted, LeaseLapsed, ResumePoint
from assay.schema.values import Role, derive_id, participant_id
from assay.schema.voucher import VoucherPresented
from assay.store.journal import Journal
from assay.workloads.machine import own_class_id
from assay.workloads.runner import Runner
from assay.workloads.sandbox import SandboxUnavailable

KEY = Key.from_hex("1" * 64)
PROVIDER = participant_id(Role.PROVIDER, KEY.address)
BEAT_S = 60.0  # Longer than a test: what is said sooner has a reason.


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


class Site(Machine):
    """A provider's machine."""

    def start(self) -> None:
        settings = Settings(
            key_file=self.folder / "key",
            deployment_file=self.folder / "deployment",
            data_dir=self.folder,
            models_dir=self.folder,
            preload=False,
            beat_s=BEAT_S,
        )
        self.journal = Journal(self.folder / "journal.sqlite")
        self.worker = Worker(settings, KEY, DOMAIN, self.door, self.journal, self.now)
        self.run()

    def runners(self) -> list[Runner]:
        return [run._runner for run in self.worker._runs.values() if run._runner]

    async def grant(self, event: Event) -> None:
        """What matching says."""
        await self.door.say(event, "matching")

    def types(self) -> list[str]:
        """The types of what was told of leases, in order."""
        return [e.event.type for e in self.door.told if e.event.entity() == "lease"]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path, PlayedDoor())
    site.start()
    yield site
    await site.crash()


async def test_a_granted_lease_is_worked_to_its_end_and_every_statement_is_signed_and_chained(site: Site) -> None:
    lease = granted()
    await site.grant(lease)
    await until(lambda: site.door.said(LeaseExecuted))
    commits = site.door.said(LeaseCommitted)
    assert site.types() == ["lease.started", *["lease.committed"] * 4, "lease.executed"]
    check_chain(commits, spec_digest(lease.spec))
    assert {commit.machine for commit in commits} == {own_class_id()}
    (executed,) = site.door.said(LeaseExecuted)
    assert executed.root == root_of(commits, spec_digest(lease.spec))
    assert executed.result in site.door.held and all(c.checkpoint in site.door.held for c in commits)


async def test_an_offer_stands_before_any_lease(site: Site) -> None:
    await until(lambda: [e for e in site.door.told if e.event.type == "offer.announced"])


async def test_who_is_back_over_another_line_says_so_at_once(site: Site) -> None:
    await until(lambda: site.door.beats)
    site.door.line = "S:2"
    site.door.back.set()
    await until(lambda: site.door.beats[-1]["line"] == "S:2")
    assert [beat["line"] for beat in site.door.beats] == ["S:1", "S:2"]


async def test_what_holds_the_children_is_written_down_for_the_one_who_asks(site: Site) -> None:
    await until(lambda: noted(site.folder))
    assert noted(site.folder)["level"] == site.worker.settings.sandbox
    assert {"no_new_privs", "limits"} <= set(noted(site.folder)["layers"])


async def test_a_machine_that_cannot_hold_a_job_has_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    site = Site(tmp_path, PlayedDoor())
    site.start()
    assert site.task is not None
    with pytest.raises(SandboxUnavailable, match="threads"):
        await site.task
    assert site.door.told == [] and noted(tmp_path) == {}
    site.journal.close()


async def test_what_is_said_while_the_gateway_is_away_arrives_later_in_order(site: Site) -> None:
    site.door.is_away = True
    await site.grant(granted())
    # Beyond the first segment none is closed that a kill could take.
    await until(lambda: len(site.journal.said(granted().lease_id)) == 2)
    assert site.types() == []
    site.door.is_away = False
    await until(lambda: site.door.said(LeaseExecuted))
    assert site.types() == ["lease.started", *["lease.committed"] * 4, "lease.executed"]


async def test_a_lease_carries_on_after_a_crash_from_what_the_journal_holds(site: Site) -> None:
    lease = granted(segments=300)
    await site.grant(lease)
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
    await site.grant(lease)
    await until(lambda: site.door.said(LeaseCommitted))
    facts = {name: getattr(lease, name) for name in ("lease_id", "job_id", "provider", "fence")}
    await site.grant(LeaseLapsed(**facts, code="lease.silent", reason="silent"))
    await until(lambda: not site.worker._runs)
    assert not site.door.said(LeaseExecuted) and site.journal.open_leases() == []
    await site.grant(granted(segments=3))
    await until(lambda: site.door.said(LeaseExecuted))


async def test_a_stale_fence_stops_the_work(site: Site) -> None:
    site.door.refuse = lambda event: "fence.stale" if isinstance(event, LeaseCommitted) else None
    await site.grant(granted(segments=5_000))
    await until(lambda: site.journal.has_lease(granted(segments=5_000).lease_id) and not site.worker._runs)
    assert not site.door.said(LeaseExecuted)


@pytest.mark.parametrize(("refusal", "is_named"), [(None, True), ("blob.missing", False)])
async def test_a_lease_that_ended_is_named_until_its_fate_is_told_unless_its_end_is_refused(
    site: Site, refusal: str | None, is_named: bool
) -> None:
    site.door.refuse = lambda event: refusal if isinstance(event, LeaseExecuted) else None
    lease = granted()
    await site.grant(lease)
    await until(lambda: site.journal.has_lease(lease.lease_id) and not site.worker._runs)
    assert (lease.lease_id in site.worker._alive()) == is_named and site.journal.open_leases() == []


async def test_a_planned_exit_ends_the_segment_in_hand_and_releases_the_lease(site: Site) -> None:
    await site.grant(granted(segments=5_000))
    await until(lambda: site.door.said(LeaseCommitted))
    await site.drain()
    types = site.types()
    assert types[-1] == "lease.released" and "offer.withdrawn" in [e.event.type for e in site.door.told]
    assert len(site.door.said(LeaseCommitted)) == len([c for c in site.journal.committed(granted(5_000).lease_id)])


async def test_a_job_that_cannot_be_done_fails_with_its_code(site: Site) -> None:
    spec = JobSpec(kind="noop", params={"segments": 4, "payload": 7}, segments=4, segment_units=1)
    await site.grant(granted(spec=spec))
    await until(lambda: site.types())
    (failed,) = site.door.told[-1:]
    assert (failed.event.type, getattr(failed.event, "code", "")) == ("lease.failed", "workload.bad_params")


async def test_a_plan_that_is_not_the_kinds_own_is_refused(site: Site) -> None:
    spec = JobSpec(kind="noop", params={"segments": 4}, segments=2, segment_units=2)
    await site.grant(granted(spec=spec))
    await until(lambda: site.types())
    assert site.types() == ["lease.failed"]


async def test_a_child_loads_what_a_lease_needs_while_its_inputs_come(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, order = await site.door.put(b"data"), list[object]()
    load, save = Runner.load, site.door.save

    def loaded(runner: Runner, kinds: Any) -> None:
        order.append(kinds)
        load(runner, kinds)

    async def saved(digest: str, path: Path) -> None:
        order.append("fetched")
        await save(digest, path)

    monkeypatch.setattr(Runner, "load", loaded)
    site.door.save = saved
    spec = JobSpec(kind="noop", params={"segments": 4}, inputs=(digest,), segments=4, segment_units=1)
    await site.grant(granted(spec=spec))
    await until(lambda: site.door.said(LeaseExecuted))
    assert order[-2:] == [("noop",), "fetched"]


async def test_a_missing_input_fails_the_job_and_blames_nobody_else(site: Site) -> None:
    missing = JobSpec(kind="noop", params={"segments": 4}, inputs=("d" * 64,), segments=4, segment_units=1)
    await site.grant(granted(spec=missing))
    await until(lambda: "lease.failed" in site.types())
    assert getattr(site.door.told[-1].event, "code", "") == "job.missing_input"


async def test_a_full_disk_hands_the_lease_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "assay.execution.inputs.Cache.publish", Mock(side_effect=OSError(28, "No space left on device"))
    )
    await site.grant(granted(4))
    await until(lambda: "lease.released" in site.types())
    assert "worker.disk" in str(site.door.told[-1]) and "No space left on device" in str(site.door.told[-1])


@pytest.mark.parametrize("left", [b"none", b"y" * 32], ids=["no checkpoint", "another"])
async def test_a_job_that_an_earlier_provider_left_false_fails_by_its_own_code_and_nobody_leaves_over_it(
    site: Site, left: bytes
) -> None:
    checkpoint = await site.door.blobs.put(left)
    resume = ResumePoint(segment=1, state="ab" * 32, checkpoint=checkpoint, commitment="cd" * 32)
    await site.grant(granted(fence=2, resume=resume))
    await until(lambda: site.types())
    (failed,) = [said.event for said in site.door.told if said.event.entity() == "lease"]
    assert (failed.type, getattr(failed, "code", "")) == ("lease.failed", "job.false_checkpoint")


async def test_a_checkpoint_that_the_jobs_key_does_not_open_is_an_earlier_providers_fault(site: Site) -> None:
    async def give(name: str) -> bytes:
        return bytes(KEY_BYTES)

    site.worker._tools.cache._keyring = Keyring(give, lambda name: None)
    resume = ResumePoint(
        segment=1, state="ab" * 32, checkpoint=await site.door.blobs.put(b"in the clear"), commitment="cd" * 32
    )
    spec = granted().spec.model_copy(update={"seal": name_of(bytes(KEY_BYTES))})
    await site.grant(granted(fence=2, resume=resume, spec=spec))
    await until(lambda: site.types())
    (failed,) = [said.event for said in site.door.told if said.event.entity() == "lease"]
    assert (failed.type, getattr(failed, "code", "")) == ("lease.failed", "job.false_checkpoint")


@pytest.mark.parametrize("code", ["key.malformed", "key.ended"])
async def test_an_order_whose_seal_is_no_key_or_is_not_given_costs_nobody_a_segment(site: Site, code: str) -> None:
    async def give(name: str) -> bytes:
        if code == "key.malformed":
            return bytes([1] * KEY_BYTES)
        raise Refused(code)

    site.worker._tools.cache._keyring = Keyring(give, lambda name: None)
    spec = granted().spec.model_copy(update={"seal": name_of(bytes(KEY_BYTES))})
    await site.grant(granted(spec=spec))
    await until(lambda: site.types())
    (failed,) = [said.event for said in site.door.told if said.event.entity() == "lease"]
    assert (failed.type, getattr(failed, "code", "")) == ("lease.failed", code)


async def test_a_lapse_hands_in_the_voucher_that_a_crash_left_and_the_worker_goes_on(site: Site) -> None:
    lease = granted(segments=5_000)
    await site.grant(lease)
    await until(lambda: site.door.said(LeaseCommitted))
    site.journal.vouchers.keep(lease.lease_id, 7, "0x" + "ab" * 65)
    facts = {name: getattr(lease, name) for name in ("lease_id", "job_id", "provider", "fence")}
    await site.grant(LeaseLapsed(**facts, code="lease.silent", reason="silent"))
    await until(lambda: site.door.said(VoucherPresented))
    await site.grant(granted(segments=3))
    await until(lambda: site.door.said(LeaseExecuted))
    assert [each.units for each in site.door.said(VoucherPresented)] == [7]
