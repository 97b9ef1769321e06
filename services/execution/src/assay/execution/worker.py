"""The worker: holds a provider's leases, and keeps offers, heartbeats, feed and journal going beside them."""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assay.bus.keys import ask_key
from assay.bus.participant import Door
from assay.execution import domain
from assay.execution.attesting import load_report
from assay.execution.challenged import answer
from assay.execution.defending import Past, defendant
from assay.execution.inputs import Cache
from assay.execution.lease_run import LeaseRun, Tools
from assay.execution.offering import Offering
from assay.execution.opening import Openings
from assay.execution.rooms import ARRIVING, note, open_rooms, room_of, rooms_of, site_of
from assay.execution.serving import talks_of
from assay.execution.settings import Settings
from assay.execution.spares import Spares
from assay.execution.stored import Leaving
from assay.execution.vouching import Vouchers
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.runtime.cache import Keyring
from assay.runtime.incoming import Incoming
from assay.runtime.keeping import Kept
from assay.runtime.outgoing import Outgoing
from assay.runtime.telemetry import Telemetry
from assay.schema.challenge import ChallengeCalled
from assay.schema.dispute import DisputeFact
from assay.schema.epoch import EpochDrawn, EpochSettled
from assay.schema.errors import Unreachable
from assay.schema.event import Envelope, Event
from assay.schema.key import KeyForgotten
from assay.schema.lease import LeaseCommitted, LeaseFact, LeaseGranted, LeaseLapsed, LeaseRejected, LeaseVerified
from assay.schema.offer import OfferDelisted, OfferRefused, OfferWithdrawn
from assay.schema.spare import SpareFact
from assay.schema.values import Role, derive_id, participant_id
from assay.store.journal import Journal
from assay.store.waiting import wait_for_event
from assay.workloads.machine import gpu_name, own_class_id, read_gpus
from assay.workloads.registry import needs_box
from assay.workloads.runner import Runner
from assay.workloads.sandbox import Policy, SandboxUnavailable
from assay.workloads.sandbox.box import can_be

if TYPE_CHECKING:
    from assay.workloads.pods.segments import Pods

DRAIN_S = 600.0
# So long after its end a lease is named until its fate is told, for services may lag; one whose end is refused is not.
AFTERMATH_MS = 300_000

log = logging.getLogger(__name__)


