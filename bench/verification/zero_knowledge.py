"""The same small model proven by ezkl and checked the market's way: by computing drawn answers again, exactly.

The model is the perceptron of the zero-knowledge tests. One party compiles a circuit and the circuit travels; keys are
made of it here. All in processor time; answers are computed in one batch, as a provider would.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar

import torch
from torch import Tensor

from assay.proof.policy import Reputation, Terms, Work, choose
from assay.workloads.numerics import Generator, exact
from assay.workloads.zk import Circuit, check, make_keys, prove
from bench.result import Result

FIXTURE: Final = Path(__file__).parents[2] / "libs/workloads/tests/zk"
INPUTS: Final = (0.25, -0.5, 0.125, 1.0, -1.0, 0.75, 0.5, -0.25)
WIDTHS: Final = (8, 16, 4)
BATCH: Final = 4096
POOL: Final = 20_000
PAY: Final = 10**9
T = TypeVar("T")


@dataclass(frozen=True)
class Proven:
    """What one proof takes: processor seconds and bytes."""

    keys_s: float
    prove_s: float
    check_s: float
    proof_bytes: int


def run() -> Result:
    """The part, measured now."""
    infer_s = infer_s_each()
    plan = choose(Terms(POOL, PAY, 2 * PAY, work=Work.INFERENCE), Reputation(passed_epochs=50))
    # An answer of so small a model is checked by computing it again: the drawn ones, of all.
    again_s = infer_s * plan.chosen.k / POOL
    figures: dict[str, float | str | None] = {
        "infer_cpu_us": infer_s * 1e6,
        "check_cpu_us_each": again_s * 1e6,
        "k_of_20000": float(plan.chosen.k),
    }
    if find_spec("ezkl") is None:
        return Result("zero_knowledge", figures, {"ezkl": {"prove_cpu_s": "not installed"}}, {}, {})
    proven = measure()
    peers = {
        "ezkl": {
            "keys_cpu_s": proven.keys_s,
            "prove_cpu_s": proven.prove_s,
            "check_cpu_ms": proven.check_s * 1000,
            "proof_bytes": float(proven.proof_bytes),
            "prove_over_inference": proven.prove_s / infer_s,
        },
        "full replication": {"check_over_inference": 1.0},
    }
    ratios = {"ezkl_over_ours": proven.prove_s / again_s, "full_replay_over_ours": infer_s / again_s}
    notes = (
        "a perceptron 8-16-4; ours finds 5 % falsified with 99 % and trusts two of three verifiers, ezkl trusts nobody",
        f"answers are computed exactly, {BATCH:,} at once; ezkl proves one",
    )
    return Result("zero_knowledge", figures, peers, ratios, {}, notes)


def infer_s_each() -> float:
    """Processor seconds of one exact answer, of a batch."""
    model, generator = perceptron(), Generator(1)
    inputs = torch.tensor(INPUTS).repeat(BATCH, 1)

    def infer() -> Tensor:
        with exact(model, generator), torch.no_grad():
            answers: Tensor = model(inputs)
        return answers

    return min(timed(infer)[1] for _ in range(5)) / BATCH


def perceptron() -> torch.nn.Module:
    """A model of the circuit's size."""
    layers = [torch.nn.Linear(*pair) for pair in pairwise(WIDTHS)]
    return torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])


def measure() -> Proven:
    """Keys, one proof and its check."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        circuit = Circuit(Path(folder), FIXTURE / "tiny.srs")
        for part in (circuit.compiled, circuit.settings):
            shutil.copy(FIXTURE / part.name, part)
        _, keys_s = timed(lambda: make_keys(circuit))
        proof, prove_s = timed(lambda: prove(circuit, INPUTS))
        outputs, check_s = timed(lambda: check(circuit, proof.data, INPUTS))
        assert outputs == proof.outputs
        return Proven(keys_s, prove_s, check_s, len(proof.data))


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What some work gives, and its processor time."""
    begun = time.process_time()
    given = work()
    return given, time.process_time() - begun
