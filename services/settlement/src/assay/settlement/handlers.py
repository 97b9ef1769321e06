"""What settlement does when something happens: it remembers it, holds money, and writes down what it wants on chain."""

from typing import Any

from assay.proof.digest import blake3_hex
from assay.proof.order import check_order
from assay.runtime.service import Handler
from assay.schema.audit import AuditOverruled, AuditUpheld
from assay.schema.beacon import BeaconWithheld
from assay.schema.challenge import ChallengeRefuted
from assay.schema.epoch import EpochCommitted, EpochDrawn, EpochPassed, EpochPooled, EpochRejected
from assay.schema.errors import Refused, Retry
from assay.schema.event import Envelope, Event
from assay.schema.job import (
    JobCancelled,
    JobExecuted,
    JobExpired,
    JobFailed,
    JobRejected,
    JobSubmitted,
    JobUnfunded,
    JobVerified,
)
from assay.schema.lease import (
    BLAMELESS,
    FORFEIT,
    LeaseCommitted,
    LeaseExecuted,
    LeaseGranted,
    LeaseRejected,
    LeaseVerified,
)
from assay.schema.verdict import VerdictReached
from assay.schema.voucher import VoucherPresented
from assay.settlement import epochs, handlers_disputes, queries
from assay.settlement.domain import check_terms
from assay.settlement.intents import Anchor
from assay.settlement.paying import billing, funding
from assay.settlement.ports import Ports
from assay.settlement.slashing import offences


async def on_job_submitted(said: Envelope[JobSubmitted], ports: Ports, now: int) -> list[Event]:
    """Hold the price limit from the requester's deposit, if it signed the order of this very job.

    If too little is there yet, the order waits for it.
    """
    job = said.event
    try:
        check_order(job, ports.domain)
        check_terms(job, now)
    except Refused as refusal:
        reason = (refusal.detail or refusal.advice)[:400]
        return [JobUnfunded(job_id=job.job_id, requester=job.requester, code=refusal.code, reason=reason)]
    ports.heard.append(said)
    ports.touched.add(job.job_id)
    ports.tx.on_commit(ports.bell.ring)
    return await funding.fund(ports.tx, ports.holder, said, now + ports.fund_wait_ms)


async def on_lease_rejected(said: Envelope[LeaseRejected], ports: Ports, now: int) -> list[Event]:
    """Want the provider accused, for the lease at fault alone: the others of its epoch just are not paid."""
    lease = said.event
    if lease.code in (FORFEIT, *BLAMELESS):
        return await on_closing_fact(said, ports, now)
    return [*await offences.of_lease(said, ports, now), *await on_closing_fact(said, ports, now)]


async def on_challenge_refuted(said: Envelope[ChallengeRefuted], ports: Ports, now: int) -> list[Event]:
    """Want the provider accused of false capacity."""
    return await offences.of_challenge(said, ports, now)


async def on_lease_committed(said: Envelope[LeaseCommitted], ports: Ports, now: int) -> list[Event]:
    """Remember the commitment, and count it: whatever ends the lease in the same batch waits for it no more."""
    ports.commits[said.event.lease_id] += 1
    return await on_fact(said, ports, now)


async def on_lease_executed(said: Envelope[LeaseExecuted], ports: Ports, now: int) -> list[Event]:
    """Remember the end of the lease, after its commitments."""
    _await_commits(said.event, ports)
    return await on_fact(said, ports, now)


async def on_lease_verified(said: Envelope[LeaseVerified], ports: Ports, now: int) -> list[Event]:
    """Remember what is to be paid, after the commitments that the receipt shows for it."""
    _await_commits(said.event, ports)
    return await on_closing_fact(said, ports, now)


async def on_epoch_closed(
    said: Envelope[EpochCommitted] | Envelope[EpochPooled], ports: Ports, now: int
) -> list[Event]:
    """Want the root anchored. Raises Retry while the blob of its entries is not here."""
    epoch = said.event
    entries = epoch.entries if isinstance(epoch, EpochCommitted) else (await ports.pools.of(epoch)).entries
    await epochs.begin(ports.tx, epoch, entries)
    await epochs.remember(ports.tx, said)
    anchor = Anchor(
        epoch_id=epoch.epoch_id,
        provider=epoch.provider,
        number=epoch.number,
        previous=epoch.previous,
        root=epoch.root,
        units=epoch.units,
    )
    await queries.want(ports.tx, anchor, said.id)
    ports.tx.on_commit(ports.bell.ring)
    return []


