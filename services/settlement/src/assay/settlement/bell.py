"""The bell that wakes the desk: rung when there is something to do, so that nothing waits for the next look."""

import asyncio

HOT_S = 0.1
HOT_LOOK_S = 0.005


class Bell:
    """Rung by handlers before their commit, so whoever was woken looks often for a moment, then seldom again."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._hot_until = 0.0

    def ring(self) -> None:
        """There is something to do, or will be within a moment."""
        self._hot_until = asyncio.get_running_loop().time() + HOT_S
        self._rung.set()

    async def wait(self, at_most_s: float) -> None:
        """Returns when it is worth to look again."""
        if asyncio.get_running_loop().time() < self._hot_until:
            await asyncio.sleep(min(HOT_LOOK_S, at_most_s))
            return
        self._rung.clear()
        try:
            await asyncio.wait_for(self._rung.wait(), at_most_s)
        except TimeoutError:
            return
