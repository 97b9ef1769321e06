"""Closes jobs: where nothing is lacking, the receipt is composed, sealed and stored, and the job charged."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.proof.digest import blake3_hex
from assay.proof.provenance import EpochPart
from assay.proof.provenance_disputes import DisputePart
from assay.proof.provenance_keys import KeyPart
from assay.proof.receipt import compose, receipt_digest, seal
from assay.runtime.context import Unit
from assay.schema.audit import AuditUpheld
from assay.schema.epoch import EpochDrawn, EpochPooled, EpochSettled
from assay.schema.errors import Reject, Retry, Unreachable
from assay.schema.event import Envelope, Event
from assay.schema.lease import LeaseCommitted, LeaseExecuted
from assay.schema.voucher import VoucherPresented
from assay.settlement import disputes, epochs, queries
from assay.settlement.desk import Desk
from assay.settlement.domain import Closure, Dossier, chargeable, close, commits_of, gather, lacks
from assay.settlement.lineage import (
    beacon_block,
    closed_by,
    count_disputes,
    doubled,
    epoch_part,
    epochs_of,
    first,
    ordered_by,
)
from assay.settlement.lineage_disputes import dispute_parts
from assay.settlement.lineage_keys import keys_of
from assay.settlement.paying import billing, holds
from assay.settlement.paying.bills import JobBill, fee_of
from assay.settlement.vouching import owed_by, vouched_by_ms, voucher_of
from assay.store import Transaction

TOUCHED_MAX = 500
# What is charged now is posted with the epoch after that; so much later at the latest, while all is well.
POSTING_MS = 600_000
AGAIN_MS = 1_000
# What a receipt shows of what a lease's provider signed.
SHOWN = (LeaseCommitted, LeaseExecuted)
Disputed = Mapping[str, Sequence[DisputePart]]
"""The disputes of which all is known, by epoch."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ripe:
    """A touched job of which all but its epochs is known: what was said of it, what is held, what can be charged."""

    job: str
    said: Sequence[Envelope[Event]]
    dossier: Dossier
    held: int
    most: int
    owed: Mapping[str, VoucherPresented]


@dataclass(frozen=True, slots=True)
class Closed:
    """A job whose receipt is stored: its bill, the audits that it cannot pay, and what let it close."""

    bill: JobBill
    left: Sequence[AuditUpheld]
    cause: str


