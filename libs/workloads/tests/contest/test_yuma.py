"""What consensus promises: it shares out all, a minority lifts nobody, and who copies weights earns less."""

import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.workloads.contest.scores import CERTAIN, weigh
from assay.workloads.contest.yuma import WHOLE, Shares, normalise, share_out

MODELS = [f"model-{number}" for number in range(6)]
VALIDATORS = [f"validator-{number}" for number in range(5)]
amounts = st.integers(0, 10**9)
rows = st.dictionaries(st.sampled_from(VALIDATORS), st.dictionaries(st.sampled_from([*MODELS, *VALIDATORS]), amounts))
stakes = st.dictionaries(st.sampled_from(VALIDATORS), st.integers(0, 10**24))
bonds = st.dictionaries(st.sampled_from(MODELS), st.dictionaries(st.sampled_from(VALIDATORS), st.integers(1, WHOLE)))


@given(rows, stakes, bonds)
def test_a_round_shares_out_all_or_nothing_and_pays_only_who_took_part(rows, stakes, bonds):
    outcome = share_out(rows, stakes, bonds)
    assert sum(outcome.incentives.values()) in (0, WHOLE)
    assert sum(outcome.dividends.values()) in (0, WHOLE)
    assert all(share >= 0 for share in (*outcome.incentives.values(), *outcome.dividends.values()))
    assert set(outcome.incentives) <= {model for row in rows.values() for model in row}


@given(st.dictionaries(st.sampled_from(MODELS), amounts))
def test_shares_are_whole_to_the_unit_and_in_proportion(weights):
    shares, total = normalise(weights), sum(weights.values())
    assert sum(shares.values()) == (WHOLE if total else 0)
    assert all(abs(shares.get(name, 0) * total - amount * WHOLE) <= total for name, amount in weights.items())


@given(st.dictionaries(st.sampled_from(MODELS[:-1]), st.integers(1, 10**9), min_size=1), st.integers(1, 49))
def test_a_minority_lifts_no_friend(honest, percent):
    stakes = {"validator-0": 100 - percent, "validator-1": percent}
    rows = {"validator-0": honest, "validator-1": {MODELS[-1]: WHOLE}}
    assert share_out(rows, stakes, {}).incentives == share_out({"validator-0": honest}, stakes, {}).incentives


@given(rows, st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_stake_split_in_two_earns_the_models_the_same(rows, one, other):
    weights = {"validator-0": {}, **rows}
    whole = share_out(weights, dict.fromkeys(VALIDATORS, 10**6) | {"validator-0": one + other}, {})
    both = weights | {"twin": {m: w for m, w in weights["validator-0"].items() if m != "validator-0"}}
    halves = dict.fromkeys(VALIDATORS, 10**6) | {"validator-0": one, "twin": other}
    assert share_out(both, halves, {}).incentives == whole.incentives


@pytest.mark.parametrize(("is_sealed", "pays"), [(True, False), (False, True)])
def test_copying_weights_pays_only_where_they_are_not_sealed(is_sealed, pays):
    earned = play(is_sealed)
    honest = min(earned[name] for name in VALIDATORS[:3])
    assert (earned["copier"] >= honest) is pays, {name: amount / WHOLE for name, amount in earned.items()}


def play(is_sealed: bool, rounds: int = 150) -> Shares:
    """What validators of one stake earn while models get better and worse; one copies the weights opened last."""
    rng = random.Random(7)
    skills = {model: rng.uniform(0.1, 0.5) for model in MODELS}
    stakes, bonds = dict.fromkeys([*VALIDATORS[:3], "copier"], 10**18), {}
    earned, opened = dict.fromkeys(stakes, 0), {}
    for _ in range(rounds):
        skills = {model: min(0.5, max(0.02, skill + rng.gauss(0, 0.06))) for model, skill in skills.items()}
        said = {validator: weigh_some(rng, skills) for validator in VALIDATORS[:3]}
        now = mean_of(said)
        copied = opened if is_sealed else now
        outcome = share_out(said | {"copier": copied}, stakes, bonds)
        bonds, opened = outcome.bonds, now
        for validator, dividend in outcome.dividends.items():
            earned[validator] += dividend
    return earned


def weigh_some(rng: random.Random, skills: Mapping[str, float], questions: int = 200) -> Shares:
    """What a validator thinks that knows the truth of some questions of its own: models err by their skill."""
    truth = [rng.random() < 0.5 for _ in range(questions)]
    answers = {
        model: [CERTAIN * (is_so if rng.random() > skill else not is_so) for is_so in truth]
        for model, skill in skills.items()
    }
    return normalise(weigh(answers, truth))


def mean_of(rows: Mapping[str, Mapping[str, int]]) -> Shares:
    """The weights of all, added up."""
    return normalise({model: sum(row.get(model, 0) for row in rows.values()) for model in MODELS})


def test_who_answers_other_than_what_was_asked_weighs_nothing_and_stops_nobody() -> None:
    answers = {"right": [CERTAIN, 0], "short": [CERTAIN], "long": [CERTAIN, 0, 0], "silent": []}
    assert weigh(answers, [True, False]) == {"right": 2 * (CERTAIN // 2) ** 2}
