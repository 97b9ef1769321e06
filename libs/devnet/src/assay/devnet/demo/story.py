"""The story: a network starts, a job survives its provider, is audited blind, a cheat is caught, the money adds up."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.client.sdk import Assay
from assay.client.view import JobView
from assay.devnet.demo.epochs import Epochs
from assay.devnet.demo.judge import Judge, Judgement
from assay.devnet.demo.screen import Screen
from assay.devnet.demo.tale import CHEAT, HOME, PROMPT, PROVIDERS, VERIFIERS, Tale
from assay.devnet.devnet import Devnet
from assay.devnet.holdings import Holdings, holdings, sums_of, totals
from assay.devnet.parties import Party
from assay.proof.report import verify
from assay.schema.event import Envelope, Event
from assay.schema.values import Policy, Requirements, Role
from assay.workloads.smollm2 import SMOLLM2

CLOSED = ("job.settled", "job.refunded", "job.unfunded")
PAID_OUT_S, SLASHED_S = 120.0, 120.0
LOOK_S = 0.2


@dataclass
class Told:
    """What the story has come to."""

    jobs: list[JobView] = field(default_factory=list)
    receipts: list[Path] = field(default_factory=list)
    receipts_hold: list[bool] = field(default_factory=list)
    epochs: Epochs = field(default_factory=Epochs)
    before: Judgement | None = None
    after: Judgement | None = None
    balances_before: Holdings = field(default_factory=dict)
    balances_after: Holdings = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def is_conserved(self) -> bool:
        """Whether no token appeared or vanished."""
        return totals(self.balances_before) == totals(self.balances_after)


class Story:
    """One telling, on a devnet that runs."""

    def __init__(self, devnet: Devnet, screen: Screen, tale: Tale, text: bytes) -> None:
        self.devnet, self.screen, self.tale = devnet, screen, tale
        self.text = text
        self.told = Told()
        self._said: list[Event] = []
        self._closed: dict[str, asyncio.Event] = {}
        self._halfway, self._slashed = asyncio.Event(), asyncio.Event()
        self._main_job = ""
        self._worker_of_main = ""

    async def tell(self) -> Told:
        """Tell it to the end."""
        started = time.monotonic()
        await self._gather()
        self.told.balances_before = await self._balances()
        async with Assay.connect(self.devnet.profile("requester")) as assay:
            listening = asyncio.create_task(self._listen(assay))
            try:
                await self._main(assay)
                await self._cheated(assay)
                await self._paid_out()
            finally:
                listening.cancel()
        self.told.balances_after = await self._balances()
        self.told.seconds = time.monotonic() - started
        return self.told

    async def _gather(self) -> None:
        parties = self.devnet.places.parties
        self.screen.tell("a requester deposits 1000 tokens; four providers stake and offer their machines")
        await self.devnet.join(Party.make(parties, "requester", Role.REQUESTER))
        for name, terms in PROVIDERS.items():
            party = Party.make(parties, name, Role.PROVIDER, terms)
            await self.devnet.join(party)
            self.screen.know(party)
        self.screen.tell("three verifiers post their bonds: they will run again, blind, what a later block draws")
        for name, terms in VERIFIERS.items():
            party = Party.make(parties, name, Role.VERIFIER, terms)
            await self.devnet.join(party)
            self.screen.name(party)

    async def _main(self, assay: Assay) -> None:
        self.screen.tell(f"job 1: fine-tune SmolLM2-135M-Instruct on {len(self.text) // 1000} kB of text")
        params = self.tale.params | {"model": SMOLLM2}
        self._main_job = await self._submit(assay, "job 1 (honest)", params, HOME)
        judge = Judge(self.devnet.places.models, self.text, params | {"data": await self._data(assay)}, PROMPT)
        # Where the judging takes long, the job would be over before anybody is killed.
        await asyncio.gather(self._judge_before(judge), self._kill_halfway())
        await self._closed[self._main_job].wait()
        adapter = await self._close(assay, self._main_job, "adapter.safetensors")
        self.told.after = await judge.judge(adapter)
        self.screen.tell(f"held-out loss after: {self.told.after.loss:.4f}")

    async def _judge_before(self, judge: Judge) -> None:
        self.told.before = await judge.judge(None)
        self.screen.tell(f"held-out loss before: {self.told.before.loss:.4f}")

    async def _cheated(self, assay: Assay) -> None:
        self.screen.tell("job 2: the same, anywhere, for the lowest price; the cheapest provider does no work")
        job_id = await self._submit(assay, "job 2 (cheated)", self.tale.params | {"model": SMOLLM2, "seed": 8}, ())
        await self._closed[job_id].wait()
        self.screen.tell("the cheat is accused on chain, and its stake taken once nobody has appealed in time")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._slashed.wait(), SLASHED_S)
        await self._close(assay, job_id, None)

    async def _paid_out(self) -> None:
        """Return once everybody has what it earned; if that takes too long, the balances show what is still owed."""
        end_s = time.monotonic() + PAID_OUT_S
        while time.monotonic() < end_s:
            outflow, audits = await self.devnet.chain.outflow(), self.told.epochs
            owed = sum(debit for _, debit in sums_of(self._said).values()) - outflow.paid - outflow.fees
            if owed == 0 and audits.paid == len(audits.upheld):
                return
            await asyncio.sleep(LOOK_S)

    async def _data(self, assay: Assay) -> str:
        return await assay.upload(self.text)

    async def _submit(self, assay: Assay, name: str, params: dict[str, Any], regions: tuple[str, ...]) -> str:
        whole = params | {"data": await self._data(assay)}
        job_id = await assay.submit(
            "finetune",
            whole,
            price_limit=self.tale.price_limit,
            deadline_s=self.tale.deadline_s,
            requirements=Requirements(regions=regions),
            policy=Policy(audit_segments=1),
        )
        self._closed.setdefault(job_id, asyncio.Event())
        self.screen.expect(job_id, name, whole["steps"] // whole["segment_steps"])
        return job_id

    async def _listen(self, assay: Assay) -> None:
        async for said in assay.events():
            self._said.append(said.event)
            self.screen.happen(said)
            self._follow(said)

    def _follow(self, said: Envelope[Event]) -> None:
        event = said.event
        if sentence := self.told.epochs.hear(event, self._name_of):
            self.screen.tell(sentence)
        job_id = getattr(event, "job_id", "")
        if event.type == "lease.slashed":
            self._slashed.set()
        if event.type in CLOSED:
            self._closed.setdefault(job_id, asyncio.Event()).set()
        if event.type == "lease.committed" and getattr(event, "segment", 0) >= self.tale.kill_after_segment:
            self._worker_of_main = self._worker_of_main or str(getattr(event, "provider", ""))
            self._halfway.set()

    def _name_of(self, participant: str) -> str:
        return next((p.name for p in self.devnet.parties.values() if p.id == participant), participant[:12])

    async def _kill_halfway(self) -> None:
        await self._halfway.wait()
        party = next(p for p in self.devnet.parties.values() if p.id == self._worker_of_main)
        self.devnet.supervisor.kill(party.name)
        self.screen.note(party, "killed with SIGKILL", grave=True)
        self.screen.tell(f"kill -9 {party.name}, half way through: another carries on", grave=True)

    async def _close(self, assay: Assay, job_id: str, result: str | None) -> bytes:
        folder = self.devnet.places.data / "results"
        folder.mkdir(exist_ok=True)
        self.told.jobs.append(await assay.job(job_id))
        receipt = await assay.receipt(job_id, folder / f"job-{len(self.told.jobs)}.receipt.json")
        self.told.receipts.append(receipt)
        self.told.receipts_hold.append(verify(receipt.read_text(), self.devnet.bank.operator.address).passed)
        return (await assay.fetch(job_id, folder / result)).read_bytes() if result else b""

    async def _balances(self) -> Holdings:
        operator = self.devnet.bank.operator.address
        return await holdings(self.devnet.chain, self.devnet.people, operator, sums_of(self._said))

    @property
    def cheat(self) -> Party:
        """The one that does no work."""
        return self.devnet.parties[CHEAT]
