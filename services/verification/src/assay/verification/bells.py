"""The bells by which handlers and tasks wake one another, so that nothing waits for the next look."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from assay.runtime import Context
from assay.schema.errors import AssayError
from assay.store.waiting import GATHER_S, wait_for_event

# The bells tell of what happens in this process; this is for what other replicas have done or put back.
IDLE_S: Final = 1.0
AFTER_FAULT_S: Final = 0.5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bells:
    """One for each task of the service."""

    check: asyncio.Event = field(default_factory=asyncio.Event)
    pool: asyncio.Event = field(default_factory=asyncio.Event)
    tend: asyncio.Event = field(default_factory=asyncio.Event)
    draw: asyncio.Event = field(default_factory=asyncio.Event)
    judge: asyncio.Event = field(default_factory=asyncio.Event)
    show: asyncio.Event = field(default_factory=asyncio.Event)
    dispute: asyncio.Event = field(default_factory=asyncio.Event)
    challenge: asyncio.Event = field(default_factory=asyncio.Event)


async def keep(context: Context, bell: asyncio.Event, turn: Callable[[], Awaitable[float | None]]) -> None:
    """Take turns until the service stops. A turn says after how many seconds it wants another; None: when it is rung.

    What fails for now is tried again: a database, chain or bus that is away is waited for.
    """
    while not context.stopping.is_set():
        bell.clear()
        try:
            wait_s = await turn()
        except AssayError as error:
            log.warning("comes again: %s", error)
            wait_s = AFTER_FAULT_S
        await asyncio.sleep(GATHER_S)
        await wait_for_event(bell, IDLE_S if wait_s is None else min(wait_s, IDLE_S))
