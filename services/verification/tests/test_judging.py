"""Who is right: whatever order answers come in, nobody who is with the truth is overruled while liars are fewer."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from assay.schema.lease import SlashReason
from assay.verification.domain import Ruling, Vote, rule, rule_twin, wanted
from assay.verification.domain.judging import CLAIM
from assay.verification.settings import Settings

FALSE, LAZY = SlashReason.FALSE_ACCUSATION, SlashReason.LAZY_VERIFIER


def judged(groups: list[int], is_planted: bool = False) -> tuple[Ruling | None, int]:
    """The ruling on answers of these groups, asked for one after the other, and how many were asked for."""
    for asked in range(1, len(groups) + 1):
        votes = [Vote(f"a{at}", group) for at, group in enumerate(groups[:asked])]
        if asked < wanted(votes[:-1]) and asked > 1:
            continue
        if ruling := rule(votes, is_planted):
            return ruling, asked
    return None, len(groups)


def test_one_answer_that_agrees_is_enough_and_one_that_differs_decides_nothing() -> None:
    assert rule([Vote("a", CLAIM)]) == Ruling(True, {})
    assert rule([Vote("a", 1)]) is None
    assert (wanted([]), wanted([Vote("a", 1)])) == (1, 3)


def test_two_of_three_decide() -> None:
    assert judged([1, CLAIM, CLAIM])[0] == Ruling(True, {"a0": FALSE})
    assert judged([1, 1, CLAIM])[0] == Ruling(False, {"a2": LAZY})
    assert judged([1, 1, 1])[0] == Ruling(False, {})
    assert judged([1, 2, 1])[0] == Ruling(False, {"a1": LAZY})


def test_where_no_two_agree_one_more_is_asked() -> None:
    ruling, asked = judged([1, 2, CLAIM, CLAIM])
    assert (ruling, asked) == (Ruling(True, {"a0": FALSE, "a1": FALSE}), 4)
    assert judged([1, 2, CLAIM, 1])[0] == Ruling(False, {"a1": LAZY, "a2": LAZY})


def test_a_wrong_answer_to_a_planted_question_accuses_no_provider() -> None:
    assert judged([1, CLAIM, CLAIM], is_planted=True)[0] == Ruling(True, {"a0": LAZY})


def test_two_who_lie_alike_about_a_planted_question_do_not_outvote_the_one_who_does_not() -> None:
    ruling, asked = judged([1, 1, CLAIM, CLAIM], is_planted=True)
    assert (ruling, asked) == (Ruling(True, {"a0": LAZY, "a1": LAZY}), 4)
    assert judged([1, 1, 1], is_planted=True)[0] == Ruling(False, {})


def test_a_planted_question_is_judged_only_where_its_claim_stands() -> None:
    votes = [Vote("a0", 1), Vote("a1", CLAIM), Vote("a2", CLAIM)]
    assert rule_twin(votes, stands=True) == Ruling(True, {"a0": LAZY})
    assert rule_twin(votes, stands=False) == Ruling(True, {})


@given(st.booleans(), st.data())
def test_no_honest_verifier_is_overruled_and_every_lying_minority_is(is_true: bool, data: st.DataObject) -> None:
    """Honest answers are equal; each liar answers as it likes, even with the false claim."""
    truth = CLAIM if is_true else 9
    liars = data.draw(st.integers(0, 2))
    lies = st.sampled_from([group for group in (CLAIM, 1, 2, 3) if group != truth])
    groups = data.draw(st.permutations([truth] * (liars + 3) + [data.draw(lies) for _ in range(liars)]))
    if not is_true and groups[0] == CLAIM:
        # A first answer that upholds a false claim is what planted audits and the next epoch's draw are for.
        return
    ruling, asked = judged(list(groups))
    assert ruling is not None
    answered = {f"a{at}": group for at, group in enumerate(groups[:asked])}
    honest = {audit_id for audit_id, group in answered.items() if group == truth}
    if len(honest) > len(answered) - len(honest):
        assert ruling.stands is is_true
        assert ruling.overruled.keys() == answered.keys() - honest


@given(st.lists(st.integers(0, 3), min_size=1, max_size=9))
def test_only_a_group_of_two_that_is_larger_than_any_other_fells_a_claim(groups: list[int]) -> None:
    ruling = rule([Vote(f"a{at}", group) for at, group in enumerate(groups)])
    if ruling is None or groups == [CLAIM]:
        return
    upheld = [group for at, group in enumerate(groups) if f"a{at}" not in ruling.overruled]
    assert len(set(upheld)) == 1 and len(upheld) >= 2
    assert all(groups.count(group) < len(upheld) for group in set(groups) - set(upheld))
    assert ruling.stands == (upheld[0] == CLAIM)


DAY_S, HOUR_S = 86_400, 3_600


@pytest.mark.parametrize(
    ("contest_s", "move_s", "appeal_s", "fits"),
    [
        (4 * HOUR_S, 900, HOUR_S, True),
        (DAY_S, 14_850, 0, True),
        (DAY_S, 14_851, 0, False),
        # What the court decides is not appealed: the two are not added.
        (DAY_S, 14_850, 7 * DAY_S, True),
        # Both drawings of a dispute that is appealed wait to be drawn and for their answers, and the appeal to be read.
        (7 * DAY_S, 1_800, 2 * DAY_S - 7_200, True),
        (7 * DAY_S, 1_801, 2 * DAY_S - 7_200, False),
    ],
)
def test_no_dispute_lasts_longer_than_stake_answers_for_it(
    tmp_path: Path, contest_s: int, move_s: int, appeal_s: int, fits: bool
) -> None:
    folders = {"data_dir": tmp_path, "models_dir": tmp_path, "deployment_file": tmp_path / "deployment"}
    # What is given up at last has been waited for three times.
    waits = {"unanswered_s": HOUR_S, "contest_s": contest_s - 3 * HOUR_S, "postgres_dsn": "postgres://none"}
    knobs = {"move_s": move_s, "appeal_s": appeal_s} | waits
    if fits:
        assert Settings(**folders, **knobs).move_s == move_s
    else:
        with pytest.raises(ValidationError, match="longer than stake answers for it"):
            Settings(**folders, **knobs)
