"""Providers that claim more than their machine does, each a process of its own in a running network.

What one does follows from the name of its party's folder. They are honest workers but for how they answer challenges.
"""

import asyncio
import fcntl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from assay.execution import worker
from assay.execution.challenged import answer as honest_answer
from assay.execution.launch import launch
from assay.execution.settings import Settings
from assay.schema.challenge import ChallengeAnswered, ChallengeCalled, Part
from assay.workloads.runner import Runner

Answer = Callable[[ChallengeCalled, Sequence[Runner]], Awaitable[ChallengeAnswered | None]]

OVERCLAIMED: Final = 9_000
"""Cost units a second that no machine of the tests does."""


async def makes_up(called: ChallengeCalled, runners: Sequence[Runner]) -> ChallengeAnswered:
    """Says at once what a far faster machine would, with marks that nothing stands behind."""
    parts = (Part(rounds=9_999, marks="f00d" * 512),)
    return ChallengeAnswered(challenge_id=called.challenge_id, provider=called.provider, parts=parts)


async def doubles(called: ChallengeCalled, runners: Sequence[Runner]) -> ChallengeAnswered | None:
    """Does its rounds, and says that they were twice as many."""
    said = await honest_answer(called, runners)
    if said is None:
        return None
    more = tuple(part.model_copy(update={"rounds": 2 * part.rounds}) for part in said.parts)
    return said.model_copy(update={"parts": more})


async def says_nothing(called: ChallengeCalled, runners: Sequence[Runner]) -> None:
    """Has no machine."""


def shares(device: Path) -> Answer:
    """Computes honestly on a device that another name uses too, and that does one thing at a time."""

    async def answer(called: ChallengeCalled, runners: Sequence[Runner]) -> ChallengeAnswered | None:
        with device.open("w") as file:
            await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
            return await honest_answer(called, runners)

    return answer


BEHAVIOURS: Final[dict[str, Answer | None]] = {
    "overclaims": honest_answer,
    "makes-up-marks": makes_up,
    "doubles-rounds": doubles,
    "no-machine": says_nothing,
    "twin-1": None,
    "twin-2": None,
}


def main() -> None:
    """Run the one that the folder names until told to stop."""
    settings = Settings.read()
    folder = settings.data_dir.parent
    worker.answer = BEHAVIOURS[folder.name] or shares(folder.parent / "twins.lock")  # type: ignore[attr-defined]
    launch(settings.model_copy(update={"units_per_s": OVERCLAIMED}))


if __name__ == "__main__":
    main()
