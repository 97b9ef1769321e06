"""A challenge answered: every child that is idle computes for the window, and what all have done is said once.

A lease comes first: children at work take no part, and one that computes takes a lease as soon as the window is over.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from pydantic import ValidationError

from assay.proof.challenge import seed_of
from assay.schema.challenge import PARTS_MAX, ChallengeAnswered, ChallengeCalled, Part
from assay.workloads.challenge import rows_for
from assay.workloads.runner import Runner
from assay.workloads.task import Measure, Measured

PATIENCE_S = 30.0
"""How much longer than the window a child may take: it loads what it computes with the first time."""

log = logging.getLogger(__name__)


async def answer(called: ChallengeCalled, runners: Sequence[Runner]) -> ChallengeAnswered | None:
    """What these children do of a challenge, all at once; None if none of them does anything."""
    taking = runners[:PARTS_MAX]
    found = await asyncio.gather(*(_compute(called, runner, turn, len(taking)) for turn, runner in enumerate(taking)))
    if not (parts := _whole(found)):
        return None
    return ChallengeAnswered(challenge_id=called.challenge_id, provider=called.provider, parts=parts)


def _whole(found: Sequence[Part | None]) -> tuple[Part, ...]:
    """The parts up to the first that failed: a part's place is what its numbers are made from."""
    return tuple(part for turn, part in enumerate(found) if part and None not in found[:turn])


async def _compute(called: ChallengeCalled, runner: Runner, turn: int, parts: int) -> Part | None:
    seed = seed_of(called.block_hash, called.nonce, called.provider, turn).hex()
    task = Measure(seed=seed, rows=rows_for(parts), window_ms=called.window_ms)
    done: Part | None = None
    async for message in runner.run(task, called.window_ms / 1000 + PATIENCE_S):
        if isinstance(message, Measured):
            with suppress(ValidationError):
                done = Part(rounds=message.rounds, marks="".join(message.marks))
    if done is None:
        log.warning("a child has done nothing of a challenge", extra={"challenge": called.challenge_id})
    return done
