"""The ingest: what participants say is checked and let in, many at a time in one transaction, then answered.

While one batch is committed the next one gathers, so the cost of a commit is shared by all who speak at once. A claim
that is refused changes nothing but a line for its sender; what is let in goes into the outbox as it was signed.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from assay.bus.port import Answer, Message
from assay.gateway.checks import CHECKS
from assay.gateway.checks.standing import TAKEN
from assay.gateway.claim import Claim, Desk, legible
from assay.gateway.domain import OF_LEASES, Rates
from assay.gateway.keys import Keys
from assay.gateway.queries import RefusalRow, Registry
from assay.gateway.readers import Readers
from assay.gateway.snapshots import NAMERS, Snapshots
from assay.gateway.verifiers import Verifiers
from assay.proof.eip712 import Domain
from assay.runtime import Context, Unit
from assay.schema.errors import AssayError, Refused
from assay.schema.job import JobSubmitted
from assay.store.waiting import GATHER_S

SUBJECT: Final = "ingest.*.*.*.*"
BATCH_MAX: Final = 256
NAME: Final = re.compile(r"[A-Za-z0-9]{1,64}")
REPLAYED: Final = "event.replayed"
# Kept nowhere: who is too fast, or repeats itself after a lost answer, is told so each time.
NOT_KEPT: Final = frozenset({"rate.exceeded", REPLAYED})
# How many refusals an account may cause before its claims are not even looked at: each costs a signature's check.
PATIENCE: Final = (5.0, 500)


@dataclass(eq=False)
class Waiting:
    """A claim and whoever waits for its answer."""

    claim: Claim
    answer: asyncio.Future[Answer] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass(eq=False)
class Ingest:
    """The claims that have arrived, and the worker that answers them."""

    ctx: Context
    domain: Domain
    rates: Rates
    patience: Rates = field(default_factory=lambda: Rates(*PATIENCE))
    arrived: asyncio.Queue[Waiting] = field(default_factory=asyncio.Queue)
    turn: int = -1
    """How often anything had been let go when the blobs were last asked of the store."""

    def __post_init__(self) -> None:
        self.refused = self.ctx.metrics.counter("claims_refused", "Claims that the door refused.", "code")

    async def take(self, message: Message) -> Answer:
        """Nothing, once the claim is let in and on disk. Raises Refused; Retry if it is not known."""
        waiting = Waiting(Claim.of(message))
        if wait_s := self.patience.wait_s(waiting.claim.account, self.ctx.now()):
            raise Refused("rate.exceeded", "Too much of it was refused.", retry_after_s=wait_s)
        self.arrived.put_nowait(waiting)
        return await waiting.answer

    async def run(self) -> None:
        """Answer batches for ever."""
        while True:
            batch = [await self.arrived.get()]
            while len(batch) < BATCH_MAX and not self.arrived.empty():
                batch.append(self.arrived.get_nowait())
            await self.settle(batch)
            for _ in batch:
                self.arrived.task_done()
            await asyncio.sleep(GATHER_S if len(batch) < BATCH_MAX else 0)

    async def settle(self, batch: Sequence[Waiting]) -> None:
        """Answer a batch; if it fails by a bug, each of its claims is tried alone."""
        (outcome,) = await asyncio.gather(self.commit([waiting.claim for waiting in batch]), return_exceptions=True)
        if isinstance(outcome, list):
            for waiting, refusal in zip(batch, outcome, strict=True):
                answer(waiting.answer, refusal)
        elif len(batch) == 1 or isinstance(outcome, AssayError):
            for waiting in batch:
                answer(waiting.answer, outcome)
        else:
            for waiting in batch:
                await self.settle([waiting])

    async def commit(self, claims: Sequence[Claim]) -> list[Refused | None]:
        """What became of each claim, committed: None if it was let in."""
        async with self.ctx.unit() as unit:
            registry = Registry(unit.tx)
            desk = await self._desk(registry, claims)
            refusals = [await refusal_of(claim, desk) for claim in claims]
            await let_in(unit, registry, claims, refusals, desk.now_ms)
            refused = [(claim, why) for claim, why in zip(claims, refusals, strict=True) if why]
            await registry.refuse([row_of(*pair, desk.now_ms) for pair in refused if pair[1].code not in NOT_KEPT])
        for claim, why in refused:
            self.refused.labels(why.code).inc()
            self.patience.take(claim.account, desk.now_ms)
        return refusals

    async def _desk(self, registry: Registry, claims: Sequence[Claim]) -> Desk:
        known = await registry.known(
            names(claim.account for claim in claims),
            names(claim.id for claim in claims),
            names(claim.about for claim in claims if claim.type.startswith(OF_LEASES)),
            names(claim.about for claim in claims if claim.type.startswith("job.")),
            names(claim.about for claim in claims if claim.type.startswith("audit.")),
            names(claim.about for claim in claims if claim.type.startswith("beacon.")),
            names(claim.about for claim in claims if claim.type.startswith("dispute.")),
            names(claim.about for claim in claims if claim.type.startswith("epoch.")),
            names(claim.about for claim in claims if claim.type.startswith("challenge.")),
            names(claim.about for claim in claims if claim.type.startswith("spare.")),
        )
        if any(claim.type in NAMERS for claim in claims):
            shared = await Snapshots(registry.tx).share()
            known = replace(known, leaving=shared.leaving)
            if shared.turn != self.turn:
                self.ctx.bus.blobs.forget()
                self.turn = shared.turn
        rights = (self.ctx.bus.blobs, Readers(registry.tx), Keys(registry.tx), Verifiers(registry.tx))
        return Desk(self.domain, known, self.rates, *rights, self.ctx.now())


async def refusal_of(claim: Claim, desk: Desk) -> Refused | None:
    """The refusal of the first check that does not let the claim pass; None if all do."""
    try:
        for check in CHECKS:
            await check(claim, desk)
    except Refused as refusal:
        return refusal
    return None


async def let_in(
    unit: Unit, registry: Registry, claims: Sequence[Claim], refusals: list[Refused | None], now_ms: int
) -> None:
    """Lays the passed claims into the outbox; what another batch, or an earlier claim of this one, took is refused."""
    passed = [at for at, refusal in enumerate(refusals) if refusal is None]
    new = await registry.let_in([(claims[at].id, claims[at].account, now_ms) for at in passed])
    submitted = [claims[at].event for at in passed if claims[at].id in new]
    orders = [(e.job_id, e.requester, now_ms) for e in submitted if isinstance(e, JobSubmitted)]
    free = await registry.submit(orders)
    keys, snapshots = Keys(registry.tx), Snapshots(registry.tx)
    for at in passed:
        event = claims[at].event
        if claims[at].id not in new:
            refusals[at] = Refused(REPLAYED)
        elif isinstance(event, JobSubmitted) and event.job_id not in free:
            refusals[at] = Refused("job.bad_order", TAKEN)
        else:
            # Its right stands with it: its requester could have the key destroyed before the event is heard here.
            keys.note(event)
            snapshots.note(event)
            unit.forward(claims[at].envelope)
        new.discard(claims[at].id)
        free.discard(event.about)
    await keys.write()
    await snapshots.write(now_ms)


def answer(future: asyncio.Future[Answer], refusal: BaseException | None) -> None:
    """Answers whoever waits, if anybody still does."""
    if future.done():
        return
    if refusal is None:
        future.set_result(b"")
    else:
        future.set_exception(refusal)


def names(found: Iterable[str]) -> list[str]:
    """Those that may be ids at all: a stranger's text goes into no query."""
    return [name for name in found if NAME.fullmatch(name)]


def row_of(claim: Claim, refusal: Refused, now_ms: int) -> RefusalRow:
    """The line about a refusal."""
    kind, id_, detail = map(legible, (claim.type, claim.id, refusal.detail))
    return RefusalRow(claim.account, kind, id_, refusal.code, detail, now_ms)
