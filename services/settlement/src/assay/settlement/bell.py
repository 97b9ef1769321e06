"""The bell that wakes the desk: rung when there is something to do, so that nothing waits for the next look."""

import asyncio
from weakref import WeakSet


class Ear:
    """One who listens to the bell. A ring while it is busy is heard at its next wait."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()

    async def wait(self, at_most_s: float) -> None:
        """Returns when it is worth to look again."""
        try:
            async with asyncio.timeout(at_most_s):
                await self.heard.wait()
        except TimeoutError:
            return
        self.heard.clear()


class Bell:
    """Rung after the commit of what there is to do."""

    def __init__(self) -> None:
        self._ears: WeakSet[Ear] = WeakSet()

    def ear(self) -> Ear:
        """A new listener, for as long as the bell lasts."""
        ear = Ear()
        self._ears.add(ear)
        return ear

    def ring(self) -> None:
        """There is something to do."""
        for ear in self._ears:
            ear.heard.set()
