"""A frozen base in four bits: NF4 of QLoRA (Dettmers et al. 2023, arXiv:2305.14314, appendix E), in plain torch.

Each block of 64 numbers of a matrix is kept as the largest of their sizes, in float32, and for each number the nearest
of 16 quantiles of the normal distribution. Writing divides once and compares, reading multiplies once: every rounding
is IEEE's, so a matrix has the same bits on every machine, which no kernel library promises of its own. Scales are not
quantised again; a number takes 4.5 bits. A matrix is read for each product and for its gradient, and never kept.
"""

from functools import cache
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from assay.workloads.adapter import LAYER
from assay.workloads.errors import ModelUnsupported
from assay.workloads.llama import AutoConfig, AutoModelForCausalLM
from assay.workloads.model_files import open_weights

BLOCK: Final = 64
TABLE: Final = torch.tensor(
    (
        *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453),
        *(-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0),
        *(0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224),
        *(0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
    )
)
"""The values of NF4, in their order."""
BOUNDS: Final = (TABLE[1:] + TABLE[:-1]) / 2
"""What lies above the i-th of these is nearer to value i + 1."""

PAIRS: Final = torch.stack((TABLE.repeat_interleave(16), TABLE.repeat(16)), -1)
"""The two values that each byte of codes stands for."""


@cache
def pairs_on(device: torch.device) -> Tensor:
    """Return PAIRS on a device, moved there once."""
    return PAIRS.to(device)


def encode(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the codes, two to a byte [outputs, inputs / 2], and scales [blocks] of a matrix (outputs, inputs).

    Raises ModelUnsupported for one whose numbers do not fill blocks of 64.
    """
    if weight.numel() % BLOCK or weight.shape[1] % 2:
        raise ModelUnsupported(f"A matrix of {tuple(weight.shape)} is not made of blocks of {BLOCK}: leave base out.")
    blocks = weight.reshape(-1, BLOCK)
    scales = blocks.abs().amax(1)
    # A block of zeros has no scale to divide by; its codes say 0, whatever the scale.
    parts = blocks / torch.where(scales == 0, 1.0, scales)[:, None]
    codes = torch.bucketize(parts, BOUNDS, out_int32=True).to(torch.uint8).view(-1, 2)
    return (codes[:, 0] << 4 | codes[:, 1]).view(weight.shape[0], -1), scales


def decode(codes: Tensor, scales: Tensor) -> Tensor:
    """Return the matrix (outputs, inputs) in float32 that such codes and scales stand for."""
    values = torch.index_select(pairs_on(codes.device), 0, codes.flatten().int())
    return values.view(-1, BLOCK).mul_(scales[:, None]).view(codes.shape[0], -1)


class Product(torch.autograd.Function):
    """The product with a matrix in four bits; its gradient goes to the input alone."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
        """Return states (..., inputs) times the matrix (outputs, inputs) transposed."""
        ctx.save_for_backward(codes, scales)
        return functional.linear(states, decode(codes, scales))

    @staticmethod
    def backward(ctx: Any, *outputs: Any) -> Any:
        """Return the gradient with respect to the states."""
        return outputs[0] @ decode(*ctx.saved_tensors).to(outputs[0].dtype), None, None


class Nf4Linear(nn.Linear):
    """A frozen linear layer whose weight [outputs, inputs / 2] holds codes, and `scales` their scales."""

    scales: Tensor

    def take(self, weight: Tensor) -> None:
        """Hold this matrix from now on. Raises ModelUnsupported."""
        codes, scales = encode(weight)
        self.weight = nn.Parameter(codes, requires_grad=False)
        self.register_buffer("scales", scales)

    def forward(self, input: Tensor) -> Tensor:
        """Return what the layer makes of states (..., inputs)."""
        product: Tensor = Product.apply(input, self.weight, self.scales)  # type: ignore[no-untyped-call]
        return product if self.bias is None else product + self.bias


def load_quantised(folder: Path, attention: str) -> Any:
    """Return a Llama model in float32 whose layers' matrices are in four bits; none is held whole beside another.

    Raises ModelUnsupported.
    """
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation=attention)
        for name, layer in list(model.named_modules()):
            if isinstance(layer, nn.Linear) and LAYER.fullmatch(f"{name}.weight"):
                model.set_submodule(name, Nf4Linear(layer.in_features, layer.out_features, layer.bias is not None))
    # What positions turn by is computed, not read.
    model.model.rotary_emb = type(model.model.rotary_emb)(config=config)
    with open_weights(folder, "pt") as weights:
        for key in weights.keys():  # noqa: SIM118
            put(model, key, weights.get_tensor(key).float())
    model.tie_weights()
    if lacking := [name for name, each in model.named_parameters() if each.is_meta]:
        raise ModelUnsupported(f"The weights file has no {lacking[0]}.")
    return model


def put(model: Any, key: str, tensor: Tensor) -> None:
    """Give the model one of its tensors. Raises ModelUnsupported for one of another shape."""
    owner, _, leaf = key.rpartition(".")
    module = model.get_submodule(owner)
    if getattr(module, leaf).shape != tensor.shape:
        raise ModelUnsupported(f"The weights have {key} in another shape than the model.")
    if isinstance(module, Nf4Linear) and leaf == "weight":
        module.take(tensor)
    else:
        setattr(module, leaf, nn.Parameter(tensor, requires_grad=False))
