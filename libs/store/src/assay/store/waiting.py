"""Waiting that ends early: for what a process is told, or for a time."""

import asyncio
from typing import Final

GATHER_S: Final = 0.05
"""What comes within so long after a batch is done together: whoever works off batches pauses so long between two.

The first thing to come after a silence waits for nothing; under load a commit is shared by all that came meanwhile.
"""


async def wait_for_event(event: asyncio.Event, timeout_s: float) -> bool:
    """Whether the event came to be set within the time."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def wait_for_either(first: asyncio.Event, second: asyncio.Event, timeout_s: float) -> None:
    """Return when one of two events comes to be set, after the time at the latest."""
    waits = [asyncio.ensure_future(event.wait()) for event in (first, second)]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
