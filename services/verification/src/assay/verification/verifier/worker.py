"""The worker: announces a verifier, answers the audits it is drawn for, and reveals what it sealed once it is called.

Whatever it says is in its journal first, so that a restart at any moment neither loses an answer nor gives two.
"""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeAlias

from assay.bus.keys import JobBlobs, ask_key
from assay.bus.participant import Door
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.runtime.cache import Cache, Keyring
from assay.runtime.incoming import Incoming
from assay.runtime.keeping import Kept
from assay.runtime.outgoing import Outgoing
from assay.runtime.telemetry import Telemetry
from assay.schema.audit import (
    AuditAssigned,
    AuditCalled,
    AuditLapsed,
    AuditOverruled,
    AuditRevealed,
    AuditUpheld,
    VerifierAnnounced,
    VerifierWithdrawn,
)
from assay.schema.beacon import BeaconCalled, BeaconFact, BeaconMissed, BeaconOpened
from assay.schema.dispute import DisputeFact
from assay.schema.event import Envelope, Event
from assay.schema.values import NO_DIGEST, Role, participant_id
from assay.store.audit_journal import AuditJournal
from assay.verification.verifier import domain
from assay.verification.verifier.audit_run import CannotAnswer, Tools, answer
from assay.verification.verifier.beacon import Shares
from assay.verification.verifier.challenging import Answers, challenger
from assay.verification.verifier.settings import Settings
from assay.workloads.machine import own_class_id
from assay.workloads.runner import Runner
from assay.workloads.sandbox import Policy

Find: TypeAlias = Callable[[AuditAssigned, Tools], Awaitable[AuditRevealed]]

DRAIN_S: Final = 60.0
# An announcement stands for so many times as long as it takes to the next.
STANDS: Final = 3
KEPT_S: Final = 3_600.0
"""How long what an audit fetched waits for the next: epochs of one job are tens of minutes apart."""
OVER: Final = ("audit.over", "audit.unknown")

log = logging.getLogger(__name__)


