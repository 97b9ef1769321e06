"""Challenges as the service leads them: over real Postgres and a real child, with a chain in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pytest
from services.verification.tests.court import Court
from services.verification.tests.samples import party

from assay.chain.values import Block
from assay.proof.challenge import WAY_MS, Place, seed_of
from assay.schema.challenge import VOID, ChallengeAnswered, ChallengeCalled, Part
from assay.schema.offer import UNPROVEN, OfferDelisted, OfferListed, OfferRefused
from assay.schema.values import Capacity, derive_id
from assay.verification.bells import Bells
from assay.verification.blocks import Blocks
from assay.verification.desk import Desk
from assay.verification.methods.method import MachineFault
from assay.verification.recomputing import Recomputer
from assay.verification.steps import challenging
from assay.verification.steps.challenging import Challenger
from assay.workloads import challenge
from assay.workloads.runner import Runner

pytestmark = pytest.mark.server

KNOBS: dict[str, Any] = {"challenge_every_blocks": 1, "challenge_window_ms": 50}
ROWS = 64


@dataclass
class Round:
    """The challenger of a court, and the providers whom it challenges."""

    court: Court
    recomputer: Recomputer
    challenger: Challenger

    async def list_offers(self, *numbers: int) -> None:
        for number in numbers:
            await self.court.hear(listed(number))

    async def call(self) -> list[ChallengeCalled]:
        """Who is called by the next block."""
        before = len(await self.court.said("challenge.called"))
        self.court.chain.mine()
        await self.challenger.call()
        return (await self.court.said("challenge.called"))[before:]

    async def conclude(self) -> list[Any]:
        """What is said of challenges once the blocks that draw are there; none of them calls."""
        await self.draw()
        await self.challenger.check()
        return await self.found()

    async def draw(self) -> None:
        """Have the blocks come that draw from what was answered until now."""
        knobs = self.court.knobs
        self.court.knobs = knobs | {"challenge_every_blocks": 0}
        await challenger_of(self.court, self.recomputer).call()
        self.court.knobs = knobs
        await self.challenger.check()
        self.mine(3)

    async def found(self) -> list[Any]:
        """What was said of challenges until now."""
        return await self.court.said("challenge.measured", "challenge.missed", "challenge.refuted")

    def mine(self, blocks: int) -> None:
        for _ in range(blocks):
            self.court.chain.mine()


class Fickle(Recomputer):
    """Computes as it should, but fails the first time on what it is told to, and keeps what it was asked for."""

    def __init__(self, fails: BaseException | None = None, *at: ChallengeCalled) -> None:
        self._fails, self._at = fails, {seed(called) for called in at}
        self.asked: list[bytes] = []

    async def marks(self, seed: bytes, rows: Sequence[int], rounds: int) -> list[str]:
        self.asked.append(seed)
        await asyncio.sleep(0)
        if seed in self._at and self._fails:
            self._at.remove(seed)
            raise self._fails
        return challenge.recompute(seed, rows, rounds)


def challenger_of(court: Court, recomputer: Recomputer) -> Challenger:
    """A challenger with fresh memory, as after a restart."""
    desk = Desk(court.context, court.settings, Bells(), None)
    return Challenger(desk, Blocks(court.chain, 1), recomputer)


def seed(called: ChallengeCalled) -> bytes:
    """What the numbers of its first part are made from."""
    return seed_of(called.block_hash, called.nonce, called.provider, 0)


def listed(number: int) -> OfferListed:
    provider = party("p", number)
    terms = {"kinds": ("noop",), "capacity": Capacity(memory_bytes=1), "region": "de", "mega_unit_price": 1}
    worth = {"reputation": 500_000, "stake": 1, "sequence": 1, "expires_ms": 2**52}
    return OfferListed(offer_id=derive_id("f", provider), provider=provider, **terms, **worth)


def answer_to(called: ChallengeCalled, false: int = 0) -> ChallengeAnswered:
    """An answer of a few rounds, of which so many rows are made up."""
    rounds, marks = 2, challenge.recompute(seed(called), range(ROWS), 2)
    parts = (Part(rounds=rounds, marks="".join(["f00d"] * false + marks[false:])),)
    return ChallengeAnswered(challenge_id=called.challenge_id, provider=called.provider, parts=parts)


@pytest.fixture
async def round_(court: Court) -> AsyncIterator[Round]:
    """A court in which each block calls."""
    court.knobs = dict(KNOBS)
    recomputer = Recomputer(Runner(court.folder / "challenges.log"))
    yield Round(court, recomputer, challenger_of(court, recomputer))
    await recomputer.close()


async def test_all_listed_offers_are_called_at_once_and_once_a_block(round_: Round) -> None:
    await round_.list_offers(1, 2, 3)
    called = await round_.call()
    assert {each.provider for each in called} == {party("p", number) for number in (1, 2, 3)}
    assert len({(each.block, each.block_hash, each.nonce, each.due_ms) for each in called}) == 1
    await round_.challenger.call()
    assert len(await round_.court.said("challenge.called")) == 3


async def test_nobody_is_called_while_a_challenge_is_open_and_the_next_call_has_a_number_of_its_own(
    round_: Round,
) -> None:
    await round_.list_offers(1)
    (called,) = await round_.call()
    assert await round_.call() == []
    await round_.court.hear(answer_to(called))
    assert await round_.call() == []
    await round_.conclude()
    (again,) = await round_.call()
    assert again.nonce != called.nonce


async def test_a_right_answer_is_measured_and_only_by_a_block_that_came_after_it(round_: Round) -> None:
    await round_.list_offers(1)
    (called,) = await round_.call()
    round_.mine(5)
    head = (await round_.court.chain.block(None)).number
    await round_.court.hear(answer_to(called))
    (measured,) = await round_.conclude()
    assert measured.type == "challenge.measured" and measured.block == called.block
    assert measured.drawn_block > head
    assert measured.spent_ms >= called.window_ms


async def test_a_made_up_answer_is_refuted_with_the_rows_that_show_it(round_: Round) -> None:
    await round_.list_offers(1)
    (called,) = await round_.call()
    await round_.court.hear(answer_to(called, false=ROWS))
    (refuted,) = await round_.conclude()
    assert refuted.type == "challenge.refuted" and len(refuted.rows) == 8
    for row in refuted.rows:
        assert [row.found] == challenge.recompute(seed(called), [row.row], 2)
        assert row.claimed == "f00d"


async def test_one_false_row_accuses_nobody_and_shows_nothing(round_: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    await round_.list_offers(1)
    (called,) = await round_.call()
    await round_.court.hear(answer_to(called, false=1))
    monkeypatch.setattr(challenging, "draw", lambda parts, drawn, name: [Place(0, row) for row in range(8)])
    (missed,) = await round_.conclude()
    assert (missed.type, missed.code) == ("challenge.missed", "challenge.doubtful")


async def test_replicas_check_each_answer_once(round_: Round) -> None:
    called = await answered_round(round_, 3)
    counted = Fickle()
    await asyncio.gather(*(challenger_of(round_.court, counted).check() for _ in range(2)))
    assert sorted(counted.asked) == sorted(map(seed, called))
    assert [each.type for each in await round_.found()] == ["challenge.measured"] * 3


@pytest.mark.parametrize(("claim_ms", "found"), [(60_000, []), (0, ["challenge.measured"])])
async def test_what_a_crashed_replica_had_in_hand_is_checked_by_another_once_its_claim_is_over(
    round_: Round, monkeypatch: pytest.MonkeyPatch, claim_ms: int, found: list[str]
) -> None:
    monkeypatch.setattr(challenging, "CLAIM_MS", claim_ms)
    called = await answered_round(round_, 1)
    with pytest.raises(asyncio.CancelledError):
        await challenger_of(round_.court, Fickle(asyncio.CancelledError(), *called)).check()
    await round_.challenger.check()
    assert [each.type for each in await round_.found()] == found


async def test_the_chain_is_asked_once_for_a_block_that_draws_from_many(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    await answered_round(round_, 3)
    chain, asked = round_.court.chain, list[int]()
    block = chain.block

    async def counted(number: int | None) -> Block:
        asked.extend([number] if number is not None else [])
        return await block(number)

    monkeypatch.setattr(chain, "block", counted)
    await round_.challenger.check()
    assert asked == [(await round_.found())[0].drawn_block]
    assert len(await round_.found()) == 3


async def test_a_check_that_fails_stops_no_other_and_comes_again(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(challenging, "AGAIN_MS", 60_000)
    called = await answered_round(round_, 3)
    await challenger_of(round_.court, Fickle(MachineFault("The child has died."), called[0])).check()
    assert {each.provider for each in await round_.found()} == {each.provider for each in called[1:]}
    now_ms = round_.court.context.now() + challenging.AGAIN_MS
    monkeypatch.setattr(type(round_.court.context), "now", lambda self: now_ms)
    await round_.challenger.check()
    assert {each.provider for each in await round_.found()} == {each.provider for each in called}


async def test_who_does_not_answer_is_named_once_its_time_is_over_if_others_did(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(challenging, "LATE_MS", 0)
    monkeypatch.setattr(challenging, "DUE_MS", -60_000)
    await round_.list_offers(1, 2)
    called = await late_round(round_, 1)
    found = await round_.conclude()
    assert {(each.provider, each.type) for each in found} == {
        (called[0].provider, "challenge.measured"),
        (called[1].provider, "challenge.missed"),
    }
    assert next(each for each in found if each.type == "challenge.missed").code == "challenge.unanswered"


async def test_a_round_that_nobody_answers_is_void(round_: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenging, "LATE_MS", 0)
    monkeypatch.setattr(challenging, "DUE_MS", -60_000)
    await round_.list_offers(1, 2)
    await late_round(round_, 0)
    found = await round_.conclude()
    assert [each.code for each in found] == [VOID, VOID]


@pytest.mark.parametrize("overdue_ms", [challenging.STUCK_MS, challenging.GIVEN_UP_MS])
async def test_what_is_stuck_holds_up_no_call_and_is_void_after_a_day(
    round_: Round, monkeypatch: pytest.MonkeyPatch, overdue_ms: int
) -> None:
    monkeypatch.setattr(challenging, "LATE_MS", 0)
    with monkeypatch.context() as before:
        before.setattr(challenging, "DUE_MS", -overdue_ms - 60_000)
        await round_.list_offers(1)
        await late_round(round_, 1)
    assert len(await round_.call()) == 1
    is_over = overdue_ms == challenging.GIVEN_UP_MS
    assert [each.code for each in await round_.found()] == ([VOID] if is_over else [])


async def test_rounds_that_are_over_are_forgotten(round_: Round) -> None:
    await round_.list_offers(1)
    for _ in range(3):
        (called,) = await round_.call()
        await round_.court.hear(answer_to(called))
        await round_.conclude()
    async with round_.court.context.store.reading() as tx:
        kept = await tx.fetch("select block from challenge_rounds")
    assert [row["block"] for row in kept] == [called.block]


async def test_an_answer_that_is_heard_late_counts_by_when_the_bus_had_it(round_: Round) -> None:
    await round_.list_offers(1)
    (called,) = await round_.call()
    called_ms = called.due_ms - called.window_ms - challenging.DUE_MS
    await asyncio.sleep(2 * WAY_MS / 1_000)
    await round_.court.hear(answer_to(called), stored_ms=called_ms + called.window_ms)
    (measured,) = await round_.conclude()
    assert measured.spent_ms == called.window_ms


async def test_after_a_stall_what_was_answered_meanwhile_is_heard_before_anybody_is_named(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(challenging, "DUE_MS", -60_000)
    await round_.list_offers(1)
    (called,) = await round_.call()
    await challenger_of(round_.court, round_.recomputer).call()
    await round_.court.hear(answer_to(called))
    assert [each.type for each in await round_.conclude()] == ["challenge.measured"]


async def test_who_showed_too_little_is_called_again_and_who_left_is_not(round_: Round) -> None:
    await round_.list_offers(1, 2)
    gone, weak = listed(1), listed(2)
    about = {"reason": "so"}
    await round_.court.hear(
        OfferDelisted(offer_id=gone.offer_id, provider=gone.provider, code="offer.withdrawn", **about),
        OfferDelisted(offer_id=weak.offer_id, provider=weak.provider, code=UNPROVEN, **about),
        OfferRefused(offer_id=weak.offer_id, provider=weak.provider, code=UNPROVEN, **about),
    )
    assert [each.provider for each in await round_.call()] == [weak.provider]


async def answered_round(round_: Round, offers: int) -> list[ChallengeCalled]:
    """A round of so many offers, all of them answered, whose drawing block is final."""
    await round_.list_offers(*range(1, offers + 1))
    called = await round_.call()
    await round_.court.hear(*map(answer_to, called))
    await round_.draw()
    return called


async def late_round(round_: Round, answers: int) -> list[ChallengeCalled]:
    """A round whose time is over when it is looked at, of which so many were answered."""
    with patch.object(challenging, "LATE_MS", 10**9):
        called = await round_.call()
        await round_.court.hear(*(answer_to(each) for each in called[:answers]))
    return called
