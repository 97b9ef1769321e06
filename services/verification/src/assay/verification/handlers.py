"""What verification does when something happens: it remembers it, and wakes the task whose turn it is.

It does not hear how a lease ends: a commitment that is delivered again after the end, as after a crash, must count.
How many there are is said when the job stops.
"""

from assay.proof.opened import is_plain
from assay.runtime import Handler
from assay.schema.audit import AuditDeclined, AuditRevealed, AuditSealed, VerifierAnnounced, VerifierWithdrawn
from assay.schema.beacon import BeaconCommitted, BeaconExcused, BeaconRevealed
from assay.schema.challenge import ChallengeAnswered
from assay.schema.dispute import (
    DisputeAccepted,
    DisputeAppealed,
    DisputeContested,
    DisputeJudged,
    DisputeObjected,
    DisputePleaded,
    DisputePressed,
)
from assay.schema.epoch import EpochAnchored, EpochTraced
from assay.schema.errors import Retry
from assay.schema.event import Envelope, Event
from assay.schema.job import JobCancelled, JobExecuted, JobExpired, JobFailed, JobStopped
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.schema.offer import UNPROVEN, OfferDelisted, OfferListed, OfferRefused, StakeChanged
from assay.verification.domain.unanswered import code_of
from assay.verification.ports import Ports
from assay.verification.queries import (
    attested,
    beacons,
    cases,
    challenges,
    epochs,
    questions,
    traces,
    verifiers,
    withholding,
)
from assay.verification.queries.cases import shares_of
from assay.verification.steps import disputing
from assay.verification.steps.appealing import take_appeal
from assay.verification.steps.revealing import share_in

AGAIN_MS = 600_000
"""How long a provider that showed too little is challenged again without a word of it."""


async def on_lease_granted(said: Envelope[LeaseGranted], ports: Ports, now: int) -> list[Event]:
    """Keep the terms that the work is checked against."""
    ports.granted.append(said.event)
    return []


async def on_lease_committed(said: Envelope[LeaseCommitted], ports: Ports, now: int) -> list[Event]:
    """Keep what the provider is bound to."""
    ports.committed.append(said)
    return []


async def on_job_executed(said: Envelope[JobExecuted], ports: Ports, now: int) -> list[Event]:
    """Have each lease checked; the last one is bound to the result as well."""
    last = said.event.leases[-1].lease_id
    await _stop(said.event, ports, is_executed=True, results={last: said.event.result})
    return []


async def on_job_stopped(said: Envelope[JobFailed | JobExpired | JobCancelled], ports: Ports, now: int) -> list[Event]:
    """Have each lease of a job that ended early checked: what was done is verified, then paid."""
    await _stop(said.event, ports, is_executed=False, results={})
    return []


async def _stop(job: JobStopped, ports: Ports, is_executed: bool, results: dict[str, str]) -> None:
    if ports.committed:
        await ports.write()
        await ports.count([job])
    shares = shares_of(job)
    missing = [share.lease_id for share in shares if ports.commits.get(share.lease_id, 0) < share.segments]
    if missing:
        raise Retry(f"Commitments of {', '.join(missing)} are not here yet.")
    ports.stopped.append(cases.Stopped(job, shares, is_executed, results))
    ports.tx.on_commit(ports.bells.check.set)


async def on_epoch_anchored(said: Envelope[EpochAnchored], ports: Ports, now: int) -> list[Event]:
    """Keep the block from which the beacon is counted; the provider's next epoch may close."""
    await epochs.anchor(ports.tx, said.event.epoch_id, said.event.block)
    ports.tx.on_commit(ports.bells.draw.set)
    ports.tx.on_commit(ports.bells.pool.set)
    return []


async def on_epoch_traced(said: Envelope[EpochTraced], ports: Ports, now: int) -> list[Event]:
    """Keep what the provider opened; if it was the last, a later block draws what of it is looked at.

    A statement that no receipt could show again opens nothing, and nobody tells its provider so: a worker writes the
    one form. A plain one counts until `trace_s` is over; without it the segment is withheld, and the epoch forfeit.
    """
    if is_plain(said):
        await traces.open_trace(ports.tx, said)
    ports.tx.on_commit(ports.bells.draw.set)
    return []


async def on_beacon_committed(said: Envelope[BeaconCommitted], ports: Ports, now: int) -> list[Event]:
    """Keep what the verifier is bound to; the epoch may have waited for it."""
    await beacons.commit(ports.tx, said.event)
    ports.tx.on_commit(ports.bells.pool.set)
    return []


async def on_beacon_revealed(said: Envelope[BeaconRevealed], ports: Ports, now: int) -> list[Event]:
    """Keep the share, if it is what was committed; if it was the last, the epoch is drawn."""
    epoch = (await epochs.by_id(ports.tx, [said.event.epoch_id]))[said.event.epoch_id]
    await beacons.reveal(ports.tx, said.event.beacon_id, share_in(epoch, said))
    ports.tx.on_commit(ports.bells.draw.set)
    return []


async def on_beacon_excused(said: Envelope[BeaconExcused], ports: Ports, now: int) -> list[Event]:
    """Keep that a missed share was revealed late; what comes too late, or is not what was bound, excuses nothing."""
    await withholding.excuse(ports.tx, said.event, now)
    return []


async def on_verifier_announced(said: Envelope[VerifierAnnounced], ports: Ports, now: int) -> list[Event]:
    """Keep what it can check; a question may have waited for it."""
    await verifiers.remember(ports.tx, said.event)
    ports.tx.on_commit(ports.bells.tend.set)
    return []