class Worker:
    """One verifier. `find` answers an audit; a program that wraps the worker may hand in its own."""

    def __init__(
        self,
        settings: Settings,
        key: Key,
        eip712: Domain,
        door: Door,
        journal: AuditJournal,
        now: Callable[[], int],
        find: Find = answer,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.settings, self.door, self.journal, self._now, self._find = settings, door, journal, now, find
        self._telemetry = telemetry or Telemetry("verifier", settings.trace_ratio)
        self.verifier = participant_id(Role.VERIFIER, key.address)
        self.outgoing = Outgoing(journal, door, key, eip712, self.verifier, now)
        self.outgoing.on_refused = self._on_refused
        self._shares = Shares(journal, self.outgoing)
        self._incoming = Incoming(journal, door, self._on_event)
        held = policy_of(settings)
        self._runner = Runner(settings.data_dir / "child.log", held)
        blobs = JobBlobs(door.blobs, lambda question, body: door.ask(question, body), key)
        cache = cache_of(settings, door, key)
        folders = (settings.models_dir, held.scratch, held.inputs or held.scratch)
        self._tools = Tools(blobs, cache, self._runner, asyncio.Lock(), *folders)
        answers = Answers(journal, blobs, settings.models_dir)
        self._challenger = challenger(self.verifier, key, answers, self.outgoing)
        self._kept = Kept()
        self._audits: dict[str, asyncio.Task[None]] = {}
        self._moved = asyncio.Event()
        self._machine = own_class_id()

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set, then drain: withdrawn, audits in hand answered and revealed.

        Raises SandboxUnavailable.
        """
        log.info("sandbox %s", await self._runner.confined())
        for assigned in self.journal.open_audits():
            self._take(assigned)
        for dispute_id in self.journal.disputes.open():
            self._kept.start(self._challenger.act(dispute_id))
        self._shares.resume()
        keepers = (self.outgoing, self._incoming, self._tools.cache)
        loops = [self._kept.start(loop()) for loop in (*(each.run for each in keepers), self._announce)]
        stopped = asyncio.ensure_future(stopping.wait())
        done, _ = await asyncio.wait([*loops, stopped], return_when=asyncio.FIRST_COMPLETED)
        for loop in done - {stopped}:
            loop.result()
        loops[-1].cancel()
        await self._drain()
        for loop in loops:
            loop.cancel()
        await self._runner.kill()

    @property
    def in_hand(self) -> int:
        """How many audits are in hand."""
        return len(self.journal.open_audits())

    def _on_event(self, said: Envelope[Event]) -> None:
        with self._telemetry.handled(said):
            self._act(said)

    def _act(self, said: Envelope[Event]) -> None:
        match said.event:
            case AuditAssigned(verifier=self.verifier):
                if self.journal.put_audit(said.event):
                    self._take(said.event)
            case AuditCalled(verifier=self.verifier):
                self._reveal(said.event.audit_id)
            case BeaconCalled(verifier=self.verifier):
                self._shares.call(said.event)
            case BeaconOpened(verifier=self.verifier):
                self._shares.open(said.event)
                self._moved.set()
            case BeaconMissed(verifier=self.verifier):
                self._shares.excuse(said.event)
                self._moved.set()
            case DisputeFact() if self._challenger.hear(said.event):
                self._kept.start(self._challenger.act(said.event.dispute_id))
            case AuditLapsed() | AuditUpheld() | AuditOverruled():
                self._end(said.event.audit_id)
                if not isinstance(said.event, AuditUpheld):
                    log.warning("audit lost: %s", said.event.type, extra={"audit": said.event.audit_id})

    def _on_refused(self, event: Event, code: str) -> None:
        if code in OVER:
            self._end(event.about)
        elif isinstance(event, BeaconFact):
            self._shares.end(event.about)

    def _take(self, assigned: AuditAssigned) -> None:
        task = self._kept.start(self._answer(assigned))
        self._audits[assigned.audit_id] = task
        task.add_done_callback(lambda _: self._audits.pop(assigned.audit_id, None))

    async def _answer(self, assigned: AuditAssigned) -> None:
        """Answer and seal, unless that was done before a restart."""
        if self.journal.said(assigned.audit_id):
            return
        found = self.journal.answer(assigned.audit_id)
        if found is None:
            try:
                found = (await self._find(assigned, self._tools)).model_copy(update={"machine": self._machine})
            except CannotAnswer as fault:
                log.warning("audit declined: %s", fault, extra={"audit": assigned.audit_id})
                self.outgoing.say(domain.decline(assigned, fault.code, fault.reason))
                self._end(assigned.audit_id)
                return
            self.journal.put_answer(found)
        self.outgoing.say(domain.seal_of(found))
        log.info("audit sealed", extra={"audit": assigned.audit_id, "kind": assigned.spec.kind})

    def _reveal(self, audit_id: str) -> None:
        found = self.journal.answer(audit_id)
        if found is None:
            log.error("called for an answer that was never sealed", extra={"audit": audit_id})
        elif not self._is_revealed(audit_id):
            self.outgoing.say(found)
        self._moved.set()

    def _is_revealed(self, audit_id: str) -> bool:
        return any(isinstance(said.envelope.event, AuditRevealed) for said in self.journal.said(audit_id))

    def _has_revealed_all(self) -> bool:
        return all(self._is_revealed(assigned.audit_id) for assigned in self.journal.open_audits())

    def _end(self, audit_id: str) -> None:
        self.journal.close_audit(audit_id)
        self._moved.set()
        if task := self._audits.get(audit_id):
            task.cancel()

    async def _announce(self) -> None:
        while True:
            self.outgoing.say(self._announcement())
            await asyncio.sleep(self.settings.announce_s)

    def _announcement(self) -> VerifierAnnounced:
        s = self.settings
        return VerifierAnnounced(
            verifier=self.verifier,
            kinds=s.kinds,
            memory_bytes=s.memory_bytes,
            machine=self._machine or NO_DIGEST,
            region=s.region,
            network=s.network,
            slots=s.slots,
            expires_ms=self._now() + STANDS * s.announce_s * 1000,
            egress=s.egress,
            input_bytes=s.input_bytes,
        )

    async def _drain(self) -> None:
        log.info("draining: %d audits in hand", self.in_hand)
        self.outgoing.say(VerifierWithdrawn(verifier=self.verifier))
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while self._shares.in_hand or not self._has_revealed_all():
                    self._moved.clear()
                    await self._moved.wait()
                await self.outgoing.flush()


def cache_of(settings: Settings, door: Door, key: Key) -> Cache:
    """What audits fetched; nobody is told when a key is forgotten."""
    keyring = Keyring(lambda digest: ask_key(door.ask, key, digest), lambda digest: None)
    folders = (settings.data_dir / "blobs", settings.data_dir / "arriving")
    return Cache(*folders, door.blobs, keyring, settings.cache_bytes, kept_s=KEPT_S)


def policy_of(settings: Settings) -> Policy:
    """What holds the child, with folders that are empty: a process that was killed leaves inputs in the clear.

    What is laid for one audit no other's child can change.
    """
    scratch, laid = (settings.data_dir.resolve() / name for name in ("scratch", "laid"))
    for folder in (scratch, laid):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    return Policy(
        level=settings.sandbox,
        scratch=scratch,
        inputs=laid,
        models=settings.models_dir.resolve(),
        memory_bytes=settings.memory_bytes,
        may_reach=settings.egress,
    )
