"""What members compute and how it is put together: gradients, the pull of FedProx, FedAdam, a liar among the honest."""

import math
from typing import Any

import numpy as np
import pytest

from assay.workloads import read_params
from assay.workloads.federated import local, numbers, perceptron, strategies
from assay.workloads.federated.accountant import Spent, epsilon_of
from assay.workloads.federated.examples import Examples
from assay.workloads.federated.numbers import Tally
from assay.workloads.workload import ignore_progress

DRAW = np.random.default_rng(1)
VALUES = DRAW.normal(size=(30, 4)).astype(np.float32)
DATA = Examples(VALUES, (VALUES[:, 0] > 0).astype(np.int64))
NOBODY = "a" * 64


def member(**params: Any) -> Any:
    """A member's parameters."""
    return read_params("federated", {"layers": [4, 3, 2], "data": NOBODY, "batch": 30, **params})


def joining(**params: Any) -> Any:
    """A joining's parameters."""
    return read_params("federated-step", {"layers": [4, 2], "updates": [NOBODY], **params})


def test_gradients_are_those_of_small_differences_and_their_mean_is_the_batch_s() -> None:
    layers = (4, 3, 2)
    weights = DRAW.normal(size=23)
    rows = perceptron.gradients(layers, weights, VALUES, DATA.labels)
    assert np.allclose(rows.mean(axis=0), perceptron.gradient(layers, weights, VALUES, DATA.labels))
    for at in range(len(weights)):
        step = np.zeros(23)
        step[at] = 1e-5
        ends = [perceptron.measure(layers, weights + sign * step, VALUES, DATA.labels)[0] for sign in (1, -1)]
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(rows[:, at].mean(), abs=1e-6)


def test_a_member_goes_less_far_the_more_it_is_held() -> None:
    start = perceptron.begin((4, 3, 2), 7)
    ways = [local.train(member(prox=prox, steps=30), start, DATA, b"s" * 32, ignore_progress) for prox in (0.0, 1.0)]
    assert np.linalg.norm(ways[1]) < 0.9 * np.linalg.norm(ways[0])


def test_a_private_step_is_bounded_and_noisy_and_the_same_when_it_is_done_again() -> None:
    params = member(privacy={"noise": 2.0, "clip": 0.5}, batch=30)
    start = perceptron.begin((4, 3, 2), 7)
    one, same = (local.private_gradient(params, start, DATA, b"k" * 32) for _ in range(2))
    other = local.private_gradient(params, start, DATA, b"l" * 32)
    assert (one == same).all() and (one != other).all()
    noise = np.array([local.private_gradient(params, start, DATA, bytes([n]) * 32) for n in range(200)])
    # Noise of 2 × 0.5 on the sum of 30: nothing else differs, for every example is drawn.
    assert noise.std(axis=0).mean() == pytest.approx(1.0 / 30, rel=0.1)
    assert np.linalg.norm(noise.mean(axis=0)) < 0.5 + 0.05


def test_updates_keep_their_sum_as_integers_and_are_no_longer_than_their_bound() -> None:
    params = joining(clip=2.0)
    ways = [DRAW.normal(size=10) * size for size in (0.1, 0.3, 50.0)]
    wholes = [numbers.to_ints(params, way, Tally(0.5, 1.0, 0.25)) for way in ways]
    total, tally = numbers.to_floats(params, sum(wholes[1:], wholes[0]))
    bounded = [way * min(1.0, 2.0 / np.linalg.norm(way)) * 0.5 for way in ways]
    assert np.allclose(total, sum(bounded), atol=1e-6) and numbers.length_of(params, wholes[2]) < 2 * 0.5 + 1e-3
    assert (tally.weight, tally.loss, tally.right) == pytest.approx((1.5, 1.0, 0.25), abs=1e-5)


@pytest.mark.parametrize("rule", ["trimmed", "median", "krum"])
def test_one_liar_of_five_decides_nothing(rule: str) -> None:
    params = joining(rule=rule, hostile=1)
    honest = [np.full(10, 0.1) + DRAW.normal(size=10) * 0.01 for _ in range(4)]
    wholes = [numbers.to_ints(params, way, Tally(1.0, 0.0, 0.0)) for way in (*honest, np.full(10, -3.0))]
    way, _ = strategies.robust_way(params, wholes, sum(wholes[1:], wholes[0]))
    assert np.abs(way - 0.1).max() < 0.05


def test_the_server_averages_or_goes_by_the_size_of_steps_so_far() -> None:
    state, way = strategies.begin(np.zeros(3, np.float32)), np.array([1.0, -0.5, 0.0], np.float32)
    assert strategies.move(joining(server_rate=0.5), state, way).weights.tolist() == [0.5, -0.25, 0.0]
    adam = strategies.move(joining(server="adam", server_rate=0.1, adaptivity=0.001), state, way)
    by_hand = [0.1 * 0.1 * each / (math.sqrt(0.01 * each * each) + 0.001) for each in way.tolist()]
    assert adam.weights == pytest.approx(by_hand, rel=1e-5) and adam.second[0] == pytest.approx(0.01)


def test_privacy_is_counted_by_opacus_as_a_bound_that_is_tight_and_adds_up() -> None:
    # Everybody in each of 60 rounds at noise 10 is one Gaussian mechanism, whose curve is known in closed form.
    epsilon, apart = epsilon_of([Spent(1.0, 10.0, 60)], 1e-5), math.sqrt(60) / 10

    def delta_at(epsilon: float) -> float:
        ends = [math.erfc((epsilon / apart + sign * apart / 2) / math.sqrt(2)) / 2 for sign in (-1, 1)]
        return ends[0] - math.exp(epsilon) * ends[1]

    assert delta_at(epsilon) < 1e-5 < delta_at(0.85 * epsilon)
    once, twice = (epsilon_of([Spent(0.01, 1.0, 500)] * times, 1e-5) for times in (1, 2))
    assert once < twice < 2 * once and twice == epsilon_of([Spent(0.01, 1.0, 1_000)], 1e-5)
    assert epsilon_of([], 1e-5) == 0 and epsilon_of([Spent(0.01, 2.0, 500)], 1e-5) < once / 2
