"""The table of rules, the graph made pure, the draws, and how long segments must be."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from assay.workloads.machine import FLAGS, MachineClass, processor_model, read_class, read_flags
from assay.workloads.trace.capture import capture_step
from assay.workloads.trace.challenge import draw_rows, draw_vector
from assay.workloads.trace.check import claimed_of
from assay.workloads.trace.checking import StepCheck
from assay.workloads.trace.claims import claims_of
from assay.workloads.trace.errors import UnknownOperator
from assay.workloads.trace.opening import Opening
from assay.workloads.trace.plan import Plan
from assay.workloads.trace.rules import NAMES, RULES, Rule, rule_of
from assay.workloads.trace.values import StepValues

ATEN = torch.ops.aten


def test_every_row_of_the_table_is_an_operator_and_stands_once() -> None:
    assert sum(len(names.split()) for names in NAMES.values()) == len(RULES)
    assert [name for name in RULES if not hasattr(ATEN, name)] == []


def test_an_operator_without_a_row_is_computed_again_if_it_is_pure_and_refused_otherwise() -> None:
    assert rule_of(ATEN.erfinv.default) is Rule.WHOLE
    for target in (ATEN.bernoulli.default, ATEN.native_dropout.default, ATEN.erfinv_.default, len):
        with pytest.raises(UnknownOperator):
            rule_of(target)


class Odd(nn.Module):
    """A layer whose forward is given."""

    def __init__(self, way: Any) -> None:
        super().__init__()
        self.weight, self.way = nn.Parameter(torch.ones(4, 4)), way

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.way(batch.float() @ self.weight)
        return result.sum()


def through_a_view(made: torch.Tensor) -> torch.Tensor:
    copied = made * 1
    copied[0].mul_(2)
    return copied


def behind_a_view(made: torch.Tensor) -> torch.Tensor:
    copied = made * 1
    row = copied[0]
    copied.mul_(2)
    return copied.sum() + row


@pytest.mark.parametrize("way", [through_a_view, behind_a_view, lambda made: torch.dropout(made, 0.5, True)])
def test_a_step_that_cannot_be_made_pure_is_refused(way: Any) -> None:
    with pytest.raises(UnknownOperator):
        Plan(capture_step(Odd(way), torch.ones(2, 4)))


def test_what_writes_in_place_becomes_pure() -> None:
    step = capture_step(Odd(lambda made: (made * 1).mul_(3).add_(1).exp_()), torch.ones(2, 4))
    assert all(not node.target._schema.is_mutable for node in step.graph.nodes if hasattr(node.target, "_schema"))


def test_every_claim_can_be_looked_at_again_in_float64(job: Any, half_job: Any, tmp_path: Any) -> None:
    for name, each in (("full", job), ("half", half_job)):
        spec = each.forge(tmp_path / name)
        opening = Opening(tmp_path / name, spec.plan, 1)
        values = StepValues(spec.plan, {**spec.fixed, **spec.state, **spec.steps[0]}, claimed_of(opening, 0))
        check = StepCheck(spec.plan, 0, values, "11" * 32)
        rules = set()
        with torch.no_grad():
            for _, claims in claims_of(spec.plan):
                for claim in claims:
                    limit = 1e-2 if claim.leaf.dtype == "bfloat16" else 2e-5
                    assert check.measure(claim, precise=True) <= limit, claim.node.name
                    rules.add((claim.rule, claim.total > 0))
        assert {(Rule.POINTWISE, True), (Rule.BLOCKWISE, True), (Rule.ROWWISE, False)} <= rules


@given(st.binary(min_size=32, max_size=32), st.integers(1, 2000), st.integers(1, 3000), st.integers(0, 2**20))
def test_draws_follow_from_the_seed_and_stay_in_bounds(seed: bytes, count: int, total: int, operator: int) -> None:
    vector = draw_vector(seed.hex(), 0, operator, count)
    assert ((vector.abs() >= 1) & (vector.abs() < 2)).all()
    assert torch.equal(vector, draw_vector(seed.hex(), 0, operator, count))
    rows = draw_rows(seed.hex(), 0, operator, count, total)
    assert 0 < len(rows) <= min(count, total) and rows.min() >= 0 and rows.max() < total


def test_a_class_is_told_by_what_decides_bits() -> None:
    mine = read_class(2, environment={})
    assert mine == read_class(2, environment={"HOME": "/somewhere"})
    others = [read_class(1, environment={}), read_class(2, "ab", {}), read_class(2, environment={FLAGS[0]: "avx2"})]
    assert len({mine.class_id, *(other.class_id for other in others)}) == 4
    assert MachineClass.model_validate_json(mine.model_dump_json()).class_id == mine.class_id
    assert read_flags({FLAGS[1]: "x", FLAGS[0]: "", "OTHER": "y"}) == ((FLAGS[1], "x"),)
    assert processor_model("vendor_id\t: A\nmodel name\t: B c\n\nvendor_id\t: Z\n") == "A B c"
