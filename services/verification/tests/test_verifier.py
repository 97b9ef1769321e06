"""The verifier's worker with a real child process and a real journal, at a door that is played by the test."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from services.verification.tests.samples import Work
from tests.played import DOMAIN, Machine, PlayedDoor, until

from assay.proof import answer as proof
from assay.proof.beacon import Reveal, commit, is_true
from assay.proof.keys import Key
from assay.schema.audit import (
    AuditAssigned,
    AuditCalled,
    AuditDeclined,
    AuditLapsed,
    AuditRevealed,
    AuditSealed,
    VerifierAnnounced,
    VerifierWithdrawn,
)
from assay.schema.beacon import (
    BeaconCalled,
    BeaconCommitted,
    BeaconExcused,
    BeaconMissed,
    BeaconOpened,
    BeaconRevealed,
    beacon_fact,
)
from assay.schema.values import Role, derive_id, participant_id
from assay.store.audit_journal import AuditJournal
from assay.verification.verifier.settings import Settings
from assay.verification.verifier.worker import Worker
from assay.workloads.machine import own_class_id
from assay.workloads.runner import Runner

KEY = Key.from_hex("1" * 64)
VERIFIER = participant_id(Role.VERIFIER, KEY.address)
WORK = Work(1)


class Site(Machine):
    """A verifier's machine."""

    def start(self) -> None:
        files = {"key_file": self.folder / "key", "deployment_file": self.folder / "deployment"}
        settings = Settings(**files, data_dir=self.folder, models_dir=self.folder)
        self.journal = AuditJournal(self.folder / "journal.sqlite")
        self.worker = Worker(settings, KEY, DOMAIN, self.door, self.journal, self.now)
        self.run()

    def runners(self) -> list[Runner]:
        return [self.worker._runner]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path, PlayedDoor(dict(WORK.blobs)))
    site.start()
    yield site
    await site.crash()


def assigned(segment: int, **changes: Any) -> AuditAssigned:
    fields: dict[str, Any] = {
        "audit_id": derive_id("a", segment),
        "verifier": VERIFIER,
        "spec": WORK.spec,
        "segment": segment,
        "checkpoint": WORK.commits[segment - 1].checkpoint if segment else None,
        "nonce": "ab" * 32,
        "fee": 10,
        "deadline_ms": 2**50,
    }
    return AuditAssigned(**(fields | changes))


def called(audit: AuditAssigned) -> AuditCalled:
    return AuditCalled(audit_id=audit.audit_id, verifier=VERIFIER)


async def test_audits_are_answered_blind_sealed_and_revealed_only_when_called(site: Site) -> None:
    audits = [assigned(segment) for segment in (0, 3)]
    for audit in audits:
        await site.door.say(audit)
    await until(lambda: len(site.door.said(AuditSealed)) == 2)
    assert not site.door.said(AuditRevealed)
    await site.door.say(called(audits[1]))
    await until(lambda: site.door.said(AuditRevealed))
    (found,) = site.door.said(AuditRevealed)
    commit, state = WORK.commits[3], WORK.states[4]
    assert (found.state, found.checkpoint) == (commit.state_out, commit.checkpoint)
    assert found.answer == proof.answer(audits[1].nonce, state)
    own = own_class_id()
    assert {found.machine, *(said.machine for said in site.door.said(VerifierAnnounced))} == {own}
    seals = {event.audit_id: event.seal for event in site.door.said(AuditSealed)}
    names = (found.audit_id, VERIFIER)
    assert seals[found.audit_id] == proof.seal(*names, found.answer, found.state, found.checkpoint, found.salt)


async def test_a_restart_between_seal_and_reveal_gives_the_same_answer_once(site: Site) -> None:
    audit = assigned(2)
    await site.door.say(audit)
    await until(lambda: site.door.said(AuditSealed))
    await site.crash()
    await site.door.say(called(audit))
    site.start()
    await until(lambda: site.door.said(AuditRevealed))
    await site.crash()
    site.start()
    await site.door.say(called(audit))
    await site.door.say(assigned(2))
    await site.drain()
    assert len(site.door.said(AuditSealed)) == len(site.door.said(AuditRevealed)) == 1
    (seal,), (found,) = site.door.said(AuditSealed), site.door.said(AuditRevealed)
    names = (found.audit_id, VERIFIER)
    assert seal.seal == proof.seal(*names, found.answer, found.state, found.checkpoint, found.salt)
    assert [event.event.type for event in site.door.told][-1] == "verifier.withdrawn"


async def test_what_a_killed_verifier_left_in_the_clear_is_gone_after_the_next_start(site: Site) -> None:
    await site.crash()
    left = site.folder / "scratch" / "audit-1" / ("a" * 64)
    left.parent.mkdir(parents=True)
    left.write_bytes(b"a secret")
    site.start()
    assert not left.exists()
    await site.door.say(assigned(0))
    await until(lambda: site.door.said(AuditSealed))


