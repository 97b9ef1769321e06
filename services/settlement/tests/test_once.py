"""Money moves once: whatever comes twice or in another order, and wherever the process ends."""

import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from services.settlement.tests.crashing import Crash, Fuse
from services.settlement.tests.market import Market
from services.settlement.tests.stories import PRICE, UNITS, Part, Story, net_of

from assay.schema import Envelope
from assay.schema.values import cost_of

pytestmark = pytest.mark.server


def random_story(market: Market, name: str, chance: random.Random) -> Story:
    parts = tuple(
        Part(chance.choice(["alpha", "beta", "gamma"]), chance.randint(0, 3), chance.random() < 0.7)
        for _ in range(chance.randint(1, 3))
    )
    end = chance.choice(["executed", "executed", "failed", "expired", "cancelled"])
    return market.story(name, parts, end, price_limit=chance.choice([1, 5_000, 20_000, 40_000]))


def earned_of(stories: Sequence[Story]) -> dict[str, int]:
    """What each provider must have in the end: the verified segments' price, as far as each job's limit goes."""
    earned = dict.fromkeys(["alpha", "beta", "gamma"], 0)
    for story in stories:
        left = story.price_limit
        for part in story.parts:
            if part.is_true:
                earned[part.provider] += net_of(part.segments, left)
                left -= min(cost_of(part.segments * UNITS, PRICE), left)
    return earned


async def deliver(market: Market, said: Sequence[Envelope[Any]], chance: random.Random) -> None:
    """Hands events over twice and in any order, the desk working in between; what came too early comes again."""
    left = [*said, *chance.sample(list(said), len(said) // 2)]
    hands = market.hands()
    while left:
        chance.shuffle(left)
        now, left = left[:10], left[10:]
        left += await market.hear(*now)
        if chance.random() < 0.3:
            hands = market.hands()
        await hands.rounds(chance.randint(0, 2))
    await market.hands().until_still()


@pytest.mark.parametrize("seed", range(6))
async def test_repeats_and_reorders_of_events_move_money_once(market: Market, seed: int) -> None:
    chance = random.Random(seed)
    stories = [random_story(market, f"{seed} {turn}", chance) for turn in range(4)]
    await deliver(market, [envelope for story in stories for envelope in (story.submitted(), *story.work())], chance)
    closings = await market.said("job.settled", "job.refunded")
    assert {closing["job_id"] for closing in closings} == {story.job_id for story in stories}
    assert {name: await market.earned(name) for name in ("alpha", "beta", "gamma")} == earned_of(stories)
    await market.check()


async def test_a_crash_while_the_chain_forks_moves_money_once(market: Market) -> None:
    chance = random.Random(5)
    stories = []
    for turn in range(12):
        story = market.story(f"fork {turn}", (Part("alpha", 1),), chance.choice(["executed", "expired"]))
        stories.append(story)
        await market.hear(story.submitted())
        for said in ([], story.work()):
            await until_spoken(market, said, chance)
    await market.finish()
    assert await market.earned("alpha") == earned_of(stories)["alpha"]
    assert await market.rows("select from transfers where reverses is not null") == []
    assert len(await market.said("job.settled", "job.refunded")) == len(stories)
    await market.check()


async def until_spoken(market: Market, said: Sequence[Envelope[Any]], chance: random.Random) -> None:
    """Plays on with crashes, and with reorganisations that stay above the depth."""
    await market.hear_all(said)
    for _ in range(4):
        with suppress(Crash):
            await market.crashing(Fuse(chance.randint(0, 5))).hands(confirmations=4).rounds(2)
        if chance.random() < 0.4:
            market.chain.reorganise(chance.randint(1, 3))
        market.chain.mine()
    await market.finish()
