"""A regression in dispute: its lease as a provider does it, and both parties with keys and journals of their own."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from services.verification.tests.court import Court
from services.verification.tests.samples import announced

from assay.chain import wallet
from assay.chain.events import Ruled
from assay.chain.values import Ruling
from assay.proof.commitment import chain, leaf_of, root_of
from assay.proof.court import Party
from assay.proof.court.wire import unpack
from assay.proof.digest import blake3_hex
from assay.proof.job_seal import name_of
from assay.proof.keys import Key
from assay.proof.order import spec_digest
from assay.schema.audit import AuditAssigned
from assay.schema.dispute import DisputeFact, DisputeJudged, DisputeLodged, DisputeProven, DisputeRuled, DisputeRuling
from assay.schema.event import Event
from assay.schema.job import JobExecuted, JobSpec, LeaseShare
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.schema.offer import StakeChanged
from assay.schema.values import BOND_PER_VERIFIER, NO_DIGEST, Role, derive_id, participant_id
from assay.store.dispute_notes import DisputeNotes
from assay.verification.inputs import blobs_of_jobs
from assay.workloads import HeldInputs, ModelStore, ignore_progress
from assay.workloads.checkpoint import write_tensors
from assay.workloads.court import hold
from assay.workloads.court.litigant import Brief, Challenger, Defendant, Litigant, brief_of
from assay.workloads.court.rehearsal import lie
from assay.workloads.regress import Regress, RegressParams

WORK = Regress()
LIE_STEP = 2
ROUNDS_MAX = 60


def rows() -> bytes:
    dice = np.random.default_rng(5)
    x = dice.standard_normal((12, 4)).astype(np.float32)
    return write_tensors({"x": x, "y": x[:, :2] - 2 * x[:, 2:]})


DATA = rows()
PARAMS = RegressParams(
    data=blake3_hex(DATA), features=4, hidden=3, outputs=2, batch=4, steps=10, segment_steps=5, learning_rate=0.1
)
INPUTS = HeldInputs(ModelStore(Path()), {PARAMS.data: DATA})
SPEC = JobSpec(
    kind="regress",
    params=PARAMS.model_dump(mode="json"),
    inputs=(PARAMS.data,),
    segments=2,
    segment_units=PARAMS.segment_units,
)


@dataclass
class Regression:
    """One lease of two segments; the second is false if the provider lies."""

    key: Key = field(default_factory=Key.generate)
    is_lie: bool = False
    stake: int = BOND_PER_VERIFIER
    sealing: bytes | None = None
    """The key under which what is made is sealed, if it is."""

    def __post_init__(self) -> None:
        first = WORK.run(PARAMS, INPUTS, WORK.start(PARAMS, INPUTS), 0, ignore_progress).state
        self.matter = WORK.matter(PARAMS, INPUTS, 1)
        true = WORK.run(PARAMS, INPUTS, first, 1, ignore_progress).state
        self.false = lie(hold(self.matter, self.key, first), self.matter, first)
        self.states = [WORK.start(PARAMS, INPUTS), first, self.false if self.is_lie else true]
        self.provider = participant_id(Role.PROVIDER, self.key.address)
        names = {"lease_id": derive_id("l", self.provider), "provider": self.provider, "fence": 1}
        self.names: dict[str, Any] = names | {"job_id": derive_id("j", self.provider)}

    @property
    def spec(self) -> JobSpec:
        return SPEC.model_copy(update={"seal": name_of(self.sealing)}) if self.sealing else SPEC

    @property
    def granted(self) -> LeaseGranted:
        return LeaseGranted(
            **self.names,
            requester="r" + "a" * 32,
            offer_id="f" + "a" * 26,
            spec=self.spec,
            mega_unit_price=1_000_000,
            deadline_ms=1,
        )

    async def commits(self, court: Court) -> list[LeaseCommitted]:
        found: list[LeaseCommitted] = []
        for index in range(2):
            before, after = self.states[index : index + 2]
            draft = LeaseCommitted(
                **self.names,
                segment=index,
                state_in=WORK.digest(before),
                state_out=WORK.digest(after),
                checkpoint=await blobs_of_jobs(court.context.bus).put(self.spec, after),
                units=PARAMS.segment_units,
                previous=found[-1].commitment if found else NO_DIGEST,
                commitment=NO_DIGEST,
                compute_ms=10,
            )
            commitment = chain(draft.previous, leaf_of(draft, spec_digest(self.spec)))
            found.append(draft.model_copy(update={"commitment": commitment}))
        return found

    async def take(self, court: Court) -> None:
        """Have it granted, committed and executed."""
        await court.context.bus.blobs.put(DATA)
        if self.sealing:
            await court.hold({name_of(self.sealing): self.sealing})
        commits = await self.commits(court)
        share = LeaseShare(
            **{name: value for name, value in self.names.items() if name != "job_id"},
            first_segment=0,
            segments=2,
            mega_unit_price=1_000_000,
            root=root_of(commits, spec_digest(self.spec)),
        )
        result = await blobs_of_jobs(court.context.bus).put(self.spec, WORK.result(PARAMS, self.states[-1]))
        stake = StakeChanged(provider=self.provider, amount=self.stake, block=1)
        await court.hear(stake, self.granted, *commits)
        executed = {"requester": "r" + "a" * 32, "result": result, "leases": (share,)}
        await court.hear(JobExecuted(job_id=self.names["job_id"], **executed))

    async def brief(self, lodged: DisputeLodged) -> Brief:
        return brief_of(WORK, PARAMS, INPUTS, lodged.segment, self.states[lodged.segment])


@dataclass
class Room:
    """The service, the accused lease, three verifiers with keys, and the parties' litigants."""

    court: Court
    work: Regression
    keys: list[Key] = field(default_factory=lambda: [Key.generate() for _ in range(3)])
    said: list[Event] = field(default_factory=list)
    told: int = 0
    silent: set[Party] = field(default_factory=set)
    false_answers: tuple[int, ...] = ()
    """Which of the verifiers answer with the lie."""

    @property
    def verifiers(self) -> list[str]:
        return [participant_id(Role.VERIFIER, key.address) for key in self.keys]

    async def open(self) -> None:
        """Have the verifiers announced and the work done."""
        self.court.defends = True
        self.court.knobs |= {"draws": 2}
        for number, (key, verifier) in enumerate(zip(self.keys, self.verifiers, strict=True), 20):
            staker = participant_id(Role.PROVIDER, key.address)
            said = announced(number).model_copy(update={"verifier": verifier, "kinds": ("regress",)})
            stake = StakeChanged(provider=staker, amount=BOND_PER_VERIFIER, claim=1, needed=1, block=1)
            await self.court.hear(stake, said)
            if number - 20 in self.false_answers:
                self.court.finds[verifier] = self.find
        await self.work.take(self.court)

    def litigant(self, party: Party, lodged: DisputeLodged) -> Litigant:
        """A party that begins anew: what it knows is what is on disk."""
        key = self.work.key if party is Party.WORKER else self.keys[self.verifiers.index(lodged.verifier)]
        notes = DisputeNotes(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))
        kind: Callable[..., Litigant] = Defendant if party is Party.WORKER else Challenger
        own = lodged.provider if party is Party.WORKER else lodged.verifier
        litigant = kind(own, key, notes, self.said.append, lambda _: self.said_by(BY[party]), self.work.brief)
        for event in (lodged, *self.said):
            litigant.hear(event)
        if (party is Party.WORKER and self.work.is_lie) or (party is Party.CHALLENGER and self.false_answers):
            holding = hold(self.work.matter, key, self.work.states[1])
            lie(holding, self.work.matter, self.work.states[1])
            litigant._holdings[lodged.dispute_id] = holding
        return litigant

    def find(self, assigned: AuditAssigned, state: bytes) -> bytes:
        """What a lying verifier answers."""
        return self.work.false if assigned.segment == 1 else state

    def said_by(self, role: Role) -> list[Event]:
        """What a party has said."""
        return [event for event in self.said if event.by is role]

    async def play(self) -> DisputeRuled:
        """The ruling, once the parties have said all that they have to say."""
        for _ in range(ROUNDS_MAX):
            await self.court.until_still()
            events = [event for event in await self.court.said() if isinstance(event, DisputeFact)]
            if isinstance(events[-1], DisputeRuled):
                await self.court.until_still()
                return events[-1]
            if isinstance(events[-1], DisputeProven):
                await self.judge(events[-1])
                continue
            lodged = events[0]
            assert isinstance(lodged, DisputeLodged)
            for party in Party.WORKER, Party.CHALLENGER:
                if party not in self.silent:
                    await self.litigant(party, lodged).act(lodged.dispute_id)
            if self.told == len(self.said):
                await self.wait_out()
            for event in self.said[self.told :]:
                self.told += 1
                await self.court.hear(event)
        raise AssertionError("it never ends")

    async def judge(self, proven: DisputeProven) -> None:
        """What settlement does: have the contract judge, and say what it ruled."""
        memory = self.court.chain
        receipt = await wallet.send(memory, Key.generate(), memory.deployment.judge, unpack(proven.call))
        (event,) = receipt.events
        assert isinstance(event, Ruled)
        names = {"dispute_id": proven.dispute_id, "provider": proven.provider, "verifier": proven.verifier}
        names |= {"tx": "0x" + receipt.tx_hash.hex(), "ruling": DisputeRuling[Ruling(event.ruling).name]}
        await self.court.hear(DisputeJudged(**names, block=receipt.block_number, gas=receipt.gas_used))

    async def wait_out(self) -> None:
        """Let the deadline of whoever is silent pass."""
        async with self.court.context.store.transaction() as tx:
            await tx.execute("update disputes set deadline_ms = 0, summoned_s = summoned_s - 100000")
            await tx.execute("update dispute_moves set received_s = received_s - 100000")


BY = {Party.WORKER: Role.PROVIDER, Party.CHALLENGER: Role.VERIFIER}
