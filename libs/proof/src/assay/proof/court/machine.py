"""A program run in plain integers, element by element, by the very functions that judge it.

Slow and right anywhere: it shows what an honest party computes where no tensors' library is at hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from assay.proof.court.integers import LONG
from assay.proof.court.judge import Span, spans_of
from assay.proof.court.operations import Operation
from assay.proof.court.program import Program, Source, finder
from assay.proof.court.tree import Shape, root_of_list, root_of_tensor


@dataclass(frozen=True)
class Tensor:
    """A tensor's shape and row-major little-endian bytes."""

    shape: Shape
    data: bytes

    @cached_property
    def root(self) -> bytes:
        """The root of its tree."""
        return root_of_tensor(self.shape, self.data)


def tensor_of(shape: Shape, words: Sequence[int]) -> Tensor:
    """The tensor of these unsigned words."""
    return Tensor(shape, b"".join((word & LONG).to_bytes(shape.width, "little") for word in words))


def words_of(tensor: Tensor) -> list[int]:
    """The unsigned words of a tensor."""
    width = tensor.shape.width
    return [int.from_bytes(tensor.data[at : at + width], "little") for at in range(0, len(tensor.data), width)]


def apply(operation: Operation, inputs: Sequence[Sequence[int]]) -> list[int]:
    """The words of an operation's output, from those of its inputs."""
    return [_element(operation, inputs, place) for place in range(operation.rows * operation.columns)]


def _element(operation: Operation, inputs: Sequence[Sequence[int]], place: int) -> int:
    operands = list[list[int]]()
    for number, words in enumerate(inputs):
        spans = spans_of(operation, number, place, operands)
        operands.append([word for span in spans for word in _read(words, operation.inputs[number][1], span)])
    return operation.rule.evaluate(operation.parameters, operands)


def _read(words: Sequence[int], columns: int, span: Span) -> Sequence[int]:
    return words[span.row * columns + span.first : span.row * columns + span.last]


class Ran(Protocol):
    """A step that was run, as a party asks about it: what it needs of it, not all tensors at once."""

    @property
    def state(self) -> Sequence[Tensor]:
        """The state before it."""
        ...

    @property
    def after(self) -> Sequence[Tensor]:
        """The state after it."""
        ...

    @property
    def output_roots(self) -> Sequence[bytes]:
        """The roots of all operators' outputs."""
        ...

    def output(self, number: int) -> Tensor:
        """One operator's output."""
        ...

    def tensors_at(self, sources: Sequence[Source]) -> list[Tensor]:
        """The tensors at these places."""
        ...


@dataclass(frozen=True)
class Step:
    """What one step was made of: the state before, its data, every operator's output, the state after."""

    state: tuple[Tensor, ...]
    data: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    after: tuple[Tensor, ...]
    constants: tuple[Tensor, ...] = ()

    @cached_property
    def after_root(self) -> bytes:
        """The root of the state after it."""
        return state_root(self.after)

    @cached_property
    def output_roots(self) -> Sequence[bytes]:
        """The roots of all operators' outputs."""
        return [tensor.root for tensor in self.outputs]

    def output(self, number: int) -> Tensor:
        """One operator's output."""
        return self.outputs[number]

    def tensors_at(self, sources: Sequence[Source]) -> list[Tensor]:
        """The tensors at these places."""
        constants = {tensor.root: tensor for tensor in self.constants}
        return list(map(finder(self.state, self.data, self.outputs, constants), sources))

    @cached_property
    def tensors(self) -> Mapping[bytes, Tensor]:
        """All its tensors by their roots."""
        all_ = (*self.state, *self.data, *self.outputs, *self.after, *self.constants)
        return {tensor.root: tensor for tensor in all_}


def run_step(
    program: Program,
    state: Sequence[Tensor],
    data: Sequence[Tensor],
    constants: Mapping[bytes, Tensor],
    changed: Mapping[int, Tensor] | None = None,
) -> Step:
    """The step from this state on; `changed` puts other outputs in the places of some operators' own."""
    outputs = list[Tensor]()
    find = finder(state, data, outputs, constants)
    for number, operator in enumerate(program.operators):
        inputs = [words_of(find(source)) for source in operator.sources]
        other = (changed or {}).get(number)
        outputs.append(other or tensor_of(operator.operation.shape, apply(operator.operation, inputs)))
    after = tuple(find(source) for source in program.closing)
    return Step(tuple(state), tuple(data), tuple(outputs), after, tuple(constants.values()))


def state_root(state: Sequence[Tensor]) -> bytes:
    """The root of a state."""
    return root_of_list([tensor.root for tensor in state])
