"""A training step as a list of primitives, and the court's own arithmetic on them."""

import copy
from collections import defaultdict
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from assay.proof.court.machine import apply
from assay.proof.court.operations import check_operation
from assay.workloads.numerics import AdamW, Generator, NotExact, Trace, clip_gradients, exact, initialise, trace
from assay.workloads.numerics.lowering import inputs_of, operation_of, words_of
from assay.workloads.numerics.primitives import TABLE

TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 5, 8]])
JUDGED_PER_PRIMITIVE = 40
WORDS_MAX = 2_000


class Small(nn.Module):
    """A little of everything: both norms, both activations, heads that share keys, dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.mix = nn.Embedding(11, 8), nn.Linear(8, 16)
        self.first, self.second = nn.LayerNorm(8), nn.RMSNorm(8, eps=1e-5)
        self.up, self.down = nn.Linear(8, 12), nn.Linear(12, 8, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.table(tokens)
        q, k, v = self.mix(self.first(x)).split((8, 4, 4), -1)
        q, k, v = (each.view(*tokens.shape, -1, 4).transpose(1, 2) for each in (q, k, v))
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + functional.dropout(mixed.transpose(1, 2).reshape(x.shape), 0.1)
        h = self.up(self.second(x))
        return (x + self.down(functional.silu(h) * functional.gelu(h))) @ self.table.weight.T


def step(model: nn.Module) -> None:
    optimiser = AdamW(model.parameters(), lr=1e-2)
    with exact(model, Generator(4)):
        logits = model(TOKENS[:, :-1])
        loss = functional.cross_entropy(logits.flatten(0, 1), TOKENS[:, 1:].flatten())
    loss.backward()
    clip_gradients(model.parameters(), 0.1)
    optimiser.step()


@pytest.fixture(scope="module")
def models() -> tuple[nn.Module, nn.Module]:
    model = Small()
    initialise(model, Generator(1), 0.5)
    return model, copy.deepcopy(model)


@pytest.fixture(scope="module")
def traced(models: tuple[nn.Module, nn.Module]) -> Trace:
    return trace(lambda: step(models[0]))


def test_a_traced_step_ends_in_the_same_bits_as_one_that_nobody_traces(
    models: tuple[nn.Module, nn.Module], traced: Trace
) -> None:
    step(models[1])
    for ours, theirs in zip(*(model.parameters() for model in models), strict=True):
        assert ours.equal(theirs)
        assert traced.keep(ours) in traced.made


def test_the_trace_is_closed_under_the_table_and_begins_from_the_state_and_constants_alone(traced: Trace) -> None:
    assert {op.name for op in traced.ops} <= set(TABLE)
    begun = Small()
    initialise(begun, Generator(1), 0.5)
    state = {traced.keep(parameter) for parameter in begun.parameters()}
    floats = [name for name in traced.leaves() if traced.tensors[name].is_floating_point()]
    larger = {name for name in floats if traced.tensors[name].unique().numel() > 1}
    assert larger and larger <= state
    assert len(traced.ops) > 500


def test_the_court_computes_every_primitive_of_the_trace_to_the_same_bits(traced: Trace) -> None:
    judged: dict[str, int] = defaultdict(int)
    for op in traced.ops:
        operation = operation_of(op, traced)
        check_operation(operation)
        names = inputs_of(op)
        size = sum(traced.tensors[name].numel() for name in names) + operation.rows * operation.columns
        if judged[op.name] >= JUDGED_PER_PRIMITIVE or size > WORDS_MAX:
            continue
        judged[op.name] += 1
        inputs = [words_of(traced.tensors[name], operation.input_shape(at).width) for at, name in enumerate(names)]
        expected = words_of(traced.tensors[op.output], operation.shape.width)
        assert apply(operation, inputs) == expected, op
    assert set(judged) == {op.name for op in traced.ops}


def test_a_kernel_outside_the_table_ends_the_trace() -> None:
    with pytest.raises(NotExact, match="not in the table"):
        trace(lambda: torch.ones(3).cumsum(0))


def test_a_row_for_padding_makes_no_difference_to_a_table_that_is_frozen_and_is_refused_where_it_is_learned() -> None:
    index, table = torch.tensor([[1, 0, 2]]), torch.rand(3, 4)
    with exact(nn.Identity()):
        found = functional.embedding(index, table, padding_idx=2)
        with pytest.raises(NotExact, match="padding"):
            functional.embedding(index, table.requires_grad_(), padding_idx=2)
    assert found.equal(table.detach()[index])


@pytest.mark.parametrize(
    "function",
    [torch.cos, lambda x: x.cumsum(0), lambda x: x**3, lambda x: x.half(), lambda x: functional.dropout(x, 0.5)],
    ids=["cos", "cumsum", "cube", "half", "dropout without a generator"],
)
def test_what_has_no_exact_form_is_refused(function: Any) -> None:
    with pytest.raises(NotExact), exact(nn.Identity()):
        function(torch.ones(3))
