"""The program of a fine-tuning step, derived by tracing one of made-up numbers.

It follows from the job's form and its model alone: two traces of different numbers have to come to the same, or there
is none. The state is what a checkpoint holds; a step's tokens and AdamW's factors for it are its data; frozen weights
are constants.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from assay.proof.court import Op, Place, Program, Shape, Source
from assay.proof.court import machine as court
from assay.proof.court.limits import OUTPUT_BYTES_MAX
from assay.proof.court.operations import check_operation
from assay.schema.errors import Refused
from assay.workloads.base_model import NOT_THE_MODEL, AdaptedModel, load_adapted
from assay.workloads.checkpoint import FIRST, GROUPS, SECOND, Shapes
from assay.workloads.court.building import Builder, Named
from assay.workloads.court.execution import KERNELS
from assay.workloads.court.placing import Placed, PlacingTracer
from assay.workloads.errors import NotJudged
from assay.workloads.finetune import FinetuneParams
from assay.workloads.forward import Batch, micro_batches
from assay.workloads.model_files import count_parameters, read_configuration
from assay.workloads.models import ModelStore
from assay.workloads.numerics import NotExact, trace
from assay.workloads.numerics.optimiser import DEPENDENT
from assay.workloads.updating import add_gradients, clip, exactly, factors_of, move_all

Constants = Mapping[bytes, court.Tensor]

TRIALS: Final = (1, 2)
"""What the numbers of the two traces are drawn from."""
WIDE_BYTES: Final = 32 * 4
"""A token puts out at the least so many bytes for each of the vocabulary: logits, loss and their way back."""
PARAMETERS_MAX: Final = 200_000_000
"""Tracing holds some forty bytes for each: whoever takes part in a dispute has eight gigabytes for it."""
NOT_THE_PROGRAM: Final = (
    *(
        "model_parameters",
        "model_files",
        "data",
        "start_from",
        "steps",
        "segment_steps",
        "learning_rate",
        "weight_decay",
    ),
    *("schedule", "warmup_steps", "seed", "threads", "heldout_share", "evaluate_windows"),
)
"""Parameters that do not change the program, so that jobs that differ in them share one."""


@dataclass(frozen=True)
class Derived:
    """The program of a job's steps with its constants, the shapes of what is trained and how many tokens there are."""

    program: Program
    constants: Constants
    shapes: Shapes
    vocabulary: int


def derive(params: FinetuneParams, store: ModelStore) -> Derived:
    """Return the program. Raises NotJudged, and what loading a model raises."""
    check_form(params, store.path(params.model))
    form = params.model_copy(update={name: NOT_THE_MODEL[name] for name in NOT_THE_PROGRAM})
    with _tracing:
        return _derive(form, store.root)


# A trace hears of all that torch does in this process.
_tracing: Final = threading.Lock()


@lru_cache(maxsize=2)
def _derive(params: FinetuneParams, root: Path) -> Derived:
    adapted = load_adapted(params, ModelStore(root))
    try:
        constants = dict[bytes, court.Tensor]()
        first, second = (build_program(params, adapted, seed, constants) for seed in TRIALS)
        check_program(first)
    except (NotExact, Refused) as error:
        raise NotJudged(f"A step of this job has no program: {error}") from error
    finally:
        adapted.clear_adapter()
    if first.root != second.root:
        raise NotJudged("What a step of this job does depends on its data.")
    return Derived(first, constants, adapted.shapes, len(adapted.head))


def check_form(params: FinetuneParams, folder: Path) -> None:
    """Raise NotJudged for what can be seen to have no program before a model is loaded."""
    if params.numerics != "exact" or params.data_form != "text":
        raise NotJudged("Only training on plain text in exact numerics has a program.")
    vocabulary = read_configuration(folder).get("vocab_size", 0)
    tokens = params.step_sequences * params.sequence_tokens
    if tokens * vocabulary * WIDE_BYTES > OUTPUT_BYTES_MAX:
        raise NotJudged(f"A step of {tokens} tokens, each out of {vocabulary}, puts out too much to be traced.")
    if (parameters := count_parameters(folder)) > PARAMETERS_MAX:
        raise NotJudged(f"A step of a model of {parameters} parameters takes too much memory to be traced.")


def check_program(program: Program) -> None:
    """Nothing, if each of its operators can be run here and judged. Raises NotJudged, Refused."""
    for operation in (operator.operation for operator in program.operators):
        if operation.op not in KERNELS:
            raise NotJudged(f"The court runs no {operation.op.name} here.")
        check_operation(operation)


def build_program(
    params: FinetuneParams, adapted: AdaptedModel, seed: int, constants: dict[bytes, court.Tensor]
) -> Program:
    """Return the program of one step by numbers drawn from a seed; its constants are put to others. Raises NotExact."""
    dice, placed = np.random.default_rng(seed), Placed(builder=Builder(constants=constants))
    moments = draw_state(adapted, dice)
    state = [*adapted.adapter.values(), *moments[FIRST].values(), *moments[SECOND].values()]
    windows = dice.integers(0, len(adapted.head), (params.step_sequences, params.sequence_tokens + 1))
    batches = list(micro_batches(params, windows, adapted.device))
    own = [torch.tensor(value, device=adapted.device) for value in dice.random(len(DEPENDENT), np.float32)]
    for place, tensors in ((Place.STATE, state), (Place.DATA, [*slots_of(batches), *own])):
        for number, tensor in enumerate(tensors):
            placed.enter(tensor, place, number)
    factors: list[Any] = list(factors_of(params, 0))
    for number, factor in zip(DEPENDENT, own, strict=True):
        factors[number] = factor
    trace(lambda: take_step(params, adapted, batches, moments, factors), PlacingTracer(placed))
    closing = (*map(placed.place_of, state), count_step(placed, len(state)))
    slots = 2 * len(batches) + len(own)
    return placed.builder.program(closing, slots)


def draw_state(adapted: AdaptedModel, dice: np.random.Generator) -> dict[str, dict[str, Tensor]]:
    """Put made-up weights into the model, and return made-up moments."""
    drawn = [
        {name: dice.random(shape, np.float32) * np.float32(0.1) for name, shape in adapted.shapes.items()}
        for _ in GROUPS
    ]
    adapted.set_adapter(drawn[0])
    first, second = ({n: torch.tensor(v, device=adapted.device) for n, v in each.items()} for each in drawn[1:])
    return {FIRST: first, SECOND: second}


def slots_of(batches: Sequence[Batch]) -> list[Tensor]:
    """Return what of the batches is data of the step: tokens, and what follows each."""
    return [tensor for batch in batches for tensor in (batch.tokens, batch.targets)]


def take_step(
    params: FinetuneParams,
    adapted: AdaptedModel,
    batches: Sequence[Batch],
    moments: Mapping[str, Mapping[str, Tensor]],
    factors: Sequence[Any],
) -> None:
    """Take a step as training does, with factors that are given; nothing looks at what it comes to."""
    for _ in add_gradients(params, adapted, batches, sum(batch.count for batch in batches)):
        pass
    clip(params, adapted.adapter)
    move_all(adapted.adapter, moments, exactly(factors))


def count_step(placed: Placed, slot: int) -> Named:
    """The number of steps after this one: a checkpoint's 64 bits as two words, of which the lower counts."""
    one = placed.builder.constant(court.Tensor(Shape(1, 2), np.array([1, 0], "<i4").tobytes()))
    return placed.builder.each(Op.IADD, Named(Source(Place.STATE, slot), 1, 2), one)
