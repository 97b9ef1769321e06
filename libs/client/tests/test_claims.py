"""What somebody earned in the periods that it can claim, made of public events."""

from typing import Any

import pytest

from assay.chain.governed.rewards import Posted
from assay.client.commands import claims, reward_proof
from assay.client.output import Output
from assay.proof.rewards import Entry, Inputs, Terms, period_of
from assay.schema.errors import Unreachable

MINE, OTHERS = "0x" + "11" * 20, "0x" + "22" * 20
TERMS = Terms(200_000, 500_000, 1)
ENTRIES = [Entry(who, bytes([place] * 32), Inputs(10, 10, 10)) for place, who in enumerate((MINE, OTHERS))]
POSTED = Posted(bytes(32), 1, 1, 1_000, 1_000, 0, TERMS)
HEAD: Any = None


async def test_a_period_is_worth_what_its_formula_gives_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def said(_: Output) -> list[Any]:
        return []

    made = {number: period_of(number, ENTRIES[: 3 - number], 1_000, TERMS) for number in (1, 2)}
    monkeypatch.setattr(reward_proof, "said_in_public", said)
    monkeypatch.setattr(reward_proof, "made_of", lambda said, head, number, posted: made[number])
    earned = await claims.earned_in(Output(), HEAD, dict.fromkeys(made, POSTED), MINE)
    assert earned == {1: made[1].rewards[0], 2: made[2].rewards[0]} and 0 < earned[1] < sum(made[1].rewards)
    assert await claims.earned_in(Output(), HEAD, {2: POSTED}, OTHERS) == {2: 0}


async def test_without_a_network_no_amount_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: Output) -> list[Any]:
        raise Unreachable("the door")

    monkeypatch.setattr(reward_proof, "said_in_public", away)
    assert await claims.earned_in(Output(), HEAD, {7: POSTED}, MINE) == {7: None}
    assert await claims.earned_in(Output(), HEAD, {}, MINE) == {}
