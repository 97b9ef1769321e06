"""The table of torch's functions by name: which have an exact form of their own, and which are exact as they stand."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from assay.workloads.numerics import linear, norms
from assay.workloads.numerics.activations import activate, gelu
from assay.workloads.numerics.attention import attention, softmax
from assay.workloads.numerics.broadcast import expand, mean, spread, total
from assay.workloads.numerics.cross_entropy import IGNORED, cross_entropy
from assay.workloads.numerics.dropout import draw_factors, dropout
from assay.workloads.numerics.embedding import embedding
from assay.workloads.numerics.generator import Generator
from assay.workloads.numerics.refusal import NotExact


def names(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


# One rounding each, or none; so are their gradients, once what was broadcast is summed in a fixed tree.
ELEMENTWISE: Final = names("mul neg where masked_fill")
# These move elements, or make, describe or compare tensors.
MOVES: Final = names(
    "view view_as reshape flatten unflatten transpose permute t movedim unsqueeze squeeze select narrow split chunk "
    "unbind cat concat stack contiguous clone to float type_as detach pad tril triu copy_ fill_ zero_ dim numel size "
    "stride is_floating_point is_contiguous is_complex item tolist numpy cpu cuda requires_grad_ zeros zeros_like ones "
    "ones_like full full_like empty empty_like new_zeros new_ones new_full new_empty tensor as_tensor get set "
    "_set_grad_enabled backward retain_grad lt le gt ge eq ne isnan isinf isfinite all any bool len format repr "
    "data_ptr broadcast_tensors"
)

Form = Callable[..., Any]


def refuse(what: str) -> Any:
    """Raise NotExact."""
    raise NotExact(f"There is no exact form of {what}.")


def power(x: Tensor, exponent: Any) -> Tensor:
    """Return x * x or the square root of x: other powers are refused."""
    if exponent == 2:
        return x * x
    return activate(x, "sqrt") if exponent == 0.5 else refuse(f"the power {exponent}")


def divide(x: Any, by: Any, rounding_mode: Any = None) -> Tensor:
    """Return x / by, both tensors of this device by now."""
    if rounding_mode is not None:
        refuse("a division that rounds to integers")
    device = x.device if isinstance(x, Tensor) else by.device
    sides = [each if isinstance(each, Tensor) else torch.full((), each, device=device) for each in (x, by)]
    quotient: Tensor = spread(torch.div)(*sides)
    return quotient


def rsqrt(x: Tensor) -> Tensor:
    """Return 1 / sqrt(x)."""
    return divide(1.0, activate(x, "sqrt"))


def pick(x: Tensor, at: Any) -> Tensor:
    """Return x[at]; a gradient flows back through slices alone, for rows picked twice would have to be summed."""
    indices = at if isinstance(at, tuple) else (at,)
    if x.requires_grad and any(isinstance(index, (Tensor, list)) for index in indices):
        refuse("the gradient of picking by a tensor of indices; use an embedding")
    return x[at]


def add(x: Any, y: Any, *, alpha: float = 1) -> Tensor:
    """Return x + y."""
    sums: Tensor = spread(torch.add)(*as_tensors(x, y)) if alpha == 1 else refuse("an addition with a factor")
    return sums


def subtract(x: Any, y: Any, *, alpha: float = 1) -> Tensor:
    """Return x - y."""
    less: Tensor = spread(torch.sub)(*as_tensors(x, y)) if alpha == 1 else refuse("a subtraction with a factor")
    return less


def as_tensors(x: Any, y: Any) -> tuple[Any, Any]:
    """Return both, the first as a tensor if it is a plain number."""
    return (x if isinstance(x, Tensor) else torch.full((), x, dtype=y.dtype, device=y.device)), y


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    generator: Generator | None,
) -> Tensor:
    """Return scaled dot-product attention with a causal or a boolean mask, or with none."""
    if attn_mask is not None and attn_mask.dtype != torch.bool:
        refuse("attention with a mask of numbers")
    shape = torch.Size((*query.shape[:-1], key.shape[-2]))
    mask = None if is_causal else torch.ones((), dtype=torch.bool) if attn_mask is None else attn_mask
    kept = draw_factors(shape, dropout_p, seeded(generator), query.device) if dropout_p else None
    return attention(query, key, value, mask, 1 / math.sqrt(query.shape[-1]) if scale is None else scale, kept)


def drop(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None
) -> Tensor:
    """Return dropout by the generator's next draw."""
    return dropout(input, p, seeded(generator)) if training and p else input


