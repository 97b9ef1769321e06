"""An answer is the same whatever is answered beside it, wherever it sits, whenever it joins, whoever carries it on."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.schema.served import BUSY, FULL, MISNUMBERED, UNFIT, UNSIGNED, Piece
from assay.workloads.generate.engine import Engine, load_engine
from assay.workloads.serve.batcher import Batcher
from assay.workloads.serve.errors import TurnedAway

TEXTS = ["one", "two and a bit", "a rather longer third one", "four", "5"]
ROOM = {"segments": 5, "segment_requests": 3, "batch": 3}
IDS = [f"q{letter}".ljust(26, "a") for letter in "abcde"]


@pytest.fixture(scope="module")
def engine(served: Any) -> Engine:
    return load_engine(served.model, served.store, "float32", 1)


def play(engine: Engine, served: Any, joins: list[tuple[int, int]], **more: Any) -> dict[int, list[Piece]]:
    """The pieces of each text's answer; `joins` names which text is asked before which step, in this order."""
    batcher, told = (
        Batcher(engine, served.params(**ROOM), 0),
        {which: [] for which, _ in joins},
    )
    by_id = {IDS[which]: which for which, _ in joins}
    number, step = 0, 0
    while number < len(joins) or not batcher.is_idle:
        while number < len(joins) and joins[number][1] <= step:
            which = joins[number][0]
            batcher.ask(served.request(number, TEXTS[which], seed=100 + which, name=IDS[which], **more))
            number += 1
        if not batcher.is_idle:
            for piece in batcher.step()[0]:
                told[by_id[piece.request_id]].append(piece)
        step += 1
    return told


@pytest.fixture(scope="module")
def alone(engine: Engine, served: Any) -> dict[int, list[Piece]]:
    return {which: play(engine, served, [(which, 0)])[which] for which in range(len(TEXTS))}


@settings(max_examples=6)
@given(joins=st.lists(st.tuples(st.sampled_from(range(5)), st.integers(0, 14)), unique_by=lambda j: j[0], min_size=2))
def test_an_answer_does_not_depend_on_what_is_answered_beside_it(
    engine: Engine, served: Any, alone: dict[int, list[Piece]], joins: list[tuple[int, int]]
) -> None:
    told = play(engine, served, sorted(joins, key=lambda join: join[1]))
    assert told == {which: alone[which] for which in told}


def test_states_are_equal_to_the_last_bit_in_any_row_beside_any_neighbour(engine: Engine, served: Any) -> None:
    found = []
    for others in ([], [0], [0, 1], [3, 4]):
        batcher = Batcher(engine, served.params(**ROOM), 0)
        for number, which in enumerate([*others, 2]):
            batcher.ask(served.request(number, TEXTS[which], seed=100 + which))
        for _ in range(6):
            batcher.step()
        found.append(batcher._states[len(others)].tolist())
    assert found[1:] == found[:1] * 3


def test_another_provider_carries_an_answer_on_to_the_very_same_end(
    engine: Engine, served: Any, alone: dict[int, list[Piece]]
) -> None:
    whole = alone[1]
    for cut in (1, 7, len(whole) - 1):
        rest = play(engine, served, [(1, 0)], prefix=[piece.token for piece in whole[:cut]])[1]
        assert [piece.model_copy(update={"prompt_tokens": 0}) for piece in rest] == whole[cut:]


def test_what_cannot_be_answered_is_turned_away_and_takes_no_number(engine: Engine, served: Any) -> None:
    batcher = Batcher(engine, served.params(waiting=0, batch=1, segments=1), 0)

    def refusal(request: Any) -> str:
        with pytest.raises(TurnedAway) as away:
            batcher.ask(request)
        return away.value.code

    asked = served.request(0, "one", 1)
    assert refusal(served.request(1, "one", 1)) == MISNUMBERED
    assert refusal(asked.model_copy(update={"signature": served.request(0, "two", 1).signature})) == UNSIGNED
    assert refusal(served.request(0, "x" * 100, 1)) == UNFIT
    assert refusal(served.request(0, "one", 1, max_tokens=25)) == UNFIT
    assert refusal(served.request(0, "one", 1, prefix=[257])) == UNFIT
    batcher.ask(asked)
    assert refusal(served.request(1, "one", 1)) == BUSY
    while not batcher.is_idle:
        batcher.step()
    batcher.ask(served.request(1, "two", 1))
    while not batcher.is_idle:
        batcher.step()
    assert refusal(served.request(2, "one", 1)) == FULL
