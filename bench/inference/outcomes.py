"""Claims made by provider processes, and what the check finds of each."""

import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assay.schema.job import JobSpec
from assay.workloads import HeldInputs
from assay.workloads.generate.answers import read_proof
from assay.workloads.generate.check import check_generation, params_of
from assay.workloads.generate.engine import load_engine
from assay.workloads.generate.limits import GenerationFinding
from assay.workloads.generate.opening import Claim, decode
from assay.workloads.generate.reading import CHECKER_DTYPE

SEED: Final = "5e" * 32
PROVIDER_S: Final = 3600.0


@dataclass(frozen=True)
class Setting:
    """Where and how a provider process runs: the environment that picks instruction sets, number type, threads."""

    names: tuple[str, ...]
    dtype: str
    environment: tuple[tuple[str, str], ...] = ()
    threads: int = 1


@dataclass(frozen=True)
class Outcome:
    """One behaviour for a job in one number type: what the check found, and what both sides spent."""

    name: str
    dtype: str
    sketch: str
    findings: list[GenerationFinding]
    made_s: float
    check_s: float
    tokens: int
    proof_bytes: int

    @property
    def accepted(self) -> bool:
        """Whether nothing was found against it."""
        return all(finding.passed for finding in self.findings)

    def worst(self, kind: str) -> float:
        """The worst residual of one kind, in units of its limit."""
        return max(found.residuals.get(kind, 0.0) for found in self.findings)

    def line(self) -> str:
        """The row of the table: residuals in units of their limits, the worst of each kind."""
        kinds = ("chunk_distance", "mean_distance", "token_margin", "mean_margin")
        verdict = "accepted" if self.accepted else "REJECTED"
        numbers = " ".join(f"{self.worst(kind):>9.3g}" for kind in kinds)
        return f"{self.sketch:<10} {self.dtype:<9} {self.name:<31} {numbers}  {verdict}"


def claims_of(setting: Setting, spec: JobSpec, prompts: str, models: Path) -> dict[str, tuple[Claim, float]]:
    """The claims that one provider process makes, and the processor seconds that each took."""
    task: dict[str, object] = {
        "spec": spec.model_dump(mode="json"),
        "prompts": prompts,
        "models": str(models),
        "names": setting.names,
    }
    task |= {"dtype": setting.dtype, "threads": setting.threads}
    environment = os.environ | {"OMP_NUM_THREADS": str(setting.threads)} | dict(setting.environment)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        place = Path(folder, "claims")
        command = [sys.executable, "-m", "bench.inference.provider", str(place)]
        subprocess.run(command, input=json.dumps(task).encode(), env=environment, check=True, timeout=PROVIDER_S)
        claims: dict[str, tuple[Claim, float]] = pickle.loads(place.read_bytes())  # noqa: S301
    return claims


def judge(name: str, claim: Claim, made_s: float, spec: JobSpec, inputs: HeldInputs) -> Outcome:
    """What the network's own check finds of a claim, on one thread."""
    params = params_of(spec)
    # A provider's clock starts when its model is loaded, and so does this one.
    load_engine(params.model, inputs.models, CHECKER_DTYPE, threads=1)
    begun_s = time.process_time()
    findings = check_generation(claim, SEED, spec, inputs, dtype=CHECKER_DTYPE)
    check_s = time.process_time() - begun_s
    proof = decode(claim.opening).proof
    answers = read_proof(proof, params, 0)
    tokens = sum(len(answer.tokens) for answer in answers)
    return Outcome(name, params.dtype, params.sketch, findings, made_s, check_s, tokens, len(proof))


def outcomes_of(settings: Sequence[Setting], spec: JobSpec, prompts: str, inputs: HeldInputs) -> list[Outcome]:
    """The outcomes of all behaviours in all settings."""
    found: list[Outcome] = []
    for setting in settings:
        for name, (claim, made_s) in claims_of(setting, spec, prompts, inputs.models.root).items():
            found.append(judge(name, claim, made_s, spec, inputs))
            print(found[-1].line(), flush=True)
    return found
