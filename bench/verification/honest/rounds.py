"""Rounds of honest work: in each, every setting provides some jobs, and others, all in turn, check them."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from assay.workloads import ModelStore
from bench.verification.honest.jobs import JOB_SEGMENTS, ORDER, write_model
from bench.verification.honest.settings import SETTINGS, machines

ROUND_JOBS: Final = len(ORDER)
"""Jobs of one setting in one round."""
ROUND_SEGMENTS: Final = ROUND_JOBS * JOB_SEGMENTS * len(SETTINGS)


@dataclass
class Honest:
    """What was found of honest work, by check and by the setting that checked."""

    by_check: Counter[str] = field(default_factory=Counter)
    equal_bits: Counter[str] = field(default_factory=Counter)
    by_setting: Counter[str] = field(default_factory=Counter)
    pairs: set[tuple[int, int]] = field(default_factory=set)
    worst: dict[str, float] = field(default_factory=dict)
    false_findings: list[str] = field(default_factory=list)
    capabilities: set[str] = field(default_factory=set)
    cpu_s: float = 0.0

    @property
    def segments(self) -> int:
        """How many segments were checked."""
        return self.by_check.total()

    def add(self, provider: int, verifier: int, said: dict[str, Any]) -> None:
        """Count what one setting found of another's jobs."""
        self.by_check.update(said["segments"])
        self.equal_bits.update(said["equal_bits"])
        self.by_setting[SETTINGS[verifier].name] += sum(said["segments"].values())
        self.pairs.add((provider, verifier))
        for check, distance in said["worst"].items():
            self.worst[check] = max(distance, self.worst.get(check, 0.0))
        self.false_findings += [f"{SETTINGS[verifier].name}: {each}" for each in said["false_findings"]]


def run_rounds(segments: int, report: Callable[[Honest], None]) -> Honest:
    """At least so many segments, run under one setting and checked under another; reported after each round."""
    honest = Honest()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        store, claims = ModelStore(Path(folder, "models")), Path(folder, "claims")
        claims.mkdir()
        write_model(Path(folder, "model"))
        model = store.add(Path(folder, "model"))
        with machines(model, claims, store.root) as children:
            turn = 0
            while honest.segments < segments:
                run_round(children, turn, honest)
                turn += 1
                report(honest)
    return honest


def run_round(children: list[Any], turn: int, honest: Honest) -> None:
    """Every setting's jobs of one turn, and their check by the setting so many places on, which changes by turn."""
    count = len(children)
    begun = time.process_time()
    jobs = [list(range((turn * count + at) * ROUND_JOBS, (turn * count + at + 1) * ROUND_JOBS)) for at in range(count)]
    for at, child in enumerate(children):
        said = child.ask({"do": "provide", "jobs": jobs[at]})
        honest.cpu_s += said["cpu_s"]
        honest.capabilities.add(said["capability"])
    for at, mine in enumerate(jobs):
        verifier = (at + 1 + turn % (count - 1)) % count
        said = children[verifier].ask({"do": "verify", "jobs": mine})
        honest.cpu_s += said["cpu_s"]
        honest.add(at, verifier, said)
    honest.cpu_s += time.process_time() - begun