class Closer:
    """Looks at jobs again that were touched."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._store = desk, desk.context.store
        self._later: list[str] = []

    async def step(self) -> bool:
        """Whether any job was looked at, or an epoch came to its end. Raises Retry, Unreachable."""
        async with self._store.reading() as tx:
            if not await queries.is_any_touched(tx):
                return False
        now_ms = self._desk.context.now()
        async with self._desk.context.unit() as unit:
            touched = await queries.touched(unit.tx, TOUCHED_MAX, now_ms)
            jobs = await ripe_of(unit.tx, self._desk, list(touched), now_ms) if touched else []
            wanted = sorted({epoch for job in jobs for epoch in epochs_of(job.dossier)})
            facts = await epochs.facts(unit.tx, wanted) if wanted else {}
            told = await disputes.told(unit.tx, wanted) if wanted else {}
            has_settled = await settle_epochs(unit)
        if touched:
            disputed = {epoch: dispute_parts(said) for epoch, said in told.items()}
            await self._close_all(jobs, facts, disputed, [place for places in touched.values() for place in places])
        return bool(touched) or has_settled

    async def _close_all(
        self, jobs: Sequence[Ripe], facts: Mapping[str, Sequence[Event]], disputed: Disputed, places: Sequence[int]
    ) -> None:
        """Charge those that lack nothing, and forget that they were touched."""
        whole = {epoch: said for epoch, said in facts.items() if count_disputes(said) <= len(disputed.get(epoch, ()))}
        proven = await self._proven(whole)
        closing = (self._close(job, proven, disputed, facts) for job in jobs)
        found = [closed for closed in await asyncio.gather(*closing) if closed]
        async with self._store.transaction() as tx:
            if found:
                bills = [(closed.bill, closed.cause) for closed in found]
                await billing.write(tx, bills, self._desk.context.now())
            for audit, cause in [(audit, closed.cause) for closed in found for audit in closed.left]:
                await billing.owe(tx, audit, digest_of(audit), cause)
            later, self._later = self._later, []
            if later:
                await queries.touch(tx, later, self._desk.context.now() + AGAIN_MS)
            await queries.forget_touches(tx, places)
        if found:
            self._desk.bell.ring()

    async def _proven(self, facts: Mapping[str, Sequence[Event]]) -> dict[str, EpochPart]:
        """The receipt's part of each of these epochs of which nothing lacks. Raises ChainUnreachable."""
        blocks = {epoch: number for epoch, said in facts.items() if (number := beacon_block(said)) is not None}
        found = await asyncio.gather(*(self._desk.chain.block(number) for number in blocks.values()))
        return {epoch: epoch_part(facts[epoch], block.hash) for epoch, block in zip(blocks, found, strict=True)}

    async def _shown(self, part: EpochPart, said: Sequence[Event], job: str) -> EpochPart:
        """What the job's receipt shows of an epoch: all, or its own entries and the drawn ones. Raises Retry."""
        closed, drawn = closed_by(said), first(said, EpochDrawn)
        if not isinstance(closed, EpochPooled) or drawn is None:
            return part
        pool, places = await self._desk.pools.of(closed), await self._desk.pools.places(drawn)
        leases = {*pool.leases_of.get(job, ()), *(each.lease_id for each in drawn.drawn)}
        return part.showing(closed.size, pool.show(leases), places)

    async def _close(
        self, job: Ripe, proven: Mapping[str, EpochPart], disputed: Disputed, facts: Mapping[str, Sequence[Event]]
    ) -> Closed | None:
        """What the job comes to, once its receipt is stored. None while one of its epochs lacks something."""
        dossier, wanted = job.dossier, epochs_of(job.dossier)
        if not proven.keys() >= set(wanted):
            return None
        ordered = ordered_by(job.job, (facts[epoch] for epoch in wanted))
        closure = close(dossier, job.held, ordered, job.most, job.owed)
        try:
            keys = await keys_of(self._desk.context.bus, dossier, [each for epoch in wanted for each in facts[epoch]])
        except (Retry, Unreachable) as error:
            log.warning("job %s waits for the holder of its keys: %s", job.job, error)
            self._later.append(job.job)
            return None
        own = [part for epoch in wanted for part in disputed.get(epoch, ()) if part.lease_id in dossier.granted]
        try:
            parts = [await self._shown(proven[epoch], facts[epoch], job.job) for epoch in wanted]
            sealed = seal(statement_of(self._desk, job, closure, parts, own, keys), self._desk.key)
        except Reject as error:
            log.error("job %s cannot be closed: %s", job.job, error)
            return None
        digest = await self._desk.context.bus.blobs.put(sealed.encode())
        assert digest == receipt_digest(sealed) and dossier.submitted is not None
        bill = JobBill(
            event=closure.event.type,
            job_id=job.job,
            requester=dossier.submitted.requester,
            payouts=closure.payouts,
            audits=tuple(fee_of(audit) for audit in closure.audits),
            refunded=closure.refunded,
            receipt=digest,
        )
        return Closed(bill, closure.left, job.said[-1].id)


