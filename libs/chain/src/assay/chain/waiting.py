"""Waiting for a chain by asking it again: nothing about money rests on a notification that may be lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from assay.chain.errors import ChainUnreachable

POLL_S = 0.02

Found = TypeVar("Found")


async def until_mined(ask: Callable[[], Awaitable[Found | None]], tx_hash: bytes, within_s: float) -> Found:
    """Returns the first answer of `ask` about a transaction that is not None.

    Raises ChainUnreachable after `within_s` seconds.
    """
    try:
        async with asyncio.timeout(within_s):
            while True:
                if (found := await ask()) is not None:
                    return found
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        raise ChainUnreachable(f"Transaction 0x{tx_hash.hex()} was not mined in {within_s:.0f} s.") from error
