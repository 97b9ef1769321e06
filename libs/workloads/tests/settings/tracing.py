"""Checks the traces that were recorded elsewhere and records the same here; prints what was found, and this class.

tracing.py <folder of the traces> <name of the setting> <threads>
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from libs.workloads.tests.trace.conftest import build_job

from assay.workloads.machine import read_class
from assay.workloads.trace.check import check_trace

if __name__ == "__main__":
    folder, mine, threads, findings = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), []
    torch.set_num_threads(threads)
    for half in (False, True):
        job = build_job(half)
        root, state_out, seeds = json.loads((folder / f"here.{half}.said").read_text())
        spec = replace(job.spec, root=root, state_out=state_out)
        for seed in seeds:
            findings += [str(each) for each in check_trace(folder / f"here.{half}", seed, spec).findings]
        spec = job.forge(folder / f"{mine}.{half}")
        (folder / f"{mine}.{half}.said").write_text(json.dumps((spec.root, spec.state_out)))
    print(json.dumps({"findings": findings, "class": read_class(threads).class_id}))
