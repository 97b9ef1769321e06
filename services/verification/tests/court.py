"""Verification alone: real Postgres, a real child, a bus and a chain in memory; whoever else speaks is played."""

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from services.verification.tests.samples import Work, announced, party

from assay.bus.memory import MemoryBus
from assay.bus.port import Message
from assay.chain.judge import judge_domain
from assay.chain.memory import MemoryChain
from assay.proof import answer as proof
from assay.proof.beacon import Reveal, commit
from assay.proof.digest import blake3_hex
from assay.proof.keys import Key
from assay.proof.wrapped import wrap
from assay.runtime.batch import Failed, Heard, handle_batch
from assay.runtime.context import Context
from assay.runtime.emission import Speech
from assay.runtime.metrics import Metrics
from assay.runtime.telemetry import Telemetry
from assay.schema import REGISTRY, STREAMS, Envelope, Event
from assay.schema.audit import AuditAssigned, AuditCalled, AuditDeclined, AuditRevealed, AuditSealed
from assay.schema.beacon import BeaconCalled, BeaconCommitted, BeaconOpened, BeaconRevealed
from assay.schema.dispute import DisputeAccepted, DisputeLodged
from assay.schema.epoch import EpochAnchored, EpochCommitted, EpochDrawn, EpochPooled, EpochTraced
from assay.schema.errors import Refused
from assay.schema.offer import StakeChanged
from assay.schema.values import BOND_PER_VERIFIER, PARTICIPANTS
from assay.store.store import Store
from assay.verification.bells import Bells
from assay.verification.blocks import Blocks
from assay.verification.desk import Desk
from assay.verification.inputs import blobs_of_jobs
from assay.verification.replayer import ChildReplayer
from assay.verification.service import service
from assay.verification.settings import Settings
from assay.verification.stakes import Stakes
from assay.verification.steps.checking import Checker
from assay.verification.steps.clerk import Clerk
from assay.verification.steps.drawing import Drawer
from assay.verification.steps.gathering import Gatherer
from assay.verification.steps.presenting import Presenter
from assay.verification.steps.refereeing import Referee
from assay.verification.steps.tending import Tender
from assay.workloads import HeldInputs, ModelStore, read_params, workload
from assay.workloads.runner import Runner

OWNER = "0x" + "1" * 40
DEADLINE_S = 240.0
FAILS = "command.failed"

Finds = Callable[[AuditAssigned, bytes], bytes]
"""What a verifier says that a segment comes to, from what it honestly comes to."""


def honestly(assigned: AuditAssigned, state: bytes) -> bytes:
    return state


