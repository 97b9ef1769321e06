"""What a step is made of: the ordered list of primitive applications, each with the tensors that went in and came out.

A tensor's id is the BLAKE3 of its type, shape and bytes, so a value has one id wherever it lies, and the list can be
committed to as it is. While a step is traced the operators apply primitives one by one as the table says, integers as
integers, where they otherwise take shorter ways to the same bits. A kernel that is not in the table is an error: what
ends without one is closed under the table. What is made of integers alone and of no traced value (positions, masks,
targets) follows from the job; it enters as a leaf, as weights, data and constants do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from blake3 import blake3
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from assay.workloads.numerics.forms import names
from assay.workloads.numerics.primitives import begin_recording, end_recording
from assay.workloads.numerics.refusal import NotExact

ELEMENTWISE: Final = {
    "add": "add",
    "sub": "sub",
    "rsub": "sub",
    "mul": "mul",
    "div": "div",
    "neg": "neg",
    "where": "select",
    "masked_fill": "select",
}
RELATIONS: Final = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
MOVES: Final = names(
    "view _unsafe_view expand transpose t permute slice select unsqueeze squeeze split split_with_sizes unbind cat "
    "stack clone _to_copy detach alias slice_backward select_backward constant_pad_nd index gather scatter "
    "lift_fresh unfold as_strided"
)
# These make tensors of no others, or say something of them that the step does not compute with.
SILENT: Final = names(
    "zeros ones full empty arange zeros_like ones_like full_like empty_like new_zeros new_ones new_empty new_full "
    "empty_strided new_empty_strided scalar_tensor _local_scalar_dense fill_ zero_ is_same_size equal"
)


BROADCAST: Final = names("add sub mul div max compare select quantise descale iadd isub mul_hi mul_lo xor")


@dataclass(frozen=True)
class Op:
    """One application of a primitive; `static` holds what is no tensor. Operands repeat to the output's shape."""

    name: str
    inputs: tuple[str, ...]
    output: str
    static: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Trace:
    """The applications in their order, and every tensor by its id."""

    ops: list[Op] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)

    def leaves(self) -> set[str]:
        """Return the ids of what is used before anything here makes it: weights, data, constants."""
        made, found = set[str](), set[str]()
        for op in self.ops:
            found.update(name for name in op.inputs if name not in made)
            made.add(op.output)
        return found

    def keep(self, tensor: Tensor) -> str:
        """Return the tensor's id, having kept a copy."""
        value = tensor.detach().contiguous().cpu()
        head = f"{value.dtype} {tuple(value.shape)} ".encode()
        name = blake3(head + value.reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()
        if name not in self.tensors:
            self.tensors[name] = value.clone()
        return name

    def add(self, name: str, inputs: tuple[str, ...], output: Tensor, static: Mapping[str, Any]) -> str:
        """Append an application and return the output's id.

        An operand that broadcasts along inner axes is first moved to the output's shape.
        """
        if name in BROADCAST:
            inputs = tuple(self._stretch(each, output.shape) for each in inputs)
        self.ops.append(Op(name, inputs, self.keep(output), static))
        self.made.add(self.ops[-1].output)
        return self.ops[-1].output

    def _stretch(self, name: str, shape: torch.Size) -> str:
        value = self.tensors[name]
        if repeats(value.shape, shape):
            return name
        stretched = value.expand(shape)
        index = torch.arange(value.numel()).view(value.shape).expand(shape)
        return self.add("gather", (name,), stretched, {"index": self.keep(index)})


def repeats(shape: torch.Size, whole: torch.Size) -> bool:
    """Whether a tensor, seen as rows of its last axis, becomes the whole by repeating: its rows in turn, its column."""
    rows, outer = list(shape[:-1]), list(whole[:-1])
    while rows and rows[0] == 1:
        rows.pop(0)
    return rows == outer[len(outer) - len(rows) :]


class Tracer(TorchDispatchMode):
    """Hears of primitives from the operators and of kernels from torch, in one order."""

    def __init__(self, trace: Trace | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch's
        self.trace = Trace() if trace is None else trace
        self._is_inside = False

    def apply(self, name: str, function: Callable[..., Tensor], args: tuple[Any, ...]) -> Tensor:
        """Return the primitive's result, having recorded it as one."""
        key, numbers = STATIC.get(name), [arg for arg in args if name in STATIC and isinstance(arg, int)]
        was_inside, self._is_inside = self._is_inside, True
        try:
            inputs = tuple(self._value(arg) for arg in args if not (numbers and arg is numbers[0]))
            output = function(*args)
            self.trace.add(name, inputs, output, {key: numbers[0]} if key and numbers else {})
        finally:
            self._is_inside = was_inside
        return output

    def _value(self, arg: Any, like: torch.dtype | None = None) -> str:
        if isinstance(arg, Tensor):
            return self.trace.keep(arg)
        return self.trace.keep(torch.tensor(arg, dtype=like or (torch.float32 if isinstance(arg, float) else None)))

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Return the kernel's result, having recorded it. Raises NotExact for one outside the table."""
        kwargs, name = kwargs or {}, kernel_name(function)
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if self._is_inside or name in SILENT or not tensors or not self._is_followed(name, tensors):
            return function(*args, **kwargs)
        return self._kernel(function, name, args, kwargs)

    def _is_followed(self, name: str, tensors: list[Tensor]) -> bool:
        """Whether the kernel computes with numbers of the step rather than with positions and the like."""
        if any(tensor.is_floating_point() for tensor in tensors):
            return True
        is_known = name in MOVES or name in ELEMENTWISE
        return is_known and any(self.trace.keep(tensor) in self.trace.made for tensor in tensors)

    def _kernel(self, function: Any, name: str, args: Any, kwargs: Any) -> Any:
        if name == "copy_":
            inputs, index = move_index(lambda x, y: y.expand_as(x), args[:2], {})
            ids = tuple(map(self.trace.keep, inputs))
            written = function(*args, **kwargs)
            self.trace.add("gather", ids, written, {"index": self.trace.keep(index[0])})
            return written
        if name in MOVES:
            return self._move(function, args, kwargs)
        operands = self._operands(name, args)
        output = function(*args, **kwargs)
        is_plain = kwargs.get("alpha", 1) == 1 and len(args) <= 3
        if not is_plain or (name not in ELEMENTWISE and name not in RELATIONS):
            raise NotExact(f"The kernel {function} is not in the table of primitives.")
        static = {"relation": RELATIONS[name]} if name in RELATIONS else {}
        self.trace.add(ELEMENTWISE.get(name, "compare"), operands, output, static)
        return output

    def _operands(self, name: str, args: Any) -> tuple[str, ...]:
        """Return the ids of the operands in the table's order, numbers as float32 constants."""
        ids = tuple(self._value(arg, torch.float32) for arg in args)
        if name == "rsub":
            return ids[::-1]
        return (ids[1], ids[2], ids[0]) if name == "masked_fill" else ids

    def _move(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Record a kernel that only moves elements: where from is found by moving the places' numbers."""
        inputs, indices = move_index(function, args, kwargs)
        ids = tuple(map(self.trace.keep, inputs))
        result = function(*args, **kwargs)
        for output, index in zip(as_list(result), indices, strict=True):
            self.trace.add("gather", ids, output, {"index": self.trace.keep(index)})
        return result


# What of these primitives' arguments is no tensor.
STATIC: Final = {"sum_at": "count", "shift_right": "places"}


def kernel_name(function: Any) -> str:
    """Return the name of a kernel, without the mark of those that work in place, unless they only do."""
    name: str = function.overloadpacket.__name__
    return name if name in ("copy_", "fill_", "zero_") else name.removesuffix("_")


def as_list(result: Any) -> list[Tensor]:
    """Return the tensors of a result that may be one or several."""
    return list(result) if isinstance(result, (tuple, list)) else [result]


def move_index(function: Any, args: Any, kwargs: Any) -> tuple[list[Tensor], list[Tensor]]:
    """Return the tensors that a kernel moves, and for each result where its elements come from: -1 is a zero.

    The places of all tensors are counted through, end to end. Tensors of indices are not moved.
    """
    leaves, shape = tree_flatten((args, {**kwargs, **({"dtype": torch.int64} if "dtype" in kwargs else {})}))
    moved = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    if kernel_name_of(function) in ("index", "gather", "scatter"):
        moved = [leaf for at, leaf in enumerate(moved) if at != 1]
    start, numbered = 1, []
    for tensor in moved:
        numbered.append(torch.arange(start, start + tensor.numel(), device=tensor.device).view(tensor.shape))
        start += tensor.numel()
    queue = iter(numbered)
    chosen = {id(tensor) for tensor in moved}
    swapped = [next(queue) if isinstance(leaf, Tensor) and id(leaf) in chosen else leaf for leaf in leaves]
    new_args, new_kwargs = tree_unflatten(swapped, shape)
    return moved, [index - 1 for index in as_list(function(*new_args, **new_kwargs))]


def kernel_name_of(function: Any) -> str:
    """Return the name of a kernel, or nothing for a plain function."""
    return kernel_name(function) if hasattr(function, "overloadpacket") else ""


def trace(step: Callable[[], Any], tracer: Tracer | None = None) -> Trace:
    """Return what this step was made of, having run it. Raises NotExact if it leaves the table."""
    tracer = tracer or Tracer()
    begin_recording(tracer)
    try:
        with tracer:
            step()
    finally:
        end_recording()
    return tracer.trace
