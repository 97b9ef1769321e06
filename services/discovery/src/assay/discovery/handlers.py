"""What discovery does about each event that it is told of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from assay.discovery.checks import admit
from assay.discovery.domain import DAY_MS, Objection, Pulse, Shown, Standing, Terms, is_newer, shown_after, within
from assay.discovery.queries import Known, Registry
from assay.proof.presented import find_in
from assay.proof.reputation import blame_of, dropped_of
from assay.runtime import Handler
from assay.schema.challenge import VOID, ChallengeCalled, ChallengeMeasured, ChallengeMissed, ChallengeRefuted
from assay.schema.event import Envelope, Event
from assay.schema.job import JobExecuted
from assay.schema.lease import (
    LeaseExecuted,
    LeaseFailed,
    LeaseGranted,
    LeaseLapsed,
    LeaseRejected,
    LeaseReleased,
    LeaseVerified,
)
from assay.schema.offer import (
    UNPROVEN,
    Measurement,
    Offer,
    OfferAnnounced,
    OfferDelisted,
    OfferListed,
    OfferRefused,
    OfferWithdrawn,
    StakeChanged,
)

# Offers kept out for these reasons come back by themselves, as soon as stake, claim or what was shown has changed.
LACKING: Final = ("offer.unclaimed", "offer.understaked", "offer.outgrown", UNPROVEN)


@dataclass(frozen=True, slots=True)
class Ports:
    """What a handler may use: the tables, the operator's terms, and what the pulse proves."""

    registry: Registry
    terms: Terms
    pulse: Pulse


async def flush(ports: Ports) -> None:
    """Writes which leases a transaction's events have begun and ended."""
    await ports.registry.write()


async def on_offer_announced(said: Envelope[OfferAnnounced], ports: Ports, now_ms: int) -> list[Event]:
    """Lists the offer or refuses it; one that is no later than the known one changes nothing."""
    offer = said.event
    standing, known = await ports.registry.lock(offer.provider)
    if not is_newer(offer.sequence, known.offer.sequence if known else None):
        return []
    objection = admit(offer, standing, ports.terms, now_ms)
    if objection is None:
        await ports.registry.save(offer, now_ms, None)
        return [*_replaced(known, offer), listed(offer, standing, ports.terms, now_ms)]
    if not (known and known.is_listed):
        await ports.registry.save(offer, None, objection.code)
    return [_refused(offer, objection)]


async def on_offer_withdrawn(said: Envelope[OfferWithdrawn], ports: Ports, now_ms: int) -> list[Event]:
    """Delists the offer; if it is not the standing one, nothing changes."""
    _, known = await ports.registry.lock(said.event.provider)
    if known is None or known.offer.offer_id != said.event.offer_id:
        return []
    objection = Objection("offer.withdrawn", "Its provider took it back.")
    return await _delist(ports, known, objection)


async def on_stake_changed(said: Envelope[StakeChanged], ports: Ports, now_ms: int) -> list[Event]:
    """Looks at the provider's offer again, unless a later stake is known already."""
    if not await ports.registry.stake(said.event):
        return []
    return await _review(ports, said.event.provider, now_ms)


