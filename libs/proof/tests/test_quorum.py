import random
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.quorum import PPM, Replica, decide, miss_rate
from assay.schema.errors import Reject

TRUE, FALSE = "a" * 64, "b" * 64


def replicas(*groups: tuple[str, int, int]) -> list[Replica]:
    """Owners of one participant each: for every group its answer, how many they are, and their trust."""
    names = count()
    return [
        Replica(f"p{turn}", f"owner{turn}", trust, answer)
        for answer, many, trust in groups
        for turn in (next(names) for _ in range(many))
    ]


def test_the_weight_of_trust_decides_and_the_others_are_named() -> None:
    outcome = decide(replicas((TRUE, 3, 10), (FALSE, 1, 10)))
    assert (outcome.answer, outcome.share_ppm, outcome.differed) == (TRUE, 750_000, ("p3",))


def test_without_a_quorum_nobody_is_blamed() -> None:
    outcome = decide(replicas((TRUE, 3, 10), (FALSE, 2, 10)))
    assert (outcome.answer, outcome.agreed, outcome.differed) == (None, (), ())


@given(st.integers(1, 50), st.integers(1, 10**6), st.integers(2, 40))
def test_one_owner_with_many_names_weighs_as_one(sybils: int, trust: int, honest: int) -> None:
    many = [Replica(f"s{turn}", "one", trust, FALSE) for turn in range(sybils)]
    others = [Replica(f"h{turn}", f"h{turn}", trust, TRUE) for turn in range(honest)]
    outcome = decide([*many, *others])
    assert outcome.answer in ({TRUE} if honest * PPM // (honest + 1) >= 666_667 else {None})


@given(st.lists(st.tuples(st.sampled_from([TRUE, FALSE]), st.integers(1, 1000)), min_size=3, max_size=20), st.randoms())
def test_the_order_of_the_answers_changes_nothing(answers: list[tuple[str, int]], chance: random.Random) -> None:
    given_ = [Replica(f"p{turn}", f"o{turn}", trust, answer) for turn, (answer, trust) in enumerate(answers)]
    shuffled = list(given_)
    chance.shuffle(shuffled)
    assert decide(given_) == decide(shuffled)


@given(st.lists(st.tuples(st.sampled_from([TRUE, FALSE]), st.integers(1, 1000)), min_size=3, max_size=20))
def test_whoever_is_blamed_holds_less_than_a_third(answers: list[tuple[str, int]]) -> None:
    given_ = [Replica(f"p{turn}", f"o{turn}", trust, answer) for turn, (answer, trust) in enumerate(answers)]
    outcome = decide(given_)
    blamed = sum(each.trust for each in given_ if each.participant in outcome.differed)
    assert blamed * 3 < sum(each.trust for each in given_) or not outcome.differed


@pytest.mark.parametrize(
    "bad",
    [
        replicas((TRUE, 2, 1)),
        [*replicas((TRUE, 3, 1)), Replica("p0", "x", 1, FALSE)],
        [*replicas((TRUE, 3, 1)), Replica("p9", "x", 0, FALSE)],
        [Replica(f"p{turn}", "one", 5, TRUE) for turn in range(9)],
    ],
    ids=["too few", "twice", "no trust", "one owner"],
)
def test_what_cannot_be_weighed_is_refused(bad: list[Replica]) -> None:
    with pytest.raises(Reject):
        decide(bad)


def test_the_miss_rate_is_that_of_the_draw() -> None:
    chance, owners, colluding, drawn = random.Random(1), 30, 10, 5
    trials = 20_000
    missed = sum(sum(owner < colluding for owner in chance.sample(range(owners), drawn)) >= 4 for _ in range(trials))
    assert abs(missed / trials - miss_rate(owners, colluding, drawn)) < 0.005
    assert miss_rate(owners, 0, drawn) == 0
    assert miss_rate(owners, owners, drawn) == 1