@dataclass
class Court:
    """A verification service whose steps the test takes, and everybody around it."""

    context: Context
    chain: MemoryChain
    runner: Runner
    folder: Path
    knobs: dict[str, Any] = field(default_factory=dict)
    finds: dict[str, Finds] = field(default_factory=dict)
    reads: Finds | None = None
    """What is honestly seen in what is shown of a claim."""
    models: Path | None = None
    heard: int = 0
    kept: dict[str, AuditRevealed] = field(default_factory=dict)
    shares: dict[str, Reveal] = field(default_factory=dict)
    shy: set[str] = field(default_factory=set)
    """Verifiers that say nothing when they are called for a share of the beacon."""
    withholding: set[str] = field(default_factory=set)
    """Verifiers that bind themselves and reveal nothing."""
    traces: dict[tuple[str, int], bytes] | None = None
    """What providers open of segments whose jobs ask for their trace; none: nothing."""
    machine: str | None = None
    """The class that verifiers state."""
    told: list[Event] = field(default_factory=list)
    declines: Callable[[AuditAssigned], bool] = lambda assigned: False
    """Which audits are declined by whoever is asked."""
    defends: bool = False
    """Whether the test speaks for accused providers; they give in otherwise."""

    @property
    def settings(self) -> Settings:
        plain = {
            "epoch_s": 0,
            "appeal_s": 0,
            "open_s": 0,
            "confirmations": 1,
            "draws": 2,
            "planted_ppm": 0,
            "show_s": 0,
            "gift_ppm": 1_000_000,
        } | self.knobs
        return Settings(
            data_dir=self.folder,
            models_dir=self.folder,
            deployment_file=self.folder / "none",
            postgres_dsn=self.context.settings.postgres_dsn,
            **plain,
        )

    def hands(self) -> "list[Any]":
        """The tasks of one process, with fresh memory; a crash is to throw them away."""
        models = self.models or self.folder
        replayer = ChildReplayer(blobs_of_jobs(self.context.bus), self.runner, models, self.folder / "scratch")
        desk = Desk(self.context, self.settings, Bells(), replayer)
        drawer = Drawer(
            desk, Blocks(self.chain, self.settings.confirmations), Stakes(self.chain, self.settings.native_price)
        )
        return [Checker(desk), Gatherer(desk), Tender(desk), drawer, Referee(desk), Presenter(desk), self.clerk(desk)]

    def clerk(self, desk: Desk) -> Clerk:
        """The clerk of disputes, whose parties sign for the contract of this chain."""
        return Clerk(desk, judge_domain(self.chain.deployment), Blocks(self.chain, self.settings.confirmations))

    async def hear(self, *events: Event, stored_ms: int = 0) -> None:
        """Handle these in one batch, as the shell does; the bus took them in then."""
        batch = []
        for event in events:
            self.told.append(event)
            said: Envelope[Any] = Envelope.wrap(event, str(event.by), self.context.now(), cause=f"e{len(self.told)}")
            if event.by in PARTICIPANTS:
                said = replace(said, signature="0x" + "b" * 130, stored_ms=stored_ms)
            batch.append(Heard(Message(said.subject, said.headers(), said.data), said))
        try:
            await handle_batch(self.context, batch)
        except Failed as failed:
            raise failed.error from failed

    async def hold(self, held: dict[str, bytes]) -> None:
        """Play the holder of these keys of jobs, by their names."""

        async def give(asked: Message) -> bytes:
            body = json.loads(asked.data)
            if body["digest"] not in held:
                raise Refused("key.destroyed")
            wrapped = wrap(held[body["digest"]], body["public"], body["digest"], Key.generate())
            return json.dumps({"wrapped": wrapped}).encode()

        await self.context.bus.serve("assay.ask.gateway.key", give)

    async def admit(self, *numbers: int, **fields: Any) -> None:
        """Let verifiers announce themselves, with a bond."""
        for number in numbers:
            stake = StakeChanged(provider=party("p", number), amount=BOND_PER_VERIFIER, claim=1, needed=1, block=1)
            await self.hear(stake, announced(number, **fields))

    async def take(self, *works: Work) -> None:
        """Have leases granted, committed and stopped."""
        for work in works:
            for data in work.blobs.values():
                await self.context.bus.blobs.put(data)
            stake = StakeChanged(provider=work.granted.provider, amount=BOND_PER_VERIFIER, claim=1, needed=1, block=1)
            await self.hear(stake, work.granted, *work.commits)
            await self.hear(work.executed())

    async def said(self, *types: str) -> list[Any]:
        """What verification has said so far, of these types."""
        async with self.context.store.transaction() as tx:
            rows = await tx.fetch("select subject, data from outbox order by position")
        named = [(".".join(row["subject"].split(".")[1:3]), row["data"]) for row in rows]
        return [REGISTRY[kind].model_validate_json(data) for kind, data in named if not types or kind in types]

    async def types(self, *entities: str) -> list[str]:
        """The types of what was said, in order."""
        return [event.type for event in await self.said() if not entities or event.entity() in entities]

    async def answer_all(self) -> int:
        """Play settlement and the verifiers: answer what was said since the last time; how much that was."""
        new = (await self.said())[self.heard :]
        self.heard += len(new)
        for event in new:
            await self._answer(event)
        return len(new)

    async def _answer(self, event: Event) -> None:
        match event:
            case EpochCommitted() | EpochPooled():
                await self.anchor(event)
            case EpochDrawn() if self.traces is not None:
                await self.open_traces(event, self.traces)
            case AuditAssigned() if self.declines(event):
                names = {"audit_id": event.audit_id, "verifier": event.verifier}
                await self.hear(AuditDeclined(**names, code=FAILS, reason="It ends with 1."))
            case AuditAssigned() if self.finds.get(event.verifier, honestly) is not silent:
                self.kept[event.audit_id] = await self.run(event)
                await self.hear(seal_of(self.kept[event.audit_id]))
            case DisputeLodged() if not self.defends:
                names = {"dispute_id": event.dispute_id, "provider": event.provider, "verifier": event.verifier}
                await self.hear(DisputeAccepted(**names))
            case AuditCalled():
                await self.hear(self.kept[event.audit_id])
            case BeaconCalled() if event.verifier not in self.shy:
                await self.bind(event)
            case BeaconOpened() if event.verifier not in self.withholding:
                await self.reveal(event)

    async def bind(self, called: BeaconCalled) -> None:
        """What a verifier does that is called for a share of the beacon."""
        share = self.shares.setdefault(called.beacon_id, Reveal(secrets.token_bytes(32), secrets.token_bytes(32)))
        bound = commit(*share, called.verifier, called.epoch_id)
        await self.hear(BeaconCommitted(**called.model_dump(), commit=bound))

    async def reveal(self, opened: BeaconOpened, **changes: Any) -> None:
        """What a verifier does that is told to reveal its share."""
        share = self.shares[opened.beacon_id]
        fields = opened.model_dump() | {"value": share.value.hex(), "salt": share.salt.hex()} | changes
        await self.hear(BeaconRevealed(**fields))

    async def anchor(self, event: EpochCommitted | EpochPooled) -> None:
        latest = await self.chain.block(None)
        names = {"epoch_id": event.epoch_id, "provider": event.provider, "number": event.number, "root": event.root}
        await self.hear(EpochAnchored(**names, block=latest.number, tx="0x" + "a" * 64, gas=1))
        for _ in range(2):
            self.chain.mine()

    async def open_traces(self, drawn: EpochDrawn, opened: dict[tuple[str, int], bytes]) -> None:
        """Open these as the epoch's provider."""
        for each in drawn.drawn:
            if (trace := opened.get((each.lease_id, each.segment))) is not None:
                names = {"epoch_id": drawn.epoch_id, "provider": drawn.provider, "number": drawn.number}
                blob = await self.context.bus.blobs.put(trace)
                place = {"lease_id": each.lease_id, "segment": each.segment}
                await self.hear(EpochTraced(**names, **place, root=blake3_hex(b"root" + trace), trace=blob))

    async def run(self, assigned: AuditAssigned) -> AuditRevealed:
        """What a verifier finds."""
        if assigned.claim:
            return await self._read(assigned)
        spec, jobs = assigned.spec, blobs_of_jobs(self.context.bus)
        work, params = workload(spec.kind), read_params(spec.kind, spec.params)
        inputs = HeldInputs(ModelStore(self.folder), await jobs.all_of(spec))
        before = work.start(params, inputs)
        if assigned.checkpoint:
            before = await jobs.read(spec, assigned.checkpoint)
        honest = work.run(params, inputs, before, assigned.segment, lambda progress: None).state
        state = self.finds.get(assigned.verifier, honestly)(assigned, honest)
        return AuditRevealed(
            audit_id=assigned.audit_id,
            verifier=assigned.verifier,
            answer=proof.answer(assigned.nonce, state),
            state=work.digest(state),
            checkpoint=await jobs.put(spec, state),
            salt=secrets.token_hex(32),
            compute_ms=4,
            machine=self.machine,
        )

    async def _read(self, assigned: AuditAssigned) -> AuditRevealed:
        """What a verifier sees in what it is shown of a claim."""
        assert assigned.claim is not None and self.reads is not None
        jobs = blobs_of_jobs(self.context.bus)
        shown = await jobs.read(assigned.spec, assigned.claim.shown)
        seen = self.finds.get(assigned.verifier, honestly)(assigned, self.reads(assigned, shown))
        blob = await jobs.put(assigned.spec, seen)
        return AuditRevealed(
            audit_id=assigned.audit_id,
            verifier=assigned.verifier,
            answer=proof.answer(assigned.nonce, seen),
            state=blob,
            checkpoint=blob,
            salt=secrets.token_hex(32),
            compute_ms=1,
        )

    async def until_still(self) -> None:
        """Take turns until nothing more is said."""
        end_s = time.monotonic() + DEADLINE_S
        hands = self.hands()
        while True:
            turns = [await hand.turn() for hand in hands]
            if self.traces is not None:
                self.chain.mine()
            if not await self.answer_all() and not await self._is_busy() and 0 not in turns:
                return
            assert time.monotonic() < end_s, "it never comes to rest"

    async def _is_busy(self) -> bool:
        """Whether a claim or a short wait keeps something back."""
        busy = """select exists (select 1 from parts where checked_ms is null and passed is null)
                  or exists (select 1 from epochs where state in ('anchored', 'drawn'))
                  or exists (select 1 from disputes where state = 'convening')"""
        async with self.context.store.transaction() as tx:
            await tx.execute("update parts set claimed_until_ms = 0")
            await tx.execute("update epochs set claimed_until_ms = 0")
            await tx.execute("update questions set claimed_until_ms = 0")
            return bool(await tx.fetchval(busy))


def silent(assigned: AuditAssigned, state: bytes) -> bytes:
    """The verifier that says nothing."""
    return state


def seal_of(found: AuditRevealed) -> AuditSealed:
    names = (found.audit_id, found.verifier)
    seal = proof.seal(*names, found.answer, found.state, found.checkpoint, found.salt)
    return AuditSealed(audit_id=found.audit_id, verifier=found.verifier, seal=seal)


async def open_court(dsn: str, runner: Runner, folder: Path) -> Court:
    """A court over an empty database."""
    own = service()
    store = await Store.connect(dsn, own.name)
    await store.migrate(own.migrations)
    bus, telemetry = MemoryBus(), Telemetry(own.name, 0.0)
    await bus.ensure_streams(STREAMS)
    settings = Settings(data_dir=folder, models_dir=folder, deployment_file=folder / "none", postgres_dsn=dsn)
    context = Context(own, settings, store, bus, Metrics(), telemetry, Speech(own, telemetry), asyncio.Event())
    return Court(context, MemoryChain(OWNER, OWNER, OWNER), runner, folder)