def seeded(generator: Generator | None) -> Generator:
    """Return the generator. Raises NotExact without one."""
    return generator or refuse("dropout without a generator of its own")


def embed(input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: Any = None, **rest: Any) -> Tensor:
    """Return rows of a table. That padding's row is not learned makes no difference to one that is frozen."""
    if max_norm is not None or (padding_idx is not None and weight.requires_grad):
        refuse("an embedding with a norm, or one to be learned with a row for padding")
    return embedding(input, weight)


def entropy(input: Tensor, target: Tensor, weight: Any = None, ignore_index: int = IGNORED, **settings: Any) -> Tensor:
    """Return the mean cross-entropy against class indices."""
    plain = weight is None and ignore_index == IGNORED and not settings.get("label_smoothing")
    if not plain or settings.get("reduction", "mean") != "mean":
        refuse("a cross-entropy with weights, sums or smoothing")
    return cross_entropy(input, target)


def normalise(input: Tensor, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """Return LayerNorm over the last axis."""
    return norms.layer_norm(input, weight, bias, eps) if len(shape) == 1 else refuse("LayerNorm over several axes")


def normalise_root(input: Tensor, shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    """Return RMSNorm over the last axis."""
    weight = torch.ones(input.shape[-1], device=input.device) if weight is None else weight
    return norms.rms_norm(input, weight, torch.finfo(torch.float32).eps if eps is None else eps)


def share(input: Tensor, dim: int = -1, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Return softmax along one axis."""
    return softmax(input, dim)


FORMS: Final[dict[str, Form]] = {
    "linear": linear.linear,
    "matmul": linear.matmul,
    "mm": linear.matmul,
    "bmm": linear.matmul,
    "softmax": share,
    "silu": lambda input, inplace=False: activate(input, "silu"),
    "gelu": gelu,
    **{name: partial(activate, name=name) for name in ("sigmoid", "tanh", "exp", "log", "sqrt")},
    "layer_norm": normalise,
    "rms_norm": normalise_root,
    "embedding": embed,
    "cross_entropy": entropy,
    "pow": power,
    "rsqrt": rsqrt,
    "reciprocal": lambda x: divide(1.0, x),
    "div": divide,
    "truediv": divide,
    "rdiv": lambda x, by: divide(by, x),
    "rtruediv": lambda x, by: divide(by, x),
    "add": add,
    "radd": add,
    "sub": subtract,
    "rsub": lambda x, y, alpha=1: subtract(y, x, alpha=alpha),
    "rmul": spread(torch.mul),
    "sum": total,
    "mean": mean,
    "expand": expand,
    "relu": lambda input, inplace=False: torch.where(input > 0, input, 0.0),
    "getitem": pick,
}
SEEDED: Final[dict[str, Form]] = {"scaled_dot_product_attention": attend, "dropout": drop}


def form_of(name: str, generator: Generator | None) -> Form | None:
    """Return the exact form of a function that computes with floating-point numbers, or None to let it stand.

    Raises NotExact.
    """
    name = name.removeprefix("__").removesuffix("__")
    if name in SEEDED:
        return partial(SEEDED[name], generator=generator)
    if name in FORMS:
        return FORMS[name]
    if name in ELEMENTWISE:
        return spread(ORIGINALS[name])
    return None if name in MOVES else refuse(f"torch's `{name}`")


ORIGINALS: Final[dict[str, Form]] = {
    name: getattr(torch, name, None) or getattr(functional, name) for name in sorted(ELEMENTWISE)
}
