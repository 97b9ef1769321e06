"""Waits for a server at the start, for as long as the settings say."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from assay.schema.errors import Unreachable
from assay.store.waiting import wait_for_event

AGAIN_S: Final = 0.25
Server = TypeVar("Server")

log = logging.getLogger(__name__)


async def reach(connect: Callable[[], Awaitable[Server]], within_s: float, stopping: asyncio.Event) -> Server:
    """What `connect` comes to, tried again while it is Unreachable. Raises Unreachable after `within_s`."""
    until_s = time.monotonic() + within_s
    while True:
        try:
            return await connect()
        except Unreachable as error:
            if time.monotonic() >= until_s or await wait_for_event(stopping, AGAIN_S):
                raise
            log.info("waits: %s", error)
