"""Disputes about a step of a real model: LoRA of SmolLM2-135M-Instruct in exact numerics, with few tokens.

    python -m bench.court.real [tokens] [--derive]

Apart from the axis, for it takes minutes and gigabytes. The model is the one that `make demo` keeps in `var/models`.
"""

import asyncio
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from assay.chain.judge import judge_domain
from assay.proof.court.primitives import Op
from assay.proof.digest import blob_digest
from assay.proof.keys import Key
from assay.workloads import read_params, workload
from assay.workloads.court import Matter
from assay.workloads.court.matter import walk
from bench.court.chain import gas_of, judge_on
from bench.court.tuning import TUNING, Tuning, hear_number
from bench.verification.honest.jobs import TEXT, inputs_in

MODELS: Final = Path("var/models")
TOKENS: Final = 8
LONG: Final = (Op.DOT, Op.ROW_MAX, Op.ROW_EXPONENT)
STEP: Final = 0
KEY: Final = Key.from_hex("33" * 32)


def prepare(tokens: int) -> Tuning:
    """The first of two segments of one step."""
    (model,) = (path.name for path in MODELS.iterdir() if path.is_dir())
    form = {**TUNING, "sequence_tokens": tokens, "steps": 2, "segment_steps": 1}
    raw = {**form, "model": model, "data": blob_digest(TEXT)}
    work, params, inputs = workload("finetune"), read_params("finetune", raw), inputs_in(MODELS)
    before = work.start(params, inputs)
    with told("deriving the program"):
        begun = time.process_time()
        matter: Matter = work.matter(params, inputs, 0)  # type: ignore[attr-defined]
        derived_s = time.process_time() - begun
    with told("running a step"):
        begun = time.process_time()
        walk(matter, before)
        step_s = time.process_time() - begun
    return Tuning(matter, before, step_s, derived_s)


class told:
    """Says what a part took: seconds, and the most memory that the process has had by then."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        self.begun, self.spent = time.time(), time.process_time()

    def __exit__(self, *_: Any) -> None:
        most_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        taken = f"{time.time() - self.begun:.0f} s, {time.process_time() - self.spent:.0f} s of processor"
        print(f"{self.what}: {taken}, {most_gb:.1f} GB at most so far", flush=True)


def describe(matter: Matter) -> None:
    """Say how large a step is."""
    operations = [operator.operation for operator in matter.program.operators]
    size = sum(each.shape.rows * each.shape.row_bytes for each in operations)
    widest = max(operations, key=lambda each: each.shape.chunks)
    constants = sum(len(each.data) for each in matter.constants.values())
    print(f"{len(operations)} operators put out {size / 1e6:.0f} MB; constants {constants / 1e6:.0f} MB")
    print(f"at most {widest.shape.chunks} chunks ({widest.op.name})")
    print(Counter(each.op.name for each in operations).most_common(), flush=True)


def longest(matter: Matter) -> Iterator[int]:
    """The operators that no contract took before: of the longest rows, and of the most chunks."""
    operations = [operator.operation for operator in matter.program.operators]
    for op in LONG:
        numbers = [number for number, each in enumerate(operations) if each.op is op]
        yield max(numbers, key=lambda number: operations[number].inputs[0][1])
    yield max(range(len(operations)), key=lambda number: operations[number].shape.chunks)


async def main(tokens: int, is_derived_only: bool) -> None:
    """Hear a dispute about each kind of operator, and have its end judged by the contract on a node."""
    tuning = prepare(tokens)
    describe(tuning.matter)
    if is_derived_only:
        return
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        async with judge_on(Path(folder), KEY) as chain:
            for number in longest(tuning.matter):
                operation = tuning.matter.program.operators[number].operation
                with told(f"a dispute about {operation.op.name} of {operation.inputs}"):
                    heard = hear_number(tuning, number, judge_domain(chain.deployment), STEP)
                account = heard.account
                gas = await gas_of(chain, KEY, heard)
                print(
                    f"  {account.rounds} rounds, {account.moves} moves, {account.move_bytes:,} and "
                    f"{account.opening_bytes:,} bytes, {gas:,} gas, refused {account.refused}",
                    flush=True,
                )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else TOKENS, "--derive" in sys.argv))
