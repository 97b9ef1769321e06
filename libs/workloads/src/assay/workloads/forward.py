"""The loss of a batch by the numerics that its job asks for: what is learned, what each token sees, what is trained."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from assay.workloads.base_model import AdaptedModel
from assay.workloads.finetune import FinetuneParams
from assay.workloads.loss import FrozenHeadLoss, HeadLoss
from assay.workloads.numerics import exact
from assay.workloads.numerics.cross_entropy import FrozenHeadLoss as ExactHeadLoss
from assay.workloads.packing import Packed
from assay.workloads.text import Windows


@dataclass(frozen=True)
class Batch:
    """Tokens [N, L] and what follows each of them; of packed examples also their places and who sees whom.

    `learned` are the positions, in the order of the flattened targets, that count; without it all do.
    """

    tokens: Tensor
    targets: Tensor
    learned: Tensor | None = None
    places: Tensor | None = None
    sees: Tensor | None = None

    @property
    def count(self) -> int:
        """How many tokens are learned."""
        return self.targets.numel() if self.learned is None else len(self.learned)


def batch_of(windows: Windows, device: torch.device) -> Batch:
    """Return windows of one token more than a sequence as a batch."""
    if not isinstance(windows, Packed):
        whole = torch.tensor(windows, device=device)
        return Batch(whole[:, :-1], whole[:, 1:].flatten())
    tokens, places = to_device(windows.tokens, device), to_device(windows.places[:, :-1], device)
    learned = to_device(np.flatnonzero(windows.learned[:, 1:]), device)
    sees = to_device(who_sees_whom(windows.examples[:, :-1]), device)
    return Batch(tokens[:, :-1], tokens[:, 1:].flatten(), learned, places, sees)


def to_device(values: NDArray[np.generic], device: torch.device) -> Tensor:
    """Return values where the model is."""
    return torch.tensor(values, device=device)


def who_sees_whom(examples: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return [N, 1, L, L]: each token sees those before it in its own example, and itself.

    Padding sees padding, so that no row of attention is empty; nothing of it is learned.
    """
    length = examples.shape[1]
    same = examples[:, :, None] == examples[:, None, :]
    seen: NDArray[np.bool_] = (same & np.tri(length, dtype=np.bool_))[:, None]
    return seen


def micro_batches(params: FinetuneParams, windows: Windows, device: torch.device) -> Iterator[Batch]:
    """Yield the batches that make one step, in order; one without a learned token is left out."""
    for at in range(0, len(windows), params.batch):
        batch = batch_of(windows[at : at + params.batch], device)
        if batch.count:
            yield batch


def loss_of(params: FinetuneParams, adapted: AdaptedModel, batch: Batch) -> Tensor:
    """Return the mean loss of what is learned in a batch."""
    if params.numerics == "exact":
        return exact_loss(params, adapted, batch)
    with torch.autocast(adapted.device.type, torch.bfloat16, enabled=params.dtype == "bfloat16"):
        hidden = adapted.hidden(batch.tokens, batch.places, batch.sees)
    states, targets = what_is_learned(hidden, batch)
    loss = FrozenHeadLoss if params.method == "lora" else HeadLoss
    mean: Tensor = loss.apply(states.float(), adapted.head, targets)  # type: ignore[no-untyped-call]
    return mean


def exact_loss(params: FinetuneParams, adapted: AdaptedModel, batch: Batch) -> Tensor:
    """Return the same with operators whose bits are alike everywhere."""
    with exact(adapted.model):
        hidden = adapted.hidden(batch.tokens, batch.places, batch.sees)
    states, targets = what_is_learned(hidden, batch)
    if params.method == "lora":
        mean: Tensor = ExactHeadLoss.apply(states, adapted.head, targets)  # type: ignore[no-untyped-call]
        return mean
    with exact(adapted.model):
        return functional.cross_entropy(functional.linear(states, adapted.head), targets)


def what_is_learned(hidden: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the states and targets that count. Each is picked once, so that its gradient is moved, never summed."""
    states = hidden.flatten(0, 1)
    return (states, batch.targets) if batch.learned is None else (states[batch.learned], batch.targets[batch.learned])