async def on_verifier_withdrawn(said: Envelope[VerifierWithdrawn], ports: Ports, now: int) -> list[Event]:
    """Draw it no more; what it has in hand it still answers."""
    await verifiers.withdraw(ports.tx, said.event.verifier, said.time_ms)
    return []


async def on_offer_listed(said: Envelope[OfferListed], ports: Ports, now: int) -> list[Event]:
    """Keep whether a report stands for the provider's machine; challenge it while it is listed."""
    await attested.remember(ports.tx, said.event, said.time_ms)
    await challenges.keep(ports.tx, said.event.provider, said.time_ms, said.event.expires_ms)
    return []


async def on_offer_ended(said: Envelope[OfferDelisted | OfferRefused], ports: Ports, now: int) -> list[Event]:
    """Challenge the provider no more; but one that showed too little may show more, while it renews its offer."""
    event = said.event
    if event.code == UNPROVEN:
        await challenges.keep(ports.tx, event.provider, said.time_ms, said.time_ms + AGAIN_MS)
    elif isinstance(event, OfferDelisted):
        await challenges.keep(ports.tx, event.provider, said.time_ms, 0)
    return []


async def on_challenge_answered(said: Envelope[ChallengeAnswered], ports: Ports, now: int) -> list[Event]:
    """Keep the answer, and when the bus had it: whoever hears it late has not been answered late.

    A block that nobody knows yet draws from it.
    """
    await challenges.answer(ports.tx, said, min(now, said.stored_ms or now))
    ports.tx.on_commit(ports.bells.challenge.set)
    return []


async def on_stake_changed(said: Envelope[StakeChanged], ports: Ports, now: int) -> list[Event]:
    """Keep what stands behind an address, whichever role it speaks in."""
    await verifiers.bond(ports.tx, said.event)
    ports.tx.on_commit(ports.bells.tend.set)
    return []


async def on_audit_sealed(said: Envelope[AuditSealed], ports: Ports, now: int) -> list[Event]:
    """Keep the seal; if it was the last, all are called to reveal."""
    await questions.seal(ports.tx, said.event)
    ports.tx.on_commit(ports.bells.tend.set)
    return []


async def on_audit_revealed(said: Envelope[AuditRevealed], ports: Ports, now: int) -> list[Event]:
    """Keep the answer; if it was the last, the question is judged."""
    await questions.reveal(ports.tx, said.event)
    await verifiers.was_in_time(ports.tx, said.event.verifier)
    ports.tx.on_commit(ports.bells.judge.set)
    return []


async def on_audit_declined(said: Envelope[AuditDeclined], ports: Ports, now: int) -> list[Event]:
    """Have another verifier drawn; this one rests."""
    if await questions.decline(ports.tx, said.event.audit_id, code_of(said.event)):
        await verifiers.rest(ports.tx, [said.event.verifier], now, verifiers.DECLINED_MS)
    ports.tx.on_commit(ports.bells.tend.set)
    return []


async def on_dispute_moved(
    said: Envelope[DisputeContested | DisputeAccepted | DisputePleaded | DisputePressed], ports: Ports, now: int
) -> list[Event]:
    """Take what a party of a dispute says, if it counts now."""
    ports.tx.on_commit(ports.bells.dispute.set)
    ports.tx.on_commit(ports.bells.judge.set)
    ports.tx.on_commit(ports.bells.tend.set)
    return await disputing.take(ports.tx, said.event, now)


async def on_dispute_appealed(said: Envelope[DisputeAppealed | DisputeObjected], ports: Ports, now: int) -> list[Event]:
    """Take an appeal, if it counts; the clerk looks at its evidence."""
    ports.tx.on_commit(ports.bells.dispute.set)
    return await take_appeal(ports.tx, said.event, now)


async def on_dispute_judged(said: Envelope[DisputeJudged], ports: Ports, now: int) -> list[Event]:
    """Rule as the contract did."""
    ports.tx.on_commit(ports.bells.judge.set)
    return await disputing.judged(ports.tx, said.event)


HANDLERS: dict[type[Event], Handler] = {
    LeaseGranted: on_lease_granted,
    LeaseCommitted: on_lease_committed,
    JobExecuted: on_job_executed,
    JobFailed: on_job_stopped,
    JobExpired: on_job_stopped,
    JobCancelled: on_job_stopped,
    EpochAnchored: on_epoch_anchored,
    EpochTraced: on_epoch_traced,
    BeaconCommitted: on_beacon_committed,
    BeaconRevealed: on_beacon_revealed,
    BeaconExcused: on_beacon_excused,
    VerifierAnnounced: on_verifier_announced,
    VerifierWithdrawn: on_verifier_withdrawn,
    OfferListed: on_offer_listed,
    **dict.fromkeys((OfferDelisted, OfferRefused), on_offer_ended),
    ChallengeAnswered: on_challenge_answered,
    StakeChanged: on_stake_changed,
    AuditSealed: on_audit_sealed,
    AuditRevealed: on_audit_revealed,
    AuditDeclined: on_audit_declined,
    **dict.fromkeys((DisputeContested, DisputeAccepted, DisputePleaded, DisputePressed), on_dispute_moved),
    **dict.fromkeys((DisputeAppealed, DisputeObjected), on_dispute_appealed),
    DisputeJudged: on_dispute_judged,
}
