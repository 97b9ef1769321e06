"""What somebody earned in the periods that it can claim, made of public events."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay.chain.governed.rewards import Posted
from assay.client.commands import claims, reward_proof, said
from assay.client.output import Output
from assay.proof.rewards import Entry, Inputs, Terms, period_of
from assay.schema.errors import Refused, Unreachable
from assay.schema.job import JobSettled, Payout
from assay.schema.payment import PaymentPosted
from assay.schema.values import Role, derive_id, participant_id

MINE, OTHERS = "0x" + "11" * 20, "0x" + "22" * 20
TERMS = Terms(200_000, 500_000, 1)
ENTRIES = [Entry(who, bytes([place] * 32), Inputs(10, 10, 10)) for place, who in enumerate((MINE, OTHERS))]
POSTED = Posted(bytes(32), 1, 1, 1_000, 1_000, 0, TERMS)
HEAD: Any = None


async def test_a_period_is_worth_what_its_formula_gives_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def told(_: Output, kept: Path | None) -> list[Any]:
        return []

    made = {number: period_of(number, ENTRIES[: 3 - number], 1_000, TERMS) for number in (1, 2)}
    monkeypatch.setattr(said, "said_in_public", told)
    monkeypatch.setattr(reward_proof, "made_of", lambda events, head, number, posted: made[number])
    earned = await claims.earned_in(Output(), HEAD, dict.fromkeys(made, POSTED), MINE)
    assert earned == {1: made[1].rewards[0], 2: made[2].rewards[0]} and 0 < earned[1] < sum(made[1].rewards)
    assert await claims.earned_in(Output(), HEAD, {2: POSTED}, OTHERS) == {2: 0}


def test_a_verdict_that_the_events_lack_is_named_and_no_amount_made_of_the_rest() -> None:
    lacking = JobSettled(
        job_id=derive_id("j", 1),
        requester=participant_id(Role.REQUESTER, OTHERS),
        payouts=(Payout(lease_id=derive_id("l", 1), provider=participant_id(Role.PROVIDER, MINE), fence=1, amount=9),),
        payment=1,
        refunded=0,
        step=1,
        receipt="cd" * 32,
    )
    posted = PaymentPosted(
        payment_id=derive_id("m", 1),
        number=1,
        first_step=1,
        steps=1,
        steps_root="11" * 32,
        root="22" * 32,
        credits=9,
        debits=9,
        posted_at=5,
        poster=OTHERS,
        tx="0x" + "ab" * 32,
        block=7,
    )
    head: Any = SimpleNamespace(start=0, period_s=10)
    with pytest.raises(Refused, match=f"{derive_id('l', 1)}.*no verdict"):
        reward_proof.made_of([lacking, posted], head, 1, POSTED)


async def test_without_a_network_no_amount_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: Output, kept: Path | None) -> list[Any]:
        raise Unreachable("the door")

    monkeypatch.setattr(said, "said_in_public", away)
    assert await claims.earned_in(Output(), HEAD, {7: POSTED}, MINE) == {7: None}
    assert await claims.earned_in(Output(), HEAD, {}, MINE) == {}
