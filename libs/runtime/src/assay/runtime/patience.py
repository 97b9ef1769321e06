"""Waiting for the network: whoever works for it gives nothing up because it is away for a while."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from assay.schema.errors import Retry, Unreachable

AGAIN_S = 1.0
T = TypeVar("T")

log = logging.getLogger(__name__)


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """The network's answer, however long it is away: a deadline decides, or nobody, but never an outage."""
    while True:
        try:
            return await ask()
        except (Retry, Unreachable) as error:
            log.warning("waits for the network: %s", error)
            await asyncio.sleep(AGAIN_S)