async def ripe_of(tx: Transaction, desk: Desk, touched: Sequence[str], now_ms: int) -> list[Ripe]:
    """Those of the touched jobs of which all is known but perhaps their epochs; what is too early is touched anew."""
    posted_by_ms = now_ms + int(desk.knobs.payment_age_s * 1000) + POSTING_MS
    said = await queries.closable(tx, touched)
    dossiers = {job: gather([envelope.event for envelope in known]) for job, known in said.items()}
    whole = [job for job, dossier in dossiers.items() if not lacks(dossier)]
    for job in list(whole):
        due_ms = vouched_by_ms(dossiers[job], said[job], int(desk.knobs.voucher_wait_s * 1000))
        if due_ms > now_ms:
            whole.remove(job)
            await queries.touch(tx, [job], due_ms)
    held = await holds.held(tx, whole) if whole else {}
    lacking = await holds.shortages(tx, [payer for _, payer in held.values()], posted_by_ms // 1000)
    owed = {job: owed_by(desk.domain, dossiers[job]) for job in whole}
    return [ripe(job, said[job], dossiers[job], *held[job], lacking, posted_by_ms, owed[job]) for job in whole]


def ripe(
    job: str,
    said: Sequence[Envelope[Event]],
    dossier: Dossier,
    held: int,
    payer: str,
    lacking: Mapping[str, int],
    posted_by_ms: int,
    owed: Mapping[str, VoucherPresented],
) -> Ripe:
    """A job with what can be charged of what is held for it."""
    assert dossier.submitted is not None
    most = chargeable(held, lacking.get(payer, 0), dossier.submitted.deadline_ms, posted_by_ms)
    if most < held:
        log.error("of job %s only %d of %d can be charged: its requester leaves, or it is too late", job, most, held)
    return Ripe(job, said, dossier, held, most, owed)


def digest_of(audit: AuditUpheld) -> str:
    """The digest of what upheld an audit, as it was said."""
    return blake3_hex(audit.model_dump_json(exclude_defaults=True).encode())


async def settle_epochs(unit: Unit) -> bool:
    """Whether any epoch came to its end with the last of its leases."""
    settled = await epochs.settle(unit.tx)
    for epoch in settled:
        fact = {"epoch_id": epoch.epoch_id, "provider": epoch.provider, "number": epoch.number}
        unit.emission.add(EpochSettled(**fact), epoch.ended_by)
    return bool(settled)


def statement_of(
    desk: Desk,
    job: Ripe,
    closure: Closure,
    proven: Sequence[EpochPart],
    disputed: Sequence[DisputePart],
    keys: Sequence[KeyPart],
) -> Any:
    """The receipt of a job that lacks nothing: each lease with the very statements that its share counts."""
    dossier, said = job.dossier, job.said
    submitted: Any = next(envelope for envelope in said if envelope.event is dossier.submitted)
    leases, verdicts = [], []
    for share in dossier.shares:
        counted = {commit.commitment for commit in commits_of(dossier, share)}
        all_said = [*statements(said, share.lease_id, counted), *voucher_of(said, job.owed.get(share.lease_id))]
        leases.append((dossier.granted[share.lease_id], all_said))
        if found := dossier.verified.get(share.lease_id) or dossier.rejected.get(share.lease_id):
            verdicts.append(dossier.verdicts[found.verdict_id])
    twice = {share.lease_id: pair for share in dossier.shares if (pair := doubled(said, share.lease_id))}
    money = (closure.payouts, closure.refunded, closure.fee)
    audited = sum(audit.fee for audit in closure.audits)
    parts: dict[str, Any] = {"epochs": proven, "doubled": twice, "disputes": disputed, "audited": audited}
    return compose(desk.domain, submitted, leases, verdicts, *money, **parts, keys=keys)


def statements(said: Sequence[Envelope[Any]], lease: str, counted: set[str]) -> list[Envelope[Any]]:
    """A lease's counted commitments in order, each once, then its end."""
    own = [envelope for envelope in said if type(envelope.event) in SHOWN and envelope.event.lease_id == lease]
    commits: dict[str, Envelope[LeaseCommitted]] = {}
    for envelope in own:
        if isinstance(event := envelope.event, LeaseCommitted) and event.commitment in counted:
            commits.setdefault(event.commitment, envelope)
    ends = [envelope for envelope in own if isinstance(envelope.event, LeaseExecuted)]
    return sorted(commits.values(), key=lambda envelope: envelope.event.segment) + ends[:1]
