"""A provider as a process: `python -m bench.inference.provider PLACE`, the rest by its standard input.

It closes the first segment of a job by each of the behaviours it is told of and writes the claims to PLACE, with the
processor time that the honest way took. It is a process because instruction sets are chosen when one starts.
"""

import json
import pickle
import sys
import time
from pathlib import Path

from assay.schema.job import JobSpec
from assay.workloads import HeldInputs, ModelStore
from assay.workloads.generate.check import params_of
from assay.workloads.generate.decode import close_segment
from assay.workloads.generate.engine import load_engine
from assay.workloads.generate.opening import Claim, open_segment
from assay.workloads.generate.prompts import read_prompts
from assay.workloads.generate.state import start_of
from bench.inference.behaviours import CHEATS, generate


def claim_of(spec: JobSpec, inputs: HeldInputs, name: str, dtype: str, threads: int) -> tuple[Claim, float]:
    """The claim of segment 0 by one behaviour, and the processor seconds that it took."""
    params = params_of(spec)
    engine = load_engine(params.model, inputs.models, dtype, threads)
    prompts = read_prompts(inputs.read(params.prompts), params.requests)
    begun_s = time.process_time()
    asked = [(request, engine.encode(prompts[request], params)) for request in params.requests_of(0)]
    answers = CHEATS.get(name, generate)(engine, params, asked)
    before = start_of(params)
    after = close_segment(engine, before, answers)
    spent_s = time.process_time() - begun_s
    return Claim(0, before.link(0).hex(), after.link(1).hex(), open_segment(after.encode())), spent_s


def main() -> None:
    """Read the task, write a claim for each behaviour."""
    task = json.load(sys.stdin)
    spec = JobSpec.model_validate(task["spec"])
    inputs = HeldInputs(ModelStore(Path(task["models"])), {str(spec.params["prompts"]): task["prompts"].encode()})
    claims = {name: claim_of(spec, inputs, name, task["dtype"], task["threads"]) for name in task["names"]}
    Path(sys.argv[1]).write_bytes(pickle.dumps(claims))


if __name__ == "__main__":
    main()
