"""What the gateway does about each event: it keeps it, tells it to whom it concerns, and follows leases and offers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from assay.bus import Blobs
from assay.gateway.audits import Audits
from assay.gateway.evidence import Evidence
from assay.gateway.feed import Feed
from assay.gateway.holder import Holder, holder_of
from assay.gateway.keys import Keys
from assay.gateway.offers import Offers
from assay.gateway.push import Pushes
from assay.gateway.queries import Registry
from assay.gateway.readers import Readers
from assay.gateway.snapshots import Snapshots
from assay.gateway.verifiers import Verifiers
from assay.proof.pool import jobs_of
from assay.runtime import Context
from assay.schema import REGISTRY
from assay.schema.audit import AuditAssigned, AuditOverruled, VerifierAnnounced, VerifierWithdrawn
from assay.schema.beacon import BeaconCalled
from assay.schema.challenge import ChallengeCalled
from assay.schema.dispute import DisputeLodged
from assay.schema.epoch import EpochCommitted, EpochDrawn, EpochPooled, EpochWaiting
from assay.schema.errors import Refused, Retry
from assay.schema.event import Envelope, Event
from assay.schema.job import JobRefunded, JobSettled
from assay.schema.lease import LeaseGranted
from assay.schema.offer import OfferDelisted, OfferListed, StakeChanged
from assay.schema.slash import SlashAppealed, SlashProposed
from assay.schema.spare import SpareGranted
from assay.store import Transaction


@dataclass(frozen=True, slots=True)
class Ports:
    """What a handler may use: the tables, the blobs, and the pusher that is given what to push after the commit."""

    feed: Feed
    offers: Offers
    registry: Registry
    audits: Audits
    verifiers: Verifiers
    readers: Readers
    evidence: Evidence
    keys: Keys
    blobs: Blobs
    push: Callable[[Pushes], None]
    holder: Holder | None
    snapshots: Snapshots

    @classmethod
    def over(cls, tx: Transaction, ctx: Context, push: Callable[[Pushes], None]) -> "Ports":
        """The ports of one transaction."""
        tables = (Feed(tx), Offers(tx), Registry(tx), Audits(tx), Verifiers(tx), Readers(tx), Evidence(tx), Keys(tx))
        return cls(*tables, ctx.bus.blobs, push, holder_of(ctx.settings), Snapshots(tx))


async def flush(ports: Ports) -> None:
    """Writes what was noted, all events of a transaction at once, and has the feeds pushed after the commit."""
    await ports.offers.write()
    await ports.registry.write()
    await ports.readers.write()
    await ports.keys.write()
    if pushes := await ports.feed.write():
        ports.feed.tx.on_commit(partial(ports.push, pushes))


async def on_any(said: Envelope[Event], ports: Ports, now_ms: int) -> list[Event]:
    """Tells the event, and lets whom it is told read the blobs that it names; nothing follows from it here."""
    ports.readers.note(said.event)
    ports.keys.note(said.event)
    ports.feed.tell(said)
    return []


async def on_lease_granted(said: Envelope[LeaseGranted], ports: Ports, now_ms: int) -> list[Event]:
    """Lets the provider speak of its lease, and tells it."""
    event = said.event
    ports.offers.grant(event.lease_id, event.job_id, event.provider, event.fence)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_spare_granted(said: Envelope[SpareGranted], ports: Ports, now_ms: int) -> list[Event]:
    """Lets the provider speak of its spare, and tells it."""
    event = said.event
    await ports.offers.stand_by(event.spare_id, event.job_id, event.provider, event.deadline_ms)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_audit_assigned(said: Envelope[AuditAssigned], ports: Ports, now_ms: int) -> list[Event]:
    """Lets the verifier speak of its audit, and tells it."""
    await ports.audits.assign(said.event.audit_id, said.event.verifier)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_audit_overruled(said: Envelope[AuditOverruled], ports: Ports, now_ms: int) -> list[Event]:
    """Has what the verifier was shown stay for an appeal, and tells it."""
    await ports.snapshots.overrule(said.event.verifier, said.time_ms)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_beacon_called(said: Envelope[BeaconCalled], ports: Ports, now_ms: int) -> list[Event]:
    """Lets the verifier speak of its share, and tells it."""
    await ports.audits.call(said.event.beacon_id, said.event.epoch_id, said.event.verifier)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_challenge_called(said: Envelope[ChallengeCalled], ports: Ports, now_ms: int) -> list[Event]:
    """Lets the provider answer, and tells it."""
    await ports.audits.challenge(said.event.challenge_id, said.event.provider, said.event.due_ms)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_dispute_lodged(said: Envelope[DisputeLodged], ports: Ports, now_ms: int) -> list[Event]:
    """Lets both parties speak of the dispute, and tells it."""
    await ports.audits.dispute(said.event.dispute_id, said.event.provider, said.event.verifier)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_epoch_committed(said: Envelope[EpochCommitted], ports: Ports, now_ms: int) -> list[Event]:
    """Shows the epoch to the requesters of its jobs, and tells it."""
    await ports.audits.pool(said.event.epoch_id, (entry.job_id for entry in said.event.entries))
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_epoch_pooled(said: Envelope[EpochPooled], ports: Ports, now_ms: int) -> list[Event]:
    """Shows the epoch to the requesters of its jobs, its entries to everybody, and tells it. Raises Retry."""
    pooled = said.event
    try:
        # Its own service says it: nothing is proven here, and no tree is built of thousands of entries.
        jobs = await asyncio.to_thread(jobs_of, await ports.blobs.get(pooled.entries), pooled)
    except Refused as refusal:
        raise Retry(refusal.detail) from None
    await ports.audits.pool(pooled.epoch_id, jobs)
    ports.registry.open_blob(pooled.entries)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_epoch_waiting(said: Envelope[EpochWaiting], ports: Ports, now_ms: int) -> list[Event]:
    """Shows an epoch that stays open to the requesters of its provider's jobs, and tells what it waits for."""
    if said.event.closes_ms is not None:
        await ports.audits.open_epoch(said.event.provider, said.event.epoch_id)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_epoch_drawn(said: Envelope[EpochDrawn], ports: Ports, now_ms: int) -> list[Event]:
    """Lets everybody read what proves the places of the drawn segments, and tells the draw."""
    if said.event.places:
        ports.registry.open_blob(said.event.places)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_verifier_announced(said: Envelope[VerifierAnnounced], ports: Ports, now_ms: int) -> list[Event]:
    """Shows the verifier on the network, and tells it."""
    await ports.verifiers.announce(said.event)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_verifier_withdrawn(said: Envelope[VerifierWithdrawn], ports: Ports, now_ms: int) -> list[Event]:
    """Shows the verifier as gone, and tells it."""
    await ports.verifiers.withdraw(said.event.verifier)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_stake_changed(said: Envelope[StakeChanged], ports: Ports, now_ms: int) -> list[Event]:
    """Keeps what stands behind an address, and tells it."""
    await ports.verifiers.stake(said.event)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_slash_proposed(said: Envelope[SlashProposed], ports: Ports, now_ms: int) -> list[Event]:
    """Lets everybody read the statement that the accusation rests on, and tells it."""
    await ports.evidence.propose(said.event)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_slash_appealed(said: Envelope[SlashAppealed], ports: Ports, now_ms: int) -> list[Event]:
    """Lets everybody read what the accused brings, and tells it."""
    await ports.evidence.appeal(said.event)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_offer_listed(said: Envelope[OfferListed], ports: Ports, now_ms: int) -> list[Event]:
    """Shows the offer on the network, and tells it."""
    await ports.offers.enlist(said.event)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_offer_delisted(said: Envelope[OfferDelisted], ports: Ports, now_ms: int) -> list[Event]:
    """Shows the offer as ended, and tells it."""
    await ports.offers.delist(said.event.provider, said.event.offer_id, said.event.reason)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


