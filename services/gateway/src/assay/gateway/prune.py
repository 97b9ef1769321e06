"""The timer that forgets old refusals, and challenges and spares that are over."""

from typing import Final

from assay.gateway.handlers import Ports
from assay.schema.event import Event

PRUNE_S: Final = 600.0
KEPT_MS: Final = 7 * 86_400_000


async def prune(ports: Ports, now_ms: int) -> list[Event]:
    """Forgets refusals, and what is over, after a week; nothing follows from it."""
    await ports.registry.prune(now_ms - KEPT_MS)
    return []