async def on_epoch_drawn(said: Envelope[EpochDrawn], ports: Ports, now: int) -> list[Event]:
    """Remember the draw, without which no receipt of the epoch's jobs is whole."""
    await epochs.remember(ports.tx, said)
    ports.touched.update(await epochs.jobs_of(ports.tx, said.event.epoch_id))
    return []


async def on_epoch_ended(said: Envelope[EpochPassed | EpochRejected], ports: Ports, now: int) -> list[Event]:
    """Remember that the epoch is to be settled, and how its audit ended."""
    await epochs.remember(ports.tx, said)
    await epochs.end(ports.tx, said.event.epoch_id, said.id)
    ports.touched.update(await epochs.jobs_of(ports.tx, said.event.epoch_id))
    ports.tx.on_commit(ports.bell.ring)
    return []


async def on_audit_upheld(said: Envelope[AuditUpheld], ports: Ports, now: int) -> list[Event]:
    """Have the operator pay the verifier, unless an order asked for the audit: then it is paid as that closes."""
    audit = said.event
    if audit.ordered_by is None:
        await billing.owe(ports.tx, audit, blake3_hex(said.data), said.id)
    await _remember_audit(said, ports)
    return []


async def on_audit_overruled(said: Envelope[AuditOverruled], ports: Ports, now: int) -> list[Event]:
    """Want the verifier accused."""
    await _remember_audit(said, ports)
    return await offences.of_audit(said, ports, now)


async def on_beacon_withheld(said: Envelope[BeaconWithheld], ports: Ports, now: int) -> list[Event]:
    """Want the verifier accused."""
    return await offences.of_beacon(said, ports, now)


async def _remember_audit(said: Envelope[AuditUpheld] | Envelope[AuditOverruled], ports: Ports) -> None:
    """Keep whom the receipts of the epoch's jobs name for which segment; of a planted audit they tell nothing."""
    if said.event.epoch_id is not None:
        await epochs.remember(ports.tx, said)
        ports.touched.update(await epochs.jobs_of(ports.tx, said.event.epoch_id))
    ports.tx.on_commit(ports.bell.ring)


async def on_fact(said: Envelope[Any], ports: Ports, now: int) -> list[Event]:
    """Remember what the receipt will show."""
    ports.heard.append(said)
    return []


async def on_closing_fact(said: Envelope[Any], ports: Ports, now: int) -> list[Event]:
    """Remember it, and have the job looked at again: this may be the last that was lacking."""
    ports.heard.append(said)
    ports.touched.add(said.event.job_id)
    return []


def _await_commits(lease: LeaseExecuted | LeaseVerified, ports: Ports) -> None:
    """Commitments that came after what counts them would be skipped as behind it, so it has to wait for them."""
    if (known := ports.commits[lease.lease_id]) < lease.segments:
        raise Retry(f"{lease.segments - known} commitments of {lease.lease_id} are not here yet.")


CLOSING: tuple[type[Event], ...] = (
    JobExecuted,
    JobFailed,
    JobExpired,
    JobCancelled,
    JobVerified,
    JobRejected,
    VerdictReached,
)
HANDLERS: dict[type[Event], Handler] = {
    JobSubmitted: on_job_submitted,
    LeaseGranted: on_fact,
    LeaseCommitted: on_lease_committed,
    LeaseExecuted: on_lease_executed,
    VoucherPresented: on_fact,
    LeaseVerified: on_lease_verified,
    LeaseRejected: on_lease_rejected,
    ChallengeRefuted: on_challenge_refuted,
    EpochCommitted: on_epoch_closed,
    EpochPooled: on_epoch_closed,
    EpochDrawn: on_epoch_drawn,
    EpochPassed: on_epoch_ended,
    EpochRejected: on_epoch_ended,
    AuditUpheld: on_audit_upheld,
    AuditOverruled: on_audit_overruled,
    BeaconWithheld: on_beacon_withheld,
    **handlers_disputes.HANDLERS,
    **dict.fromkeys(CLOSING, on_closing_fact),
}