def called_for(number: int) -> BeaconCalled:
    return BeaconCalled(**beacon_fact(derive_id("x", number), VERIFIER))


def opened(called: BeaconCalled, block: int = 7) -> BeaconOpened:
    return BeaconOpened(**called.model_dump(), block=block, block_hash=f"{block:064x}")


async def test_a_restart_between_commit_and_reveal_reveals_what_was_committed_once_over_the_first_block(
    site: Site,
) -> None:
    called = called_for(1)
    site.door.is_away = True
    await site.door.say(called)
    await until(lambda: site.journal.share(called.beacon_id))
    await site.crash()
    site.door.is_away = False
    site.start()
    await until(lambda: site.door.said(BeaconCommitted))
    await site.crash()
    await site.door.say(opened(called))
    site.start()
    await until(lambda: site.door.said(BeaconRevealed))
    await site.crash()
    site.start()
    # Said again, and with another block: one value is revealed over one block.
    for event in (called, opened(called), opened(called, block=8)):
        await site.door.say(event)
    await site.drain()
    (bound,), (found,) = site.door.said(BeaconCommitted), site.door.said(BeaconRevealed)
    share = Reveal(bytes.fromhex(found.value), bytes.fromhex(found.salt))
    assert is_true(called.epoch_id, VERIFIER, bound.commit, share)
    assert (found.block, found.block_hash) == (7, f"{7:064x}")


async def test_a_share_that_was_drawn_and_not_said_is_committed_after_a_restart(site: Site) -> None:
    called = called_for(2)
    await site.crash()
    journal = AuditJournal(site.folder / "journal.sqlite")
    journal.put_share(called, Reveal(b"\1" * 32, b"\2" * 32))
    journal.close()
    site.start()
    await until(lambda: site.door.said(BeaconCommitted))
    assert site.door.said(BeaconCommitted)[0].commit == commit(b"\1" * 32, b"\2" * 32, VERIFIER, called.epoch_id)


async def test_a_share_that_was_missed_is_shown_late_and_once_after_a_crash(site: Site) -> None:
    called = called_for(5)
    await site.door.say(called)
    await until(lambda: site.door.said(BeaconCommitted))
    await site.crash()
    missed = BeaconMissed(**called.model_dump(), code="beacon.unrevealed")
    await site.door.say(missed)
    site.start()
    await until(lambda: site.door.said(BeaconExcused))
    await site.door.say(missed)
    await site.drain()
    (bound,), (late,) = site.door.said(BeaconCommitted), site.door.said(BeaconExcused)
    share = Reveal(bytes.fromhex(late.value), bytes.fromhex(late.salt))
    assert is_true(called.epoch_id, VERIFIER, bound.commit, share)


async def test_a_leaving_verifier_reveals_what_it_is_bound_to_first_unless_the_epoch_went_on(site: Site) -> None:
    kept, missed = called_for(3), called_for(4)
    for event in (kept, missed):
        await site.door.say(event)
    await until(lambda: len(site.door.said(BeaconCommitted)) == 2)
    site._stop.set()
    await until(lambda: site.door.said(VerifierWithdrawn))
    assert site.task is not None and not site.task.done()
    await site.door.say(BeaconMissed(**missed.model_dump(), code="beacon.unrevealed"))
    await site.door.say(opened(kept))
    await site.drain()
    assert [event.beacon_id for event in site.door.said(BeaconRevealed)] == [kept.beacon_id]


async def test_a_child_that_dies_or_data_that_is_not_there_declines_and_the_next_audit_goes_on(site: Site) -> None:
    await site.worker._runner.warm()
    pid = site.worker._runner.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    await site.door.say(assigned(0))
    await until(lambda: site.worker._tools.turn.locked())
    os.kill(pid, signal.SIGKILL)
    await site.door.say(assigned(1, checkpoint="e" * 64))
    await site.door.say(assigned(2))
    await until(lambda: site.door.said(AuditSealed))
    assert {event.code for event in site.door.said(AuditDeclined)} == {"workload.died", "blob.missing"}


async def test_a_lapsed_audit_is_dropped_and_an_outage_is_waited_for(site: Site) -> None:
    site.door.is_away = True
    await site.door.say(assigned(0))
    await site.door.say(assigned(1))
    await until(lambda: all(site.journal.answer(assigned(n).audit_id) for n in (0, 1)))
    await site.door.say(AuditLapsed(audit_id=assigned(0).audit_id, verifier=VERIFIER, code="audit.unanswered"))
    assert [audit.segment for audit in site.journal.open_audits()] == [1]
    site.door.is_away = False
    await until(lambda: assigned(1).audit_id in {event.audit_id for event in site.door.said(AuditSealed)})
