"""The kinds of sketches that a job may ask for: how each is made, written, and compared.

What a provider commits to (`claimed`) need not be what a reader comes to (`seen`): a proof of TOPLOC says something at
the places of a reader's own largest activations alone, and the reader knows it not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.workloads.errors import ModelUnsupported
from assay.workloads.generate import sketch, toploc
from assay.workloads.generate.params import Cut
from assay.workloads.generate.sketch import CHUNK_TOKENS, Sketch

Adding = Callable[[Tensor, int], Tensor]
"""What states (rows, width) at one position of their completions add to their sketches, a row each."""
Compared = Callable[[Any, Any], NDArray[np.float64]]


@dataclass(frozen=True)
class Written:
    """How a chunk's sketch is written: numbers of one type, and what can be wrong with those of an answer."""

    dtype: np.dtype[Any]
    numbers: int
    fault_of: Callable[[Any], str]

    @property
    def chunk_bytes(self) -> int:
        """How many bytes a chunk takes."""
        return self.numbers * self.dtype.itemsize

    def read(self, plain: bytes) -> Sketch:
        """Return the sketch in whole chunks of bytes."""
        found: Sketch = np.frombuffer(plain, self.dtype).reshape(-1, self.numbers)
        return found


@dataclass(frozen=True)
class Form:
    """One kind of sketch. `apart` compares what is seen with what is claimed, `between` two that are seen, by chunk."""

    claimed: Written
    seen: Written
    adding: Callable[[int, int, torch.device], Adding]
    see: Callable[[Tensor], Sketch]
    claim: Callable[[Any], Sketch]
    apart: Compared
    between: Compared


@dataclass(frozen=True)
class Sketcher:
    """How one job's sketches are made. `add` is what states (rows, width) at one position add to theirs, a row each."""

    form: Form
    add: Adding

    def add_all(self, states: Tensor) -> Tensor:
        """Return what each state of one completion (tokens, width), from its first token on, adds."""
        places = range(min(CHUNK_TOKENS, len(states)))
        parts = [self.add(states[place::CHUNK_TOKENS], place) for place in places]
        added = parts[0].new_empty((len(states), *parts[0].shape[1:])) if parts else states[:0]
        for place, part in zip(places, parts, strict=True):
            added[place::CHUNK_TOKENS] = part
        return added

    def see(self, states: Tensor) -> Sketch:
        """Return what a reader sees in the states of one completion."""
        return self.form.see(self.add_all(states))

    def claim(self, added: Tensor) -> Sketch:
        """Return the sketch of one completion to commit to, of what its tokens added."""
        return self.form.claim(self.form.see(added))


def project_by(seed: int, width: int, device: torch.device) -> Adding:
    """Return the projection that follows from a job's seed."""
    signs = sketch.draw_projection(seed, width).to(device)
    return lambda states, position: sketch.project(states, position, signs)


def keep(seed: int, width: int, device: torch.device) -> Adding:
    """Return how states are kept as they are, in bfloat16 and beside the model's memory. Raises ModelUnsupported."""
    if width < toploc.TOP:
        raise ModelUnsupported(f"States of {width} numbers have no {toploc.TOP} largest ones for TOPLOC.")
    return lambda states, position: states.to("cpu", torch.bfloat16, copy=True)


NUMBERS: Final = Written(np.dtype("<f2"), sketch.NUMBERS, sketch.fault_of)
FORMS: Final = {
    "projection": Form(
        claimed=NUMBERS,
        seen=NUMBERS,
        adding=project_by,
        see=sketch.fold,
        claim=lambda seen: seen,
        apart=sketch.distances,
        between=sketch.distances,
    ),
    "toploc": Form(
        claimed=Written(toploc.WORD, 1 + toploc.TOP, toploc.fault_of),
        seen=Written(np.dtype("<u4"), 2 * toploc.TOP, toploc.fault_of_points),
        adding=keep,
        see=toploc.largest,
        claim=toploc.prove,
        apart=toploc.apart,
        between=toploc.between,
    ),
}


def sketcher_of(params: Cut, width: int, device: torch.device) -> Sketcher:
    """Return how the sketches of a job are made, of states of this width on this device."""
    form = FORMS[params.sketch]
    return Sketcher(form, form.adding(params.seed, width, device))