async def on_job_closed(said: Envelope[JobSettled] | Envelope[JobRefunded], ports: Ports, now_ms: int) -> list[Event]:
    """Lets everybody read the receipt, and tells the requester."""
    ports.registry.open_blob(said.event.receipt)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


HANDLERS: dict[type[Event], Any] = {event: on_any for event in REGISTRY.values() if event.tells or event.public} | {
    LeaseGranted: on_lease_granted,
    SpareGranted: on_spare_granted,
    AuditAssigned: on_audit_assigned,
    AuditOverruled: on_audit_overruled,
    BeaconCalled: on_beacon_called,
    ChallengeCalled: on_challenge_called,
    DisputeLodged: on_dispute_lodged,
    EpochCommitted: on_epoch_committed,
    EpochPooled: on_epoch_pooled,
    EpochDrawn: on_epoch_drawn,
    EpochWaiting: on_epoch_waiting,
    VerifierAnnounced: on_verifier_announced,
    VerifierWithdrawn: on_verifier_withdrawn,
    StakeChanged: on_stake_changed,
    SlashProposed: on_slash_proposed,
    SlashAppealed: on_slash_appealed,
    OfferListed: on_offer_listed,
    OfferDelisted: on_offer_delisted,
    JobSettled: on_job_closed,
    JobRefunded: on_job_closed,
}
"""Every event of the registry that anybody is told."""
