"""The timer that forgets what was relayed long ago; asked for again, the contract would refuse what was signed once."""

from typing import Final

from assay.schema.event import Event
from assay.settlement.ports import Ports
from assay.settlement.relaying import queue
from assay.settlement.relaying.checks import DAY_MS

PRUNE_S: Final = 3600.0
KEPT_MS: Final = 30 * DAY_MS


async def prune(ports: Ports, now_ms: int) -> list[Event]:
    """Forgets what was asked for a month ago and is over; nothing follows from it."""
    await queue.forget(ports.tx, now_ms - KEPT_MS)
    return []
