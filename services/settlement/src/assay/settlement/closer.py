"""Closes jobs: where nothing is lacking, the receipt is composed, sealed and stored, and its settlement wanted."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from assay.proof.provenance import EpochPart
from assay.proof.receipt import compose, receipt_digest, seal
from assay.schema.epoch import EpochSettled
from assay.schema.errors import Reject
from assay.schema.event import Envelope, Event
from assay.schema.job import JobSubmitted
from assay.schema.lease import LeaseCommitted, LeaseExecuted
from assay.settlement import books, epochs, queries
from assay.settlement.desk import Desk
from assay.settlement.domain import Closure, Dossier, close, commits_of, gather, lacks
from assay.settlement.intents import Settle
from assay.settlement.lineage import beacon_block, doubled, epoch_part, epochs_of

TOUCHED_MAX = 500

log = logging.getLogger(__name__)


class Closer:
    """Looks at jobs again that were touched."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._store = desk, desk.context.store

    async def step(self) -> bool:
        """Whether any job was looked at. Raises Retry, Unreachable."""
        async with self._store.transaction() as tx:
            touched = await queries.touched(tx, TOUCHED_MAX)
            said = await queries.closable(tx, list(touched)) if touched else {}
            locked = await books.locked(tx, list(said)) if said else {}
        found = await asyncio.gather(*(self._close(job, said[job], locked.get(job, 0)) for job in said))
        if touched:
            async with self._store.transaction() as tx:
                for settle, cause in filter(None, found):
                    await queries.want(tx, settle, cause)
                await queries.forget_touches(tx, [place for places in touched.values() for place in places])
        if any(found):
            self._desk.bell.ring()
        return bool(touched) or await self._settle_epochs()

    async def _epochs(self, ids: Sequence[str]) -> list[EpochPart] | None:
        """The receipt's part of each of these epochs; None while something lacks. Raises ChainUnreachable."""
        async with self._store.transaction() as tx:
            known = await epochs.facts(tx, ids) if ids else {}
        blocks = [beacon_block(said) for said in known.values()]
        if None in blocks:
            return None
        beacons = await asyncio.gather(*(self._desk.chain.block(number) for number in blocks))
        return [epoch_part(said, beacon.hash) for said, beacon in zip(known.values(), beacons, strict=True)]

    async def _settle_epochs(self) -> bool:
        """Whether any epoch came to its end with the last of its leases."""
        async with self._desk.context.unit() as unit:
            settled = await epochs.settle(unit.tx)
            for epoch in settled:
                fact = {"epoch_id": epoch.epoch_id, "provider": epoch.provider, "number": epoch.number}
                unit.emission.add(EpochSettled(**fact), epoch.ended_by)
        return bool(settled)

    async def _close(self, job: str, said: Sequence[Envelope[Event]], locked: int) -> tuple[Settle, str] | None:
        """What settles the job, once its receipt is stored; None while something lacks."""
        dossier = gather([envelope.event for envelope in said])
        if lacks(dossier):
            return None
        proven = await self._epochs(epochs_of(dossier))
        if proven is None:
            return None
        closure = close(dossier, locked)
        try:
            sealed = seal(statement_of(self._desk, dossier, said, closure, proven), self._desk.key)
        except Reject as error:
            log.error("job %s cannot be closed: %s", job, error)
            return None
        digest = await self._desk.context.bus.blobs.put(sealed.encode())
        assert digest == receipt_digest(sealed) and dossier.submitted is not None
        settle = Settle(
            job_id=job,
            requester=dossier.submitted.requester,
            event=closure.event.type,
            payouts=closure.payouts,
            fee=closure.fee,
            refunded=closure.refunded,
            receipt=digest,
        )
        return settle, said[-1].id


def statement_of(
    desk: Desk, dossier: Dossier, said: Sequence[Envelope[Any]], closure: Closure, proven: Sequence[EpochPart]
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
    return compose(desk.domain, submitted, leases, verdicts, *money, epochs=proven, doubled=twice)


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
