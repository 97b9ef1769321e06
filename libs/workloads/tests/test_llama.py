"""How a child of a model starts: without what it never uses."""

import subprocess
import sys
from pathlib import Path
from typing import Any

WORK = """
import runpy, sys
from pathlib import Path
from assay.workloads import ModelStore, workload

bench = runpy.run_path({conftest!r})["Bench"](ModelStore(Path({store!r})), {model!r}, b"to and fro " * 40)
start = workload("finetune").start(bench.params(), bench.inputs)
for how in ({{}}, {{"base": "nf4"}}):
    bench.chain(start, range(1), **how)
import assay.workloads.generate.decode, assay.workloads.trace.finetune
print(sorted({never!r} & set(sys.modules)))
import torch
print(torch.distributed.is_available(), "_dynamo" in vars(torch))
"""
NEVER = {"scipy", "torch._dynamo", "torch._inductor", "torch.distributed.tensor", "torch.distributed.fsdp"}
"""Two seconds of a core, in each of the dozens of children that a network starts."""


def test_who_trains_loads_no_compiler_no_cluster_and_no_scipy_and_can_have_them_afterwards(bench: Any) -> None:
    where = {"conftest": str(Path(__file__).with_name("conftest.py")), "store": str(bench.store.root)}
    code = WORK.format(**where, model=bench.model, never=NEVER)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\nTrue False\n", done.stderr


PRELOADED = """
import runpy, sys
from pathlib import Path
from assay.workloads import ModelStore, workload
from assay.workloads.preload import preload

bench = runpy.run_path({conftest!r})["Bench"](ModelStore(Path({store!r})), {model!r}, b"to and fro " * 40)
preload(("finetune",))
held = set(sys.modules)
start = workload("finetune").start(bench.params(), bench.inputs)
bench.chain(start, range(1))
held.add("torch.utils._device")  # a page of code
print(sorted(name for name in set(sys.modules) - held if name.partition(".")[0] in {libraries!r}))
"""
LIBRARIES = {"torch", "transformers", "peft", "sympy", "mpmath", "safetensors", "tokenizers"}


def test_who_has_loaded_beforehand_loads_nothing_more_for_the_first_step(bench: Any) -> None:
    where = {"conftest": str(Path(__file__).with_name("conftest.py")), "store": str(bench.store.root)}
    code = PRELOADED.format(**where, model=bench.model, libraries=LIBRARIES)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stdout + done.stderr
