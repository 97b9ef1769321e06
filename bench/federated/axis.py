"""Each strategy on each data set, non-IID, against the same model trained on all data in one place, in the same run."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from assay.workloads import read_params
from assay.workloads.federated import local, perceptron
from assay.workloads.workload import ignore_progress
from bench.federated.hall import Hall
from bench.federated.splits import Task, tasks, uneven
from bench.result import Result

MEMBERS: Final = 8
ALPHA: Final = 0.3
ROUNDS: Final = 20
STEPS: Final = 10
BATCH: Final = 32
RATE: Final = 0.5
MEMORY: Final = Path("/dev/shm")
"""Ledgers are on disk before anything leaves; what that costs is not what is measured here."""
LIARS: Final = 1
OWN: Final = {"steps": STEPS, "batch": BATCH, "learning_rate": RATE}


class Strategy(NamedTuple):
    """How members learn and are joined: parameters of all jobs, of members', of the joining; and how many lie."""

    model: Mapping[str, Any] = {}
    member: Mapping[str, Any] = {}
    step: Mapping[str, Any] = {}
    liars: int = 0


EQUAL: Final = {"weighting": "equal"}
STRATEGIES: Final = {
    "fedavg": Strategy(),
    "fedavg secure": Strategy({"secure": True, "quorum": 6}),
    "fedprox 0.1": Strategy(member={"prox": 0.1}),
    "fedadam": Strategy(step={"server": "adam", "server_rate": 0.1}),
    "trimmed": Strategy(step={"rule": "trimmed", "hostile": LIARS}),
    "median": Strategy(step={"rule": "median"}),
    "krum": Strategy(step={"rule": "krum", "hostile": LIARS}),
    "a liar: fedavg": Strategy(liars=LIARS),
    "a liar: trimmed": Strategy(step={"rule": "trimmed", "hostile": LIARS}, liars=LIARS),
    "a liar: median": Strategy(step={"rule": "median"}, liars=LIARS),
    "a liar: krum": Strategy(step={"rule": "krum", "hostile": LIARS}, liars=LIARS),
    "record noise 1": Strategy(EQUAL | {"privacy": {"noise": 1.0}}),
    "record noise 4": Strategy(EQUAL | {"privacy": {"noise": 4.0}}),
    "member noise 1": Strategy(
        EQUAL | {"secure": True, "quorum": 6, "clip": 2.0, "privacy": {"unit": "member", "noise": 1.0}}
    ),
}
AIM: Final = 0.95
"""Of what is right in one place, FedAvg's share is to be at least this."""


def run() -> Result:
    """The axis."""
    figures, peers, ratios = dict[str, float](), dict[str, dict[str, float]](), dict[str, float]()
    for name, task in tasks().items():
        pooled = centralised(task)
        peers[f"{name} in one place"] = {"right": pooled}
        for strategy in STRATEGIES:
            found = federated(task, STRATEGIES[strategy])
            figures |= {f"{name} {strategy}: {what}": value for what, value in found.items()}
            if strategy == "fedavg":
                ratios[f"{name} fedavg to one place"] = found["right"] / pooled
    notes = (
        f"{MEMBERS} members, classes shared out by Dirichlet({ALPHA}), {ROUNDS} rounds of {STEPS} steps of {BATCH}, "
        f"logistic regression; 'right' is the share of the held-out fifth.",
        f"In one place: {ROUNDS * STEPS} steps of {MEMBERS * BATCH} examples of all. ε at δ = 1e-5; bytes of a member.",
    )
    return Result("federated", figures, peers, ratios, dict.fromkeys(ratios, AIM), notes)


def centralised(task: Task) -> float:
    """What is right of the held-out part after training on all of the other in one place."""
    params: Any = read_params(
        "federated",
        {"layers": task.layers, "data": "0" * 64, **OWN, "steps": ROUNDS * STEPS, "batch": MEMBERS * BATCH},
    )
    start = perceptron.begin(task.layers, 0)
    way = local.train(params, start, task.learned, b"one place".ljust(32), ignore_progress)
    return right(task, start + way)


def federated(task: Task, strategy: Strategy) -> dict[str, float]:
    """What is right after the rounds of a strategy, what of privacy was spent, what a member sent and fetched."""
    parts = uneven(task.learned, MEMBERS, ALPHA, seed=1)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        hall = Hall.of(Path(folder), parts)
        model = {"layers": task.layers, **strategy.model}
        weights = hall.train(ROUNDS, model, OWN | dict(strategy.member), dict(strategy.step), strategy.liars)
    found = {"right": right(task, weights), "sent": hall.sent / MEMBERS, "fetched": hall.fetched / MEMBERS}
    return found | ({"epsilon": hall.epsilon} if "privacy" in strategy.model else {})


def right(task: Task, weights: Any) -> float:
    """The share of the held-out examples that the model is right about."""
    return perceptron.measure(task.layers, weights, task.held_out.values, task.held_out.labels)[1]