class Worker:
    """One provider. `make_run` makes the run of a lease; a program that wraps the worker may hand in its own.

    Without `telemetry` no spans are made.
    """

    def __init__(
        self,
        settings: Settings,
        key: Key,
        eip712: Domain,
        door: Door,
        journal: Journal,
        now: Callable[[], int],
        make_run: type[LeaseRun] = LeaseRun,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.settings, self.door, self.journal, self._now, self._make_run = settings, door, journal, now, make_run
        self.provider = participant_id(Role.PROVIDER, key.address)
        machine = own_class_id()
        self._report = load_report(settings.attestation_file, machine)
        self.outgoing = Outgoing(journal, door, key, eip712, self.provider, now)
        self.outgoing.on_refused, self.outgoing.on_told = self._on_refused, self._on_told
        self._incoming = Incoming(journal, door, self._on_said)
        self._telemetry = telemetry or Telemetry("execution", settings.trace_ratio)
        keyring = Keyring(lambda digest: ask_key(door.ask, key, digest), self._forgot)
        folders = (settings.data_dir / "blobs", rooms_of(settings) / ARRIVING)
        cache = Cache(*folders, door.blobs, keyring, settings.cache_bytes)
        shared = (cache, self.outgoing, settings.models_dir.resolve(), self._telemetry)
        talks = talks_of(door, settings.nats_url)
        self._vouchers = Vouchers(journal.vouchers, self.outgoing, eip712, settings.unvouched_s)
        own = settings.private_dir.resolve() if settings.private_dir else None
        self._tools = Tools(*shared, now, machine, settings.progress_s * 1000, talks, self._vouchers, own)
        gpus = read_gpus()
        self._gpu = gpu_name() if gpus else None
        room = room_of(settings, "past", *gpus[:1])
        self._past = Past(journal, cache, room, settings.data_dir / "dispute.log")
        self._defendant = defendant(self.provider, key, self._past, self.outgoing)
        self._openings = Openings(journal, self._past, self.outgoing)
        self._leaving = Leaving(cache.stored, self.outgoing, door)
        self._loaded = settings.kinds if settings.preload else ()
        self._idle: asyncio.Queue[Runner] = asyncio.Queue()
        self._pods: Pods | None = None
        self._runs, self._ended, self._reason = dict[str, LeaseRun](), dict[str, int](), ""
        self._kept, self._held = Kept(), set[asyncio.Task[None]]()
        self._spares = Spares(self._idle, self._free, self._tools, self._kept)

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set, then drain: offers withdrawn, segments in hand closed, leases released."""
        await self._start_children()
        for granted in self.journal.open_leases():
            self._take(granted)
        for dispute_id in self.journal.disputes.open():
            self._kept.start(self._defendant.act(dispute_id))
        for drawn in self.journal.draws.open():
            self._kept.start(self._openings.act(drawn))
        keepers = (self.outgoing, self._incoming, self._tools.cache, self._leaving)
        loops = [self._kept.start(loop()) for loop in (*(each.run for each in keepers), self._beat)]
        offering = Offering(self.settings, self.provider, self._gpu, self._report, self.outgoing, self._now)
        loops.append(self._kept.start(offering.run()))
        stopped = asyncio.ensure_future(stopping.wait())
        done, _ = await asyncio.wait([*loops, stopped], return_when=asyncio.FIRST_COMPLETED)
        for loop in done - {stopped}:
            loop.result()
        # What is offered again would bring work that nobody does.
        loops[-1].cancel()
        await self._drain()
        for loop in loops:
            loop.cancel()

    async def _start_children(self) -> None:
        """Start all children before there is a lease. Raises SandboxUnavailable."""
        folder = self.settings.data_dir
        rooms = enumerate(open_rooms(self.settings))
        make_runner = await self._executing() if needs_box(self.settings.kinds) else Runner
        self._past.make_runner = make_runner
        runners = [make_runner(folder / f"child-{number}.log", room) for number, room in rooms]
        for runner in runners:
            await runner.warm(self._loaded)
        held = [confined for runner in runners if (confined := await runner.confined())]
        for runner in runners:
            self._idle.put_nowait(runner)
        note(self.settings, held[-1])
        log.info("sandbox %s", held[-1], extra={"took_ms": held[-1].took_ms})

    async def _executing(self) -> Callable[[Path, Policy], Runner]:
        """Return what makes a child that has programs executed: in Pods, or by itself. Raises SandboxUnavailable."""
        site = site_of(self.settings, self.provider)
        if site:
            # What speaks to a cluster takes a tenth of a second to load.
            from assay.workloads.pods.runner import PodRunner
            from assay.workloads.pods.segments import Pods

            self._pods = Pods(site)
            await self._pods.open()
            return partial(PodRunner, self._pods)
        if not can_be():
            raise SandboxUnavailable("A kind that executes programs is offered, and this machine has no box for them.")
        return Runner

    async def _free(self, runner: Runner) -> None:
        """Have a child idle again: one that was ended is started anew, and loads what the next lease may need."""
        try:
            if self._loaded:
                await runner.warm(self._loaded)
        except OSError as error:
            log.error("a child is not started before it has work: %s", error)
        finally:
            self._idle.put_nowait(runner)

    @property
    def leases(self) -> int:
        """How many leases are in hand."""
        return len(self._runs)

    def _on_said(self, said: Envelope[Event]) -> None:
        with self._telemetry.handled(said) as trace:
            self._on_event(said.event, trace)

    def _on_event(self, event: Event, trace: str | None) -> None:
        match event:
            case LeaseGranted(provider=self.provider) if not self.journal.has_lease(event.lease_id):
                self.journal.put_lease(event)
                self._take(event, trace)
            case LeaseLapsed() | LeaseRejected():
                self._lose(event)
            case LeaseVerified():
                self._ended.pop(event.lease_id, None)
            case DisputeFact() if self._defendant.hear(event):
                self._kept.start(self._defendant.act(event.dispute_id))
            case EpochDrawn(provider=self.provider) if self._openings.hear(event):
                self._kept.start(self._openings.act(event))
            case EpochSettled(provider=self.provider):
                self._leaving.settled.set()
            case ChallengeCalled(provider=self.provider) if self._now() < event.due_ms:
                self._kept.start(self._answer(event))
            case SpareFact():
                self._spares.hear(event)
            case OfferRefused() | OfferDelisted():
                log.warning("no lease comes to this offer: %s %s", event.code, event.reason)

    def _on_refused(self, event: Event, code: str) -> None:
        if isinstance(event, domain.Ending) or (isinstance(event, LeaseFact) and code in domain.LOST):
            self._lose(event)

    def _on_told(self, event: Event) -> None:
        if isinstance(event, LeaseCommitted) and (run := self._runs.get(event.lease_id)):
            run.committed(event.segment)

    def _take(self, granted: LeaseGranted, trace: str | None = None) -> None:
        run = self._make_run(granted, self.journal.committed(granted.lease_id), self._tools)
        if self._reason:
            run.leave(self._reason)
        self._runs[granted.lease_id] = run
        held = self._kept.start(self._hold(run, trace))
        self._held.add(held)
        held.add_done_callback(self._held.discard)
        log.info("lease taken", extra={"lease": granted.lease_id, "job": granted.job_id, "kind": granted.spec.kind})

    def _lose(self, event: LeaseFact) -> None:
        run = self._runs.get(event.lease_id)
        if run:
            log.warning("lease lost: %s", getattr(event, "type", ""), extra={"lease": event.lease_id})
            self._kept.start(run.drop())
        self._ended.pop(event.lease_id, None)
        self._vouchers.present(event)
        self.journal.close_lease(event.lease_id)

    async def _hold(self, run: LeaseRun, trace: str | None) -> None:
        try:
            with self._tools.cache.reading(run.granted.spec):
                await self._run(run, trace)
            # The lease lives until its end is told: the way may be blocked for longer than a lease may be silent.
            await self.outgoing.flush()
        finally:
            self._runs.pop(run.granted.lease_id, None)
        if run.granted.lease_id in {lease.lease_id for lease in self.journal.open_leases()}:
            self.journal.close_lease(run.granted.lease_id)
            self._ended[run.granted.lease_id] = self._now() + AFTERMATH_MS

    async def _run(self, run: LeaseRun, trace: str | None) -> None:
        runner = await self._spares.child_for(run.granted.job_id)
        with self._telemetry.stretch("lease", run.granted, trace) as run.trace:
            await run.run(runner, lambda: self._kept.start(self._free(runner)))

    def _forgot(self, digest: str) -> None:
        self.outgoing.say(KeyForgotten(digest=digest, provider=self.provider))

    async def _answer(self, called: ChallengeCalled) -> None:
        """Show what the children can do that no lease has now, those of spares included."""
        runners = [self._idle.get_nowait() for _ in range(self._idle.qsize())]
        runners += await self._spares.lend()
        try:
            said = await answer(called, runners)
        finally:
            for runner in runners:
                await self._free(runner)
        if said and self._now() < called.due_ms:
            self.outgoing.say(said)

    async def _beat(self) -> None:
        while True:
            with suppress(Unreachable):
                said = {"provider": self.provider, "leases": self._alive(), "spares": self._spares.ids}
                await self.door.beat(json.dumps(said | {"line": self.door.line}).encode())
            # Whose line was lost is not waited for long: that it is back is said at once.
            await wait_for_event(self.door.back, self.settings.beat_s)
            self.door.back.clear()

    def _alive(self) -> dict[str, dict[str, object]]:
        """The leases that a heartbeat names, each with its progress: those in hand, then those that ended just now."""
        self._ended = {lease_id: until_ms for lease_id, until_ms in self._ended.items() if until_ms > self._now()}
        return {id_: run.progress for id_, run in self._runs.items()} | {lease_id: {} for lease_id in self._ended}

    async def _drain(self) -> None:
        log.info("draining: %d leases in hand", len(self._runs))
        offer_id = derive_id("f", self.provider)
        self.outgoing.say(OfferWithdrawn(offer_id=offer_id, provider=self.provider))
        self._reason = "the provider is leaving by plan"
        for run in self._runs.values():
            run.leave(self._reason)
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                # What was granted before matching heard of it is given back at once.
                while self._held:
                    await asyncio.gather(*self._held)
                await self.outgoing.flush()
        await self._past.close()
        await self._spares.close()
        while not self._idle.empty():
            await self._idle.get_nowait().kill()
        if self._pods:
            await self._pods.close()
