"""The beacon: the first block that was made after a moment, which nobody could know at that moment."""

import asyncio

from assay.chain import Block, Chain

POLL_S = 0.1
REMEMBERED = 4_096


class Beacon:
    """Finds blocks by time on a chain whose timestamps never fall."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._blocks: dict[int, Block] = {}

    async def first_after(self, moment_ms: int) -> Block:
        """The first block with a timestamp later than `moment_ms`; waits until there is one."""
        latest = await self._chain.block(None)
        while not is_after(latest, moment_ms):
            await asyncio.sleep(POLL_S)
            latest = await self._chain.block(None)
        return await self._search(latest, moment_ms)

    async def _search(self, latest: Block, moment_ms: int) -> Block:
        """Gallop back from the latest block, then halve: short for a moment that has just passed."""
        step, found = 1, latest
        while found.number and is_after(below := await self._at(max(found.number - step, 0)), moment_ms):
            found, step = below, step * 2
        low, high = max(found.number - step, -1), found.number
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if is_after(await self._at(middle), moment_ms) else (middle, high)
        return await self._at(high)

    async def _at(self, number: int) -> Block:
        if number not in self._blocks:
            if len(self._blocks) >= REMEMBERED:
                self._blocks.clear()
            self._blocks[number] = await self._chain.block(number)
        return self._blocks[number]


def is_after(block: Block, moment_ms: int) -> bool:
    """Whether the block was made in a later second than the moment."""
    return block.timestamp > moment_ms // 1000
