"""Axis `court`: a dispute over 10,000 steps of 496 operators, once for each kind of operator, judged here and on chain.

Beside it: running the steps again. A step is that of `bench.numerics` with exact operators, width 1,024; the tensors in
dispute are as wide.
"""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from assay.chain.judge import judge_domain
from assay.devnet.errors import NotInstalled
from assay.proof.court.primitives import Op
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from bench.court.chain import gas_of, judge_on
from bench.court.disputes import Heard, hear
from bench.court.tracing import Traced, measure_traced
from bench.court.tuning import Tuning, hear_every, prepare
from bench.court.wide import WIDTH, WideRehearsal
from bench.numerics.steps import measure
from bench.result import Figures, Result

SEGMENTS, SEGMENT_STEPS, OPERATORS, SIDE = 100, 100, 496, 4
WIDE_FROM: Final = 296
STEP: Final = 7371
KEY: Final = Key.from_hex("22" * 32)
LIMITS: Final = {"rounds": 7, "moves_bytes": 10_000, "element_bytes": 10_000, "row_bytes": 10_000, "gas": 1_000_000}
REFEREE_SHARE_MAX: Final = 0.001
ELEMENTWISE: Final = (Op.ADD, Op.MUL, Op.QUANTISE, Op.DIV)
NOTES: Final = (
    "bytes are of all moves, signatures and digests included: without what is opened of tensors, with it for operators "
    "of single elements, and for those of whole rows, of which a product opens two of 1,024 words",
    "the referee computes the one element; the clerk checks all moves; a step is exact, of width 1,024, 1,024 tokens",
    "both parties run the disputed step once more with Keccak over all outputs, measured at width 256",
)


def run() -> Result:
    """The axis, measured now."""
    gas: dict[Op, int] = {}
    tuned_gas: dict[Op, int] = {}
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        tuning = prepare(Path(folder))
        try:
            (heard, gas), (tuned, tuned_gas) = asyncio.run(judge_all(Path(folder), tuning))
        except NotInstalled as error:
            print(f"  no EVM node: {error}", flush=True)
            nowhere = Domain(31337, "0x" + "77" * 20)
            heard, tuned = hear_all(nowhere), hear_every(tuning, nowhere)
    result = compose(heard, gas, measure(WIDTH)["exact"], measure_traced())
    return replace(result, figures={**result.figures, **figures_of(tuning, tuned, tuned_gas)})


Judged = tuple[list[Heard], dict[Op, int]]


async def judge_all(folder: Path, tuning: Tuning) -> tuple[Judged, Judged]:
    """All disputes, those about a real step apart, and the gas of each one's end."""
    async with judge_on(folder, KEY) as chain:
        domain = judge_domain(chain.deployment)
        lists = hear_all(domain), hear_every(tuning, domain)
        wide, tuned = [(heard, {each.op: await gas_of(chain, KEY, each) for each in heard}) for heard in lists]
        return wide, tuned


def figures_of(tuning: Tuning, heard: list[Heard], gas: dict[Op, int]) -> dict[str, float | str | None]:
    """What the worst dispute about a step of a LoRA fine-tuning takes."""
    judging_s = max(each.judging_s for each in heard)
    return {
        "tuning_operators": float(len(tuning.matter.program.operators)),
        "tuning_rounds": float(max(each.account.rounds for each in heard)),
        "tuning_moves_bytes": float(max(each.account.move_bytes for each in heard)),
        "tuning_bytes": float(max(each.size_bytes for each in heard)),
        "tuning_gas": float(max(gas.values())) if gas else None,
        "tuning_referee_share_of_step": judging_s / tuning.step_s,
        "tuning_program_over_step": tuning.derived_s / tuning.step_s,
    }


def hear_all(domain: Domain) -> list[Heard]:
    """A dispute about each operator of the wide block."""
    heard = []
    for at in range(WIDE_FROM, WIDE_FROM + 8):
        lease = WideRehearsal(SEGMENTS, SEGMENT_STEPS, OPERATORS, SIDE, wide=WIDE_FROM)
        heard.append(hear(lease, STEP, at, domain))
        print(
            f"  {heard[-1].op.name:<13} {heard[-1].account.rounds} rounds, {heard[-1].size_bytes:,} bytes", flush=True
        )
    return heard


def compose(heard: list[Heard], gas: dict[Op, int], step_s: float, traced: Traced) -> Result:
    """The result: aims are limits over what was measured, of the worst dispute."""
    clerk_s, judging_s = max(each.clerk_s for each in heard), max(each.judging_s for each in heard)
    measured = {
        "rounds": max(each.account.rounds for each in heard),
        "moves_bytes": max(each.account.move_bytes for each in heard),
        "element_bytes": max(each.size_bytes for each in heard if each.op in ELEMENTWISE),
        "row_bytes": max(each.size_bytes for each in heard if each.op not in ELEMENTWISE),
        "gas": max(gas.values(), default=None),
    }
    steps = SEGMENTS * SEGMENT_STEPS
    dispute_s = clerk_s + 2 * traced.over_step * step_s
    figures: dict[str, float | str | None] = {
        "steps": float(steps),
        "operators": float(OPERATORS),
        "moves": float(max(each.account.moves for each in heard)),
        **{name: None if value is None else float(value) for name, value in measured.items()},
        **{f"gas_{op.name.lower()}": float(used) for op, used in gas.items()},
        "referee_cpu_ms": judging_s * 1000,
        "clerk_cpu_ms": clerk_s * 1000,
        "referee_share_of_step": judging_s / step_s,
        "clerk_share_of_step": clerk_s / step_s,
        "traced_step_over_step": traced.over_step,
        "operators_of_a_traced_step": float(traced.operators),
        "dispute_cpu_s": dispute_s,
    }
    again: Figures = {"cpu_s": steps * step_s, "step_cpu_s": step_s}
    ratios = {f"limit_over_{name}": LIMITS[name] / value for name, value in measured.items() if value is not None}
    ratios["limit_over_referee"] = REFEREE_SHARE_MAX * step_s / judging_s
    ratios["re_execution_over_dispute"] = steps * step_s / dispute_s
    aims = {**{f"limit_over_{name}": 1.0 for name in LIMITS}, "limit_over_referee": 1.0}
    return Result("court", figures, {"full re-execution": again}, ratios, aims, NOTES)
