"""The timers: one forgets what is old or over, one tells who was given a key and destroys keys that are to go."""

from typing import Final

from assay.gateway.handlers import Ports
from assay.schema.event import Event

PRUNE_S: Final = 600.0
KEPT_MS: Final = 7 * 86_400_000
KEYS_S: Final = 2.0


async def prune(ports: Ports, now_ms: int) -> list[Event]:
    """Forgets refusals, and what is over, after a week; nothing follows from it."""
    await ports.registry.prune(now_ms - KEPT_MS)
    await ports.snapshots.prune(now_ms)
    return []


async def tend_keys(ports: Ports, now_ms: int) -> list[Event]:
    """Tells what was given for audits that are over, and destroys the keys that nothing needs any more."""
    said: list[Event] = [*await ports.keys.tell(now_ms)]
    return said + (await ports.holder.destroy(ports.keys, now_ms) if ports.holder else [])
