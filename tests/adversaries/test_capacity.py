"""Challenges in a running network: who is measured, who is listed up to what, and who answers for a false answer.

In the end a fork takes its last blocks: nothing else of this network waits for a deposit.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pytest
from tests.adversaries.false_capacity import BEHAVIOURS, OVERCLAIMED
from tests.chronicle import Chronicle
from tests.invariants import wrong_ledger
from tests.memory import quick_folder
from tests.network import SEGMENT_PRICE, STEADY, UNITS, Models, connected, skipped_if_not_installed
from tests.servers import rpc

from assay.client.sdk import Assay
from assay.devnet.devnet import Devnet
from assay.devnet.parties import Party, Terms
from assay.proof.challenge import WAY_MS, calls, units_per_s
from assay.schema.challenge import (
    ChallengeAnswered,
    ChallengeCalled,
    ChallengeMeasured,
    ChallengeMissed,
    ChallengeRefuted,
    ChallengeSlashed,
)
from assay.schema.event import Event
from assay.schema.job import JobFunded
from assay.schema.lease import SlashReason
from assay.schema.offer import UNPROVEN, OfferDelisted, OfferListed
from assay.schema.values import Role

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(600)]

EVERY_BLOCKS: Final = 4
WINDOW_MS: Final = 1_000
WITHIN_S: Final = 240.0
FALSE: Final = ("makes-up-marks", "doubles-rounds")
TWINS: Final = ("twin-1", "twin-2")
FORKING: Final = ("forks-1", "forks-2")
WORK: Final = {"segments": 2, "units_per_segment": UNITS}
COUNTED: Final = 2 * SEGMENT_PRICE
"""So much of each requester's deposit counts before its block is safe: a hundredth of what does of all."""
POLL_S: Final = 0.2

E = TypeVar("E", bound=Event)


@dataclass
class Market:
    """A network in which blocks call often, and what was said in it."""

    devnet: Devnet
    chronicle: Chronicle
    assay: Assay

    def said(self, kind: type[E], name: str) -> list[E]:
        """What was said of this kind about a provider."""
        own = self.devnet.parties[name].id
        events = [said.event for said in self.chronicle.said if isinstance(said.event, kind)]
        return [event for event in events if event.provider == own]  # type: ignore[attr-defined]

    async def until(self, kind: type[E], name: str, is_so: Any = lambda event: True) -> E:
        """The first event of this kind about a provider for which `is_so` holds."""

        def found() -> list[E]:
            return [event for event in self.said(kind, name) if is_so(event)]

        events = await self.chronicle.until(found, f"{kind.type} of {name}", WITHIN_S)
        return events[0]


@pytest.fixture(scope="module")
async def market(models: Models) -> AsyncIterator[Market]:
    """One honest provider and those that claim too much, all on one machine."""
    calling = {"challenge_every_blocks": EVERY_BLOCKS, "challenge_window_ms": WINDOW_MS}
    knobs = {"verification": calling, "settlement": {"credits_included_max": 100 * COUNTED}}
    async with AsyncExitStack() as stack:
        devnet = Devnet(stack.enter_context(quick_folder()), models.folder, knobs=knobs)
        with skipped_if_not_installed():
            await stack.enter_async_context(devnet)
        places, hostile = devnet.places.parties, Terms(program="tests.adversaries.false_capacity")
        parties = [Party.make(places, name, Role.PROVIDER, hostile) for name in BEHAVIOURS]
        parties += [Party.make(places, STEADY, Role.PROVIDER), Party.make(places, "requester", Role.REQUESTER)]
        await asyncio.gather(*map(devnet.join, parties))
        assay = await stack.enter_async_context(Assay.connect(devnet.profile("requester")))
        chronicle = Chronicle()
        following = asyncio.create_task(chronicle.follow(assay))
        stack.callback(following.cancel)
        yield Market(devnet, chronicle, assay)


async def test_an_honest_provider_is_measured_and_listed_with_what_it_showed(market: Market) -> None:
    measured = await market.until(ChallengeMeasured, STEADY)
    called = next(each for each in market.said(ChallengeCalled, STEADY) if each.challenge_id == measured.challenge_id)
    assert calls(bytes.fromhex(called.block_hash), EVERY_BLOCKS)
    assert measured.drawn_block > called.block and measured.units_per_s > 0
    listed = await market.until(OfferListed, STEADY, lambda event: event.measured)
    assert listed.measured and listed.measured.units_per_s > 0
    shown = {each["provider"]: each for each in (await market.assay.network())["providers"]}
    assert shown[market.devnet.parties[STEADY].id]["measured"]["units_per_s"] > 0


async def test_all_are_called_at_the_same_moment(market: Market) -> None:
    called = await market.until(ChallengeCalled, STEADY, lambda each: len(of_block(market, each.block)) > 3)
    together = of_block(market, called.block)
    assert len({(each.due_ms, each.nonce, each.block_hash) for each in together}) == 1
    assert len({each.provider for each in together}) == len(together)


async def test_who_claims_more_than_it_does_is_listed_up_to_what_it_showed(market: Market) -> None:
    first = await market.until(OfferListed, "overclaims")
    assert (first.capacity.units_per_s, first.measured) == (0, None)
    listed = await market.until(OfferListed, "overclaims", lambda event: event.measured)
    assert listed.measured and listed.measured.claimed == OVERCLAIMED
    assert 0 < listed.capacity.units_per_s <= listed.measured.units_per_s < OVERCLAIMED
    assert market.said(ChallengeRefuted, "overclaims") == []


