"""What only time brings: offers that expired, fell silent, or whose provider is heard again.

Unreachable is not failed: silence counts only while the gateway's pulse proves the path, and never when it befalls
most providers at once.
"""

from collections.abc import Sequence
from typing import Final

from assay.discovery.checks import admit
from assay.discovery.domain import PULSE_GAP_MS, Objection, is_bulk
from assay.discovery.handlers import Ports, delisted, listed
from assay.schema.event import Event
from assay.schema.offer import Offer

WATCH_S: Final = 1.0
EXPIRED: Final = Objection("offer.expired", "It was not renewed before its end.")
SILENT: Final = Objection("offer.silent", "Its provider was not heard for too long; it is listed again once it is.")


async def watch(ports: Ports, now_ms: int) -> list[Event]:
    """The events that the passing of time led to."""
    return [
        *await _delist(ports, await ports.registry.expired(now_ms), EXPIRED),
        *await _delist(ports, await _silent(ports, now_ms), SILENT),
        *await _relist(ports, now_ms),
    ]


async def _silent(ports: Ports, now_ms: int) -> Sequence[Offer]:
    since_ms = ports.pulse.silent_since(now_ms, ports.terms.silent_ms)
    silent = [] if since_ms is None else await ports.registry.silent(since_ms)
    return [] if silent and is_bulk(len(silent), await ports.registry.count()) else silent


async def _delist(ports: Ports, offers: Sequence[Offer], objection: Objection) -> list[Event]:
    if offers:
        await ports.registry.delist(offers, objection.code)
    return [delisted(offer, objection) for offer in offers]


async def _relist(ports: Ports, now_ms: int) -> list[Event]:
    events: list[Event] = []
    for offer in await ports.registry.back(now_ms - PULSE_GAP_MS, now_ms):
        standing, _ = await ports.registry.lock(offer.provider)
        objection = admit(offer, standing, ports.terms, now_ms)
        await ports.registry.save(offer, None if objection else now_ms, objection.code if objection else None)
        events += [] if objection else [listed(offer, standing, ports.terms, now_ms)]
    return events
