"""One machine as a process: `python -m bench.verification.honest.child`, told on its input, one line of JSON each time.

Told to provide jobs, it runs their segments and writes what it claims. Told to verify another's, it checks each segment
as a verifier does, by the methods of the network, and answers what it found. It is a process because instruction sets
are chosen when one starts.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from assay.schema.job import JobSpec
from assay.verification.methods import method_of
from assay.verification.methods.method import Compared
from assay.workloads import HeldInputs, ignore_progress, read_params, workload
from assay.workloads.trace.check import check_trace
from assay.workloads.trace.finetune import trace_segment, trace_spec
from bench.verification.honest.jobs import Check, Job, inputs_in, job_of

SEED: Final = "5e" * 32
KIND: Final = workload("finetune")


@dataclass
class Found:
    """What a verifier found of others' honest segments."""

    segments: Counter[str] = field(default_factory=Counter)
    equal_bits: Counter[str] = field(default_factory=Counter)
    worst: dict[str, float] = field(default_factory=dict)
    false_findings: list[str] = field(default_factory=list)

    def add(self, check: Check, finding: str, distance: float) -> None:
        """Count one checked segment; `finding` is empty if nothing was found."""
        self.segments[check] += 1
        self.equal_bits[check] += distance == 0
        self.worst[check] = max(distance, self.worst.get(check, 0.0))
        self.false_findings += [finding] if finding else []


class Machine:
    """This process: its threads, and where the claims lie."""

    def __init__(self, threads: int, model: str, folder: Path, models_dir: Path) -> None:
        self.threads, self.model, self.folder = threads, model, folder
        self.inputs: HeldInputs = inputs_in(models_dir)

    def params_of(self, job: Job) -> Any:
        """A job's parameters, on as many threads as this machine works with."""
        return read_params("finetune", job.spec.params).model_copy(update={"threads": self.threads})

    def place(self, job: Job, name: str) -> Path:
        """Where something of a job lies."""
        return self.folder / f"{job.number}.{name}"

    def provide(self, numbers: Iterable[int]) -> None:
        """Run jobs and write their states, and for those that are traced the openings."""
        for job in (job_of(number, self.model) for number in numbers):
            params = self.params_of(job)
            state = KIND.start(params, self.inputs)
            self.place(job, "0").write_bytes(state)
            for index in range(job.spec.segments):
                done = KIND.run(params, self.inputs, state, index, ignore_progress)
                if job.check is Check.TRACE:
                    root = trace_segment(params, self.inputs, state, index, self.place(job, f"{index}.trace")).root
                    self.place(job, f"{index}.said").write_text(json.dumps([root, done.state_digest]))
                state = done.state
                self.place(job, f"{index + 1}").write_bytes(state)

    def verify(self, numbers: Iterable[int]) -> Found:
        """Check every segment of these jobs, and remove what was claimed."""
        found = Found()
        for job in (job_of(number, self.model) for number in numbers):
            for index in range(job.spec.segments):
                finding, distance = (self.trace if job.check is Check.TRACE else self.replay)(job, index)
                found.add(job.check, finding, distance)
            for file in self.folder.glob(f"{job.number}.*"):
                file.unlink()
        return found

    def replay(self, job: Job, index: int) -> tuple[str, float]:
        """Run a segment again and compare by the method that the network judges this work by."""
        before, claimed = (self.place(job, f"{at}").read_bytes() for at in (index, index + 1))
        mine = KIND.run(self.params_of(job), self.inputs, before, index, ignore_progress).state
        method = method_of(job.spec)
        assert method.compare is not None

        async def fetch() -> bytes:
            return before

        compared: Compared = asyncio.run(method.compare(Here(), job.spec, mine, claimed, fetch))  # type: ignore
        finding = "" if compared.agrees else f"{job.number}.{index} {method.name} {compared.code}"
        return finding, compared.distance or 0.0

    def trace(self, job: Job, index: int) -> tuple[str, float]:
        """Check a segment from its opening; the distance is its worst residual."""
        params, before = self.params_of(job), self.place(job, f"{index}").read_bytes()
        root, state_out = json.loads(self.place(job, f"{index}.said").read_text())
        torch.set_num_threads(self.threads)
        spec = trace_spec(params, self.inputs, before, index, root, state_out)
        report = check_trace(self.place(job, f"{index}.trace"), SEED, spec)
        finding = "" if report.passed else f"{job.number}.{index} trace {report.findings[0]}"
        return finding, max(report.worst.values())


class Here:
    """What the methods ask of a machine, answered in this process."""

    async def digest(self, spec: JobSpec, state: bytes) -> str:
        """A checkpoint's digest."""
        return KIND.digest(state)

    async def distance(self, spec: JobSpec, mine: bytes, theirs: bytes, before: bytes) -> float:
        """How far one checkpoint is from another."""
        return KIND.distance(mine, theirs, before)


def answer(machine: Machine, task: dict[str, Any]) -> dict[str, Any]:
    """Do one task."""
    begun = time.process_time()
    found = Found()
    if task["do"] == "provide":
        machine.provide(task["jobs"])
    else:
        found = machine.verify(task["jobs"])
    capability = torch.backends.cpu.get_cpu_capability()
    return vars(found) | {"cpu_s": time.process_time() - begun, "capability": capability}


def main() -> None:
    """Do one task a line until there are no more."""
    output, sys.stdout = sys.stdout, sys.stderr
    given = json.loads(sys.argv[1])
    machine = Machine(given["threads"], given["model"], Path(given["folder"]), Path(given["models"]))
    for line in sys.stdin:
        output.write(json.dumps(answer(machine, json.loads(line))) + "\n")
        output.flush()


if __name__ == "__main__":
    main()
