"""Challenges as the service leads them: over real Postgres and a real child, with a chain in memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from services.verification.tests.court import Court
from services.verification.tests.samples import party

from assay.proof.challenge import seed_of
from assay.schema.challenge import VOID, ChallengeAnswered, ChallengeCalled, Part
from assay.schema.offer import UNPROVEN, OfferDelisted, OfferListed, OfferRefused
from assay.schema.values import Capacity, derive_id
from assay.verification.bells import Bells
from assay.verification.blocks import Blocks
from assay.verification.desk import Desk
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
        """What is said of challenges once the blocks that draw are there."""
        self.court.knobs["challenge_every_blocks"] = 0
        self.challenger = challenger_of(self.court, self.recomputer)
        await self.challenger.call()
        await self.challenger.check()
        for _ in range(3):
            self.court.chain.mine()
        await self.challenger.check()
        return await self.court.said("challenge.measured", "challenge.missed", "challenge.refuted")


def challenger_of(court: Court, recomputer: Recomputer) -> Challenger:
    """A challenger with fresh memory, as after a restart."""
    desk = Desk(court.context, court.settings, Bells(), None)  # type: ignore[arg-type]
    return Challenger(desk, Blocks(court.chain, 1), recomputer)


def listed(number: int) -> OfferListed:
    provider = party("p", number)
    terms = {"kinds": ("noop",), "capacity": Capacity(memory_bytes=1), "region": "de", "mega_unit_price": 1}
    worth = {"reputation": 500_000, "stake": 1, "sequence": 1, "expires_ms": 2**52}
    return OfferListed(offer_id=derive_id("f", provider), provider=provider, **terms, **worth)


def answer_to(called: ChallengeCalled, false: int = 0) -> ChallengeAnswered:
    """An answer of a few rounds, of which so many rows are made up."""
    seed = seed_of(called.block_hash, called.nonce, called.provider, 0)
    rounds, marks = 2, challenge.recompute(seed, range(ROWS), 2)
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
    assert {each.nonce for each in await round_.call()} != {called[0].nonce}


async def test_a_right_answer_is_measured_and_only_by_a_block_that_came_after_it(round_: Round) -> None:
    await round_.list_offers(1)
    (called,) = await round_.call()
    await round_.court.hear(answer_to(called))
    (measured,) = await round_.conclude()
    assert measured.type == "challenge.measured"
    assert measured.drawn_block > measured.block == called.block
    assert measured.spent_ms >= called.window_ms


async def test_a_made_up_answer_is_refuted_with_the_rows_that_show_it(round_: Round) -> None:
    await round_.list_offers(1)
    (called,) = await round_.call()
    await round_.court.hear(answer_to(called, false=ROWS))
    (refuted,) = await round_.conclude()
    assert refuted.type == "challenge.refuted" and len(refuted.rows) == 8
    seed = seed_of(called.block_hash, called.nonce, called.provider, 0)
    for row in refuted.rows:
        assert [row.found] == challenge.recompute(seed, [row.row], 2)
        assert row.claimed == "f00d"


async def test_one_false_row_accuses_nobody_and_shows_nothing(round_: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    await round_.list_offers(1)
    (called,) = await round_.call()
    await round_.court.hear(answer_to(called, false=1))
    monkeypatch.setattr(challenging, "draw", lambda parts, drawn, name: [challenging.Place(0, row) for row in range(8)])
    (missed,) = await round_.conclude()
    assert (missed.type, missed.code) == ("challenge.missed", "challenge.doubtful")


async def test_who_does_not_answer_is_named_once_its_time_is_over_if_others_did(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    monkeypatch.setattr(challenging, "DUE_MS", -60_000)
    await round_.list_offers(1, 2)
    await late_round(round_, 0)
    found = await round_.conclude()
    assert [each.code for each in found] == [VOID, VOID]


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


async def late_round(round_: Round, answers: int) -> list[ChallengeCalled]:
    """A round whose time is over when it is looked at, of which so many were answered."""
    lateness, challenging.LATE_MS = challenging.LATE_MS, 10**9
    try:
        called = await round_.call()
        await round_.court.hear(*(answer_to(each) for each in called[:answers]))
    finally:
        challenging.LATE_MS = lateness
    return called
