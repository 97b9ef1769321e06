"""What the gateway does about each event: it keeps it, tells it to whom it concerns, and follows leases and offers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from assay.gateway.feed import Feed
from assay.gateway.offers import Offers
from assay.gateway.push import Pushes
from assay.gateway.queries import Registry
from assay.schema import REGISTRY
from assay.schema.event import Envelope, Event
from assay.schema.job import JobRefunded, JobSettled
from assay.schema.lease import LeaseGranted
from assay.schema.offer import OfferDelisted, OfferListed
from assay.store import Transaction


@dataclass(frozen=True, slots=True)
class Ports:
    """What a handler may use: the tables, and the pusher that is given what to push after the commit."""

    feed: Feed
    offers: Offers
    registry: Registry
    push: Callable[[Pushes], None]

    @classmethod
    def over(cls, tx: Transaction, push: Callable[[Pushes], None]) -> "Ports":
        """The ports of one transaction."""
        return cls(Feed(tx), Offers(tx), Registry(tx), push)


async def flush(ports: Ports) -> None:
    """Writes the feeds, all events of a transaction at once, and has them pushed after the commit."""
    if pushes := await ports.feed.write():
        ports.feed.tx.on_commit(partial(ports.push, pushes))


async def on_any(said: Envelope[Event], ports: Ports, now_ms: int) -> list[Event]:
    """Tells the event; nothing follows from it here."""
    ports.feed.tell(said)
    return []


async def on_lease_granted(said: Envelope[LeaseGranted], ports: Ports, now_ms: int) -> list[Event]:
    """Lets the provider speak of its lease, and tells it."""
    event = said.event
    await ports.offers.grant(event.lease_id, event.job_id, event.provider, event.fence)
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
    await ports.registry.add_receipt(said.event.receipt)
    return await on_any(said, ports, now_ms)  # type: ignore[arg-type]


HANDLERS: dict[type[Event], Any] = {event: on_any for event in REGISTRY.values() if event.tells or event.public} | {
    LeaseGranted: on_lease_granted,
    OfferListed: on_offer_listed,
    OfferDelisted: on_offer_delisted,
    JobSettled: on_job_closed,
    JobRefunded: on_job_closed,
}
"""Every event of the registry that anybody is told."""