async def test_two_names_on_one_device_do_not_both_show_all_of_it(market: Market) -> None:
    """The device does one thing at a time, so of two answers one comes a window later, or counts for a window less."""
    first = await market.until(ChallengeMeasured, TWINS[0], lambda each: other_of(market, each))
    both = (first, other_of(market, first))
    assert max(each.spent_ms for each in both) >= 2 * WINDOW_MS - WAY_MS
    did = [answer_to(market, each) for each in both]
    full = [units_per_s(each.parts, WINDOW_MS) for each in did]
    shares = [each.units_per_s / speed for each, speed in zip(both, full, strict=True)]
    assert sum(shares) <= 1 + WINDOW_MS / (2 * WINDOW_MS - WAY_MS)


async def test_who_has_no_machine_is_not_listed(market: Market) -> None:
    missed = await market.until(ChallengeMissed, "no-machine", lambda each: each.code != "challenge.void")
    assert missed.code == "challenge.unanswered"
    assert (await market.until(OfferDelisted, "no-machine")).code == UNPROVEN


@pytest.mark.parametrize("name", FALSE)
async def test_who_makes_up_an_answer_is_delisted_accused_and_slashed(market: Market, name: str) -> None:
    refuted = await market.until(ChallengeRefuted, name)
    assert len(refuted.rows) >= 2
    assert (await market.until(OfferDelisted, name)).code == UNPROVEN
    slashed = await market.until(ChallengeSlashed, name)
    assert (slashed.reason, slashed.challenge_id) == (SlashReason.FALSE_CAPACITY, refuted.challenge_id)
    assert slashed.amount > 0
    assert market.said(ChallengeMeasured, name) == []


async def test_nobody_honest_has_a_false_row(market: Market) -> None:
    refuted = {said.event.provider for said in market.chronicle.said if isinstance(said.event, ChallengeRefuted)}
    assert refuted <= {market.devnet.parties[name].id for name in FALSE}


async def test_who_has_a_fork_take_its_deposit_back_had_work_for_what_counted_at_once_and_no_more(
    market: Market,
) -> None:
    devnet, url = market.devnet, market.devnet.servers.evm_url
    # From here on transactions alone make blocks: the deposits become no safer, and none is half made at the fork.
    await rpc(url, "evm_setAutomine", True)
    before = (await devnet.chain.block()).number
    async with AsyncExitStack() as stack:
        people = [await deposited(market, stack, name) for name in FORKING]
        orders = [[await each.submit("noop", WORK, price_limit=COUNTED) for _ in range(2)] for each in people]
        done = {await until_one_executed(market, set(both)) for both in orders}
        late = [next(job_id for job_id in both if job_id not in done) for both in orders]
        for each, job_id in zip(people, late, strict=True):
            await until_waits(each, job_id, "deposit.not_safe")
        await rpc(url, "anvil_reorg", (await devnet.chain.block()).number - before, [])
        await rpc(url, "evm_setIntervalMining", 1)
        for each, job_id in zip(people, late, strict=True):
            await until_waits(each, job_id, "deposit.missing")
    assert [(await devnet.chain.account_of(devnet.people[name])).left for name in FORKING] == [0, 0]
    funded = [said.event for said in market.chronicle.said if isinstance(said.event, JobFunded)]
    assert {event.job_id: event.amount for event in funded} == dict.fromkeys(done, COUNTED)
    assert await wrong_ledger(devnet, time.time_ns() // 1_000_000) == []


async def deposited(market: Market, stack: AsyncExitStack, name: str) -> Assay:
    """The hands of a requester who has just deposited far more than counts at once."""
    await market.devnet.admit(Party.make(market.devnet.places.parties, name, Role.REQUESTER))
    return await connected(stack, market.devnet.profile(name))


async def until_one_executed(market: Market, job_ids: set[str]) -> str:
    """The one of these jobs that was executed."""

    def found() -> list[str]:
        return [said.event.about for said in market.chronicle.said if is_executed(said.event, job_ids)]

    executed: list[str] = await market.chronicle.until(found, "job.executed of a forker", WITHIN_S)
    return executed[0]


def is_executed(event: Event, job_ids: set[str]) -> bool:
    """Whether the event says that one of these jobs was executed."""
    return event.type == "job.executed" and event.about in job_ids


async def until_waits(assay: Assay, job_id: str, reason: str) -> None:
    """Return when an order waits for this reason and no other."""
    async with asyncio.timeout(WITHIN_S):
        while (await assay.why(job_id))["waiting"] != {reason: 1}:
            await asyncio.sleep(POLL_S)


def of_block(market: Market, block: int) -> list[ChallengeCalled]:
    """Who was called by a block."""
    events = [said.event for said in market.chronicle.said]
    return [event for event in events if isinstance(event, ChallengeCalled) and event.block == block]


def other_of(market: Market, measured: ChallengeMeasured) -> ChallengeMeasured:
    """What the other twin showed at the same block; None if it has not, or not yet."""
    found = [each for each in market.said(ChallengeMeasured, TWINS[1]) if each.block == measured.block]
    return found[0] if found else None


def answer_to(market: Market, measured: ChallengeMeasured) -> ChallengeAnswered:
    """The signed answer that a measurement is of."""
    events = [said.event for said in market.chronicle.said]
    answers = [event for event in events if isinstance(event, ChallengeAnswered)]
    return next(event for event in answers if event.challenge_id == measured.challenge_id)