async def on_lease_verified(said: Envelope[LeaseVerified], ports: Ports, now_ms: int) -> list[Event]:
    """Adds to the provider's reputation and to what it did today; the next renewal of its offer carries both."""
    await ports.registry.judged(said.event.provider, verified=1)
    await ports.registry.did(said.event.provider, now_ms // DAY_MS, said.event.units)
    return []


async def on_lease_rejected(said: Envelope[LeaseRejected], ports: Ports, now_ms: int) -> list[Event]:
    """Takes from the provider's reputation, and looks at its offer again at once; not where nobody is to blame."""
    blame = blame_of(said.event)
    if blame is None:
        return []
    await ports.registry.judged(said.event.provider, **{blame.value: 1})
    return await _review(ports, said.event.provider, now_ms)


async def on_job_executed(said: Envelope[JobExecuted], ports: Ports, now_ms: int) -> list[Event]:
    """Takes from the reputation of whoever had the job before and did not finish it; the next renewal carries that."""
    events: list[Event] = []
    for provider in sorted(dropped_of(said.event).values()):
        await ports.registry.judged(provider, dropped=1)
        standing, known = await ports.registry.lock(provider)
        if known and known.is_listed and (objection := admit(known.offer, standing, ports.terms, now_ms)):
            events += await _delist(ports, known, objection)
    return events


async def on_lease_granted(said: Envelope[LeaseGranted], ports: Ports, now_ms: int) -> list[Event]:
    """Counts a slot as busy: a challenge finds the idle ones."""
    ports.registry.take(said.event.lease_id, said.event.provider)
    return []


async def on_lease_ended(
    said: Envelope[LeaseExecuted | LeaseFailed | LeaseLapsed | LeaseReleased], ports: Ports, now_ms: int
) -> list[Event]:
    """Counts a slot as idle again."""
    ports.registry.leave(said.event.lease_id)
    return []


async def on_challenge_called(said: Envelope[ChallengeCalled], ports: Ports, now_ms: int) -> list[Event]:
    """Keeps how much of the machine is busy at this moment."""
    await ports.registry.called(said.event.provider)
    return []


async def on_challenge_measured(said: Envelope[ChallengeMeasured], ports: Ports, now_ms: int) -> list[Event]:
    """Lists the offer up to what was measured."""
    return await _show(ports, said.event, said.event.units_per_s, now_ms)


async def on_challenge_missed(said: Envelope[ChallengeMissed], ports: Ports, now_ms: int) -> list[Event]:
    """Lists no idle slot of a machine that showed nothing, unless nobody was heard."""
    return [] if said.event.code == VOID else await _show(ports, said.event, 0, now_ms)


async def on_challenge_refuted(said: Envelope[ChallengeRefuted], ports: Ports, now_ms: int) -> list[Event]:
    """Delists the offer: nothing that its provider has shown before counts any more."""
    return await _show(ports, said.event, None, now_ms)


async def _show(
    ports: Ports, event: ChallengeMeasured | ChallengeMissed | ChallengeRefuted, found: int | None, now_ms: int
) -> list[Event]:
    """Keeps what was shown, unless a later block's challenge is known, and looks at the offer again.

    With `found` None nothing is left of what was shown before.
    """
    standing, known = await ports.registry.lock(event.provider)
    before, slots = standing.shown, known.offer.capacity.slots if known else 1
    if before and event.block <= before.block:
        return []
    units = 0 if found is None else shown_after(before, found, standing.busy, slots)
    await ports.registry.show(event.provider, Shown(units, event.block))
    return await _review(ports, event.provider, now_ms)


async def _review(ports: Ports, provider: str, now_ms: int) -> list[Event]:
    standing, known = await ports.registry.lock(provider)
    if known is None or not (known.is_listed or known.objection in LACKING):
        return []
    objection = admit(known.offer, standing, ports.terms, now_ms)
    if objection:
        return await _delist(ports, known, objection)
    await ports.registry.save(known.offer, now_ms, None)
    return [listed(known.offer, standing, ports.terms, now_ms)]


async def _delist(ports: Ports, known: Known, objection: Objection) -> list[Event]:
    await ports.registry.save(known.offer, None, objection.code)
    return [delisted(known.offer, objection)] if known.is_listed else []


def _replaced(known: Known | None, offer: Offer) -> list[Event]:
    if known is None or not known.is_listed or known.offer.offer_id == offer.offer_id:
        return []
    return [delisted(known.offer, Objection("offer.replaced", f"Offer {offer.offer_id} took its place."))]


def listed(offer: OfferAnnounced, standing: Standing, terms: Terms, now_ms: int) -> OfferListed:
    """The event that lists an offer, with what is known of its provider and found in the report that it presents."""
    own: dict[str, Any] = {name: getattr(offer, name) for name in Offer.model_fields}
    own["capacity"], shown = within(offer.capacity, standing.shown), standing.shown
    claimed = offer.capacity.claim
    measured = Measurement(units_per_s=shown.units_per_s, block=shown.block, claimed=claimed) if shown else None
    presented = offer.attestation
    found = find_in(presented, offer.provider, terms.trusted, now_ms) if presented else None
    return OfferListed(
        **own, reputation=standing.reputation, stake=standing.whole, attestation=found, measured=measured
    )


def _refused(offer: Offer, objection: Objection) -> OfferRefused:
    return OfferRefused(offer_id=offer.offer_id, provider=offer.provider, code=objection.code, reason=objection.reason)


def delisted(offer: Offer, objection: Objection) -> OfferDelisted:
    """The event that ends a listed offer."""
    return OfferDelisted(offer_id=offer.offer_id, provider=offer.provider, code=objection.code, reason=objection.reason)


HANDLERS: Final[Mapping[type[Event], Handler]] = {
    OfferAnnounced: on_offer_announced,
    OfferWithdrawn: on_offer_withdrawn,
    StakeChanged: on_stake_changed,
    LeaseGranted: on_lease_granted,
    **dict.fromkeys((LeaseExecuted, LeaseFailed, LeaseLapsed, LeaseReleased), on_lease_ended),
    ChallengeCalled: on_challenge_called,
    ChallengeMeasured: on_challenge_measured,
    ChallengeMissed: on_challenge_missed,
    ChallengeRefuted: on_challenge_refuted,
    LeaseVerified: on_lease_verified,
    LeaseRejected: on_lease_rejected,
    JobExecuted: on_job_executed,
}
