"""Disputes about a real step: LoRA fine-tuning of a small Llama in exact numerics, one for each kind of operator.

The model is that of `bench.verification.honest`; the worker's lie is one element, and truly all that follows from it.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.proof.court.moves import Move, Party
from assay.proof.court.play import play
from assay.proof.court.primitives import Op
from assay.proof.court.terms import Terms
from assay.proof.digest import blob_digest
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.workloads import ModelStore, ignore_progress, read_params, workload
from assay.workloads.court import Matter, hold, record_of
from assay.workloads.court.rehearsal import LIE_STEP, last_of, lie_about
from bench.court.disputes import Heard, noted, times_of
from bench.verification.honest.jobs import TEXT, inputs_in, write_model

KEYS: Final = {Party.WORKER: Key.from_hex("44" * 32), Party.CHALLENGER: Key.from_hex("55" * 32)}
JUDGED: Final = (
    *(Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.SQRT, Op.MAX, Op.SELECT, Op.ROW_EXPONENT, Op.QUANTISE),
    *(Op.DOT, Op.DESCALE, Op.IADD, Op.ISUB, Op.MUL_LO, Op.POW2, Op.COMPARE, Op.NEG),
)
"""What is lied about: a lie about some of the others changes no bit of the state that follows."""
TUNING: Final[dict[str, Any]] = {
    **{"sequence_tokens": 64, "batch": 1, "lora_rank": 4, "targets": ["q_proj", "v_proj"], "numerics": "exact"},
    **{"steps": 10, "segment_steps": 5, "learning_rate": 0.01, "clip_norm": 1.0, "threads": 1},
}
SEGMENT: Final = 0
NOBODY: Final = "0x" + "0" * 40


@dataclass(frozen=True)
class Tuning:
    """A segment of the job: as the court takes it, where it begins, processor seconds of a step and of the program."""

    matter: Matter
    before: bytes
    step_s: float
    derived_s: float


def prepare(folder: Path) -> Tuning:
    """The segment, with a model written to a folder."""
    write_model(folder / "model")
    store = ModelStore(folder / "models")
    raw = {"model": store.add(folder / "model"), "data": blob_digest(TEXT), **TUNING}
    work, params, inputs = workload("finetune"), read_params("finetune", raw), inputs_in(store.root)
    before = work.start(params, inputs)
    work.run(params, inputs, before, SEGMENT, ignore_progress)
    begun = time.process_time()
    work.run(params, inputs, before, SEGMENT, ignore_progress)
    step_s = (time.process_time() - begun) / TUNING["segment_steps"]
    begun = time.process_time()
    matter: Matter = work.matter(params, inputs, SEGMENT)  # type: ignore[attr-defined]
    return Tuning(matter, before, step_s, time.process_time() - begun)


def hear_tuning(tuning: Tuning, op: Op, domain: Domain) -> Heard:
    """The dispute in which the worker lied about the last operator of a kind that the state follows from."""
    return hear_number(tuning, last_of(tuning.matter.program, op), domain)


def hear_number(tuning: Tuning, number: int, domain: Domain, step: int = LIE_STEP) -> Heard:
    """The dispute in which the worker lied about one operator of one step."""
    matter, before = tuning.matter, tuning.before
    op = matter.program.operators[number].operation.op
    holdings = {party: hold(matter, key, before) for party, key in KEYS.items()}
    claimed = lie_about(holdings[Party.WORKER], matter, before, number, step)
    record = record_of(matter, "l" + "a" * 26, KEYS[Party.WORKER].address, before, claimed)
    countered, challenger = holdings[Party.CHALLENGER].states[-1], KEYS[Party.CHALLENGER].address
    terms = Terms(record, challenger, countered, 10**18, 600, 3600, 86_400, NOBODY, domain, f"{op.name} {number}")
    made: list[Move] = []
    speakers = {party: noted(holding.move, made) for party, holding in holdings.items()}
    account = play(terms, KEYS, speakers)
    return Heard(op, terms, account, tuple(made), *times_of(KEYS, terms, made))


def hear_every(tuning: Tuning, domain: Domain) -> list[Heard]:
    """A dispute about each kind of operator."""
    heard = []
    for op in JUDGED:
        heard.append(hear_tuning(tuning, op, domain))
        print(f"  a step: {op.name:<13} {heard[-1].account.rounds} rounds, {heard[-1].size_bytes:,} bytes", flush=True)
    return heard
