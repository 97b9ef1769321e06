"""A worker in a process of its own, at a door that is played beside it, slowly: whoever kills it reads what it left.

`python -m services.execution.tests.killed_worker FOLDER` works on one lease of very short segments. The file `taken` in
the folder has the number of each segment whose commitment the door has taken.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

from services.execution.tests.test_worker import KEY, granted
from tests.played import DOMAIN, PlayedDoor

from assay.execution.settings import Settings
from assay.execution.worker import Worker
from assay.schema.event import Envelope, Event
from assay.schema.lease import LeaseCommitted
from assay.store.journal import Journal

SEGMENTS: Final = 10_000
TAKES_S: Final = 0.03


class SlowDoor(PlayedDoor):
    """A door that takes its time, and has what it took on disk."""

    def __init__(self, taken: Path) -> None:
        super().__init__()
        self._taken = taken

    async def tell(self, envelope: Envelope[Event]) -> None:
        await asyncio.sleep(TAKES_S)
        await super().tell(envelope)
        if isinstance(envelope.event, LeaseCommitted):
            with self._taken.open("a") as file:
                file.write(f"{envelope.event.segment}\n")


async def main(folder: Path) -> None:
    """Work until killed."""
    door, clock = SlowDoor(folder / "taken"), iter(range(2**40, 2**50))
    settings = Settings(
        **{name: folder / name for name in ("key_file", "deployment_file", "models_dir")},
        data_dir=folder,
        preload=False,
        kinds=("noop",),
    )
    journal = Journal(folder / "journal.sqlite")
    worker = Worker(settings, KEY, DOMAIN, door, journal, lambda: next(clock))
    working = asyncio.create_task(worker.run(asyncio.Event()))
    await door.say(granted(segments=SEGMENTS), "matching")
    await working


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
