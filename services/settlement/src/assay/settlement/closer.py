"""Closes jobs: where nothing is lacking, the receipt is composed, sealed and stored, and its settlement wanted."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.proof.provenance import EpochPart
from assay.proof.provenance_disputes import DisputePart
from assay.proof.receipt import compose, receipt_digest, seal
from assay.runtime.context import Unit
from assay.schema.audit import AuditUpheld
from assay.schema.epoch import EpochSettled
from assay.schema.errors import Reject
from assay.schema.event import Envelope, Event
from assay.schema.job import JobSubmitted
from assay.schema.lease import LeaseCommitted, LeaseExecuted
from assay.settlement import books, disputes, epochs, queries
from assay.settlement.desk import Desk
from assay.settlement.domain import Closure, Dossier, close, commits_of, gather, lacks
from assay.settlement.intents import AuditFee, Settle, pay_audit
from assay.settlement.lineage import beacon_block, count_disputes, doubled, epoch_part, epochs_of, ordered_by
from assay.settlement.lineage_disputes import dispute_parts
from assay.store import Transaction

TOUCHED_MAX = 500
Disputed = Mapping[str, Sequence[DisputePart]]
"""The disputes of which all is known, by epoch."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ripe:
    """A touched job of which all but its epochs is known: what was said of it, and what is locked for it."""

    job: str
    said: Sequence[Envelope[Event]]
    dossier: Dossier
    locked: int


class Closer:
    """Looks at jobs again that were touched."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._store = desk, desk.context.store

    async def step(self) -> bool:
        """Whether any job was looked at, or an epoch came to its end. Raises Retry, Unreachable."""
        async with self._desk.context.unit() as unit:
            touched = await queries.touched(unit.tx, TOUCHED_MAX)
            jobs = await ripe_of(unit.tx, list(touched)) if touched else []
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
        """Want what settles those that lack nothing, and forget that they were touched."""
        whole = {epoch: said for epoch, said in facts.items() if count_disputes(said) <= len(disputed.get(epoch, ()))}
        proven = await self._proven(whole)
        closing = (self._close(job, proven, disputed, facts) for job in jobs)
        found = [settle for settle in await asyncio.gather(*closing) if settle]
        async with self._store.transaction() as tx:
            for settle, left, cause in found:
                await queries.want(tx, settle, cause)
                for audit in left:
                    await queries.want(tx, pay_audit(audit), cause)
            await queries.forget_touches(tx, places)
        if found:
            self._desk.bell.ring()

    async def _proven(self, facts: Mapping[str, Sequence[Event]]) -> dict[str, EpochPart]:
        """The receipt's part of each of these epochs of which nothing lacks. Raises ChainUnreachable."""
        blocks = {epoch: number for epoch, said in facts.items() if (number := beacon_block(said)) is not None}
        found = await asyncio.gather(*(self._desk.chain.block(number) for number in blocks.values()))
        return {epoch: epoch_part(facts[epoch], block.hash) for epoch, block in zip(blocks, found, strict=True)}

    async def _close(
        self, job: Ripe, proven: Mapping[str, EpochPart], disputed: Disputed, facts: Mapping[str, Sequence[Event]]
    ) -> tuple[Settle, Sequence[AuditUpheld], str] | None:
        """What settles the job, once its receipt is stored, and the audits that it cannot pay.

        None while one of its epochs lacks something.
        """
        dossier, wanted = job.dossier, epochs_of(job.dossier)
        if not proven.keys() >= set(wanted):
            return None
        closure = close(dossier, job.locked, ordered_by(job.job, (facts[epoch] for epoch in wanted)))
        parts = [proven[epoch] for epoch in wanted]
        own = [part for epoch in wanted for part in disputed.get(epoch, ()) if part.lease_id in dossier.granted]
        try:
            sealed = seal(statement_of(self._desk, dossier, job.said, closure, parts, own), self._desk.key)
        except Reject as error:
            log.error("job %s cannot be closed: %s", job.job, error)
            return None
        digest = await self._desk.context.bus.blobs.put(sealed.encode())
        assert digest == receipt_digest(sealed) and dossier.submitted is not None
        settle = Settle(
            job_id=job.job,
            requester=dossier.submitted.requester,
            event=closure.event.type,
            payouts=closure.payouts,
            fee=closure.fee,
            audits=tuple(fee_of(audit) for audit in closure.audits),
            refunded=closure.refunded,
            receipt=digest,
        )
        return settle, closure.left, job.said[-1].id


def fee_of(audit: AuditUpheld) -> AuditFee:
    """What an ordered audit earns."""
    return AuditFee(audit_id=audit.audit_id, verifier=audit.verifier, amount=audit.fee)


async def ripe_of(tx: Transaction, touched: Sequence[str]) -> list[Ripe]:
    """Those of the touched jobs of which all is known but perhaps their epochs."""
    said = await queries.closable(tx, touched)
    dossiers = {job: gather([envelope.event for envelope in known]) for job, known in said.items()}
    whole = [job for job, dossier in dossiers.items() if not lacks(dossier)]
    locked = await books.locked(tx, whole) if whole else {}
    return [Ripe(job, said[job], dossiers[job], locked.get(job, 0)) for job in whole]


async def settle_epochs(unit: Unit) -> bool:
    """Whether any epoch came to its end with the last of its leases."""
    settled = await epochs.settle(unit.tx)
    for epoch in settled:
        fact = {"epoch_id": epoch.epoch_id, "provider": epoch.provider, "number": epoch.number}
        unit.emission.add(EpochSettled(**fact), epoch.ended_by)
    return bool(settled)


def statement_of(
    desk: Desk,
    dossier: Dossier,
    said: Sequence[Envelope[Any]],
    closure: Closure,
    proven: Sequence[EpochPart],
    disputed: Sequence[DisputePart],
) -> Any:
    """The receipt of a job that lacks nothing: each lease with the very statements that its share counts."""
    submitted = next(envelope for envelope in said if isinstance(envelope.event, JobSubmitted))
    leases, verdicts = [], []
    for share in dossier.shares:
        counted = {commit.commitment for commit in commits_of(dossier, share)}
        leases.append((dossier.granted[share.lease_id], statements(said, share.lease_id, counted)))
        found = dossier.verified.get(share.lease_id) or dossier.rejected[share.lease_id]
        verdicts.append(dossier.verdicts[found.verdict_id])
    twice = {share.lease_id: pair for share in dossier.shares if (pair := doubled(said, share.lease_id))}
    money = (closure.payouts, closure.refunded, closure.fee)
    audited = sum(audit.fee for audit in closure.audits)
    parts: dict[str, Any] = {"epochs": proven, "doubled": twice, "disputes": disputed, "audited": audited}
    return compose(desk.domain, submitted, leases, verdicts, *money, **parts)


def statements(said: Sequence[Envelope[Any]], lease: str, counted: set[str]) -> list[Envelope[Any]]:
    """A lease's counted commitments in order, each once, then its end."""
    commits: dict[str, Envelope[LeaseCommitted]] = {}
    ends = []
    for envelope in said:
        event = envelope.event
        if isinstance(event, LeaseCommitted) and event.lease_id == lease and event.commitment in counted:
            commits.setdefault(event.commitment, envelope)
        if isinstance(event, LeaseExecuted) and event.lease_id == lease:
            ends.append(envelope)
    return sorted(commits.values(), key=lambda envelope: envelope.event.segment) + ends[:1]
