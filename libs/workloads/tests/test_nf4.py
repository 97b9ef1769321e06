"""A base in four bits: what a matrix becomes, and that work on it is as repeatable as on one in float32."""

import json
import subprocess
import sys
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.digest import blob_digest
from assay.workloads import read_params, workload
from assay.workloads.base_model import load_adapted
from assay.workloads.errors import BadParams, ModelUnsupported
from assay.workloads.memory import bytes_held, bytes_to_ask, what_would_fit
from assay.workloads.nf4 import BLOCK, TABLE, Nf4Linear, decode, encode

FINETUNE = workload("finetune")
NF4 = {"base": "nf4"}


def test_the_table_holds_the_quantiles_of_the_normal_distribution() -> None:
    """As the paper makes them: 8 of the negative half, 9 of the positive, zero shared, and the largest is 1."""
    offset = 0.9677083
    quantile = np.vectorize(NormalDist().inv_cdf)
    negative = -quantile(np.linspace(offset, 0.5, 8)[:-1])
    positive = quantile(np.linspace(offset, 0.5, 9)[:-1])[::-1]
    wanted = np.concatenate([negative, [0.0], positive]) / quantile(offset)
    np.testing.assert_allclose(TABLE.numpy(), wanted, atol=2e-6)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-30, 1e-3, 1.0, 1e30]))
def test_each_number_becomes_the_nearest_value_of_its_block(seed: int, size: float) -> None:
    weight = torch.from_numpy(np.random.default_rng(seed).normal(0, size, (4, BLOCK)).astype(np.float32))
    found = decode(*encode(weight))
    scales = weight.abs().amax(1, keepdim=True)
    nearest = (weight[..., None] - scales[..., None] * TABLE).abs().amin(-1)
    torch.testing.assert_close((found - weight).abs(), nearest, rtol=1e-4, atol=0.0)
    again = decode(*encode(found))
    assert torch.equal(again, found), "what is in four bits already stays as it is"


def test_a_block_of_zeros_stays_zero_and_a_broken_one_is_refused() -> None:
    assert not decode(*encode(torch.zeros(2, BLOCK))).any()
    with pytest.raises(ModelUnsupported, match="blocks of 64"):
        encode(torch.zeros(3, 5))


def test_a_product_and_its_gradient_are_those_of_the_matrix_that_is_kept() -> None:
    layer, states = Nf4Linear(BLOCK, 32), torch.randn(3, BLOCK, requires_grad=True)
    layer.take(torch.randn(32, BLOCK))
    whole = decode(layer.weight, layer.scales)
    layer(states).square().sum().backward()
    grad, states.grad = states.grad, None
    (states @ whole.T + layer.bias).square().sum().backward()
    torch.testing.assert_close(grad, states.grad)


def test_the_layers_alone_are_in_four_bits_and_the_adapter_in_float32(bench: Any) -> None:
    adapted = load_adapted(bench.params(**NF4), bench.store)
    layers = [each for each in adapted.model.modules() if isinstance(each, Nf4Linear)]
    assert len(layers) == 2 * 7 and {each.weight.dtype for each in layers} == {torch.uint8}
    assert adapted.head.dtype == torch.float32 and {each.dtype for each in adapted.adapter.values()} == {torch.float32}
    whole = load_adapted(bench.params(), bench.store).model.model.layers[0].mlp.up_proj.weight
    codes, scales = encode(whole.detach())
    mine = adapted.model.model.layers[0].mlp.up_proj
    assert torch.equal(mine.weight, codes) and torch.equal(mine.scales, scales)


CHILD = """
import json, sys
from pathlib import Path
from assay.proof.digest import blob_digest
from assay.workloads import HeldInputs, ModelStore, ignore_progress, read_params, workload
raw, text = json.loads(sys.argv[2]), sys.argv[3].encode()
inputs, kind = HeldInputs(ModelStore(Path(sys.argv[1])), {raw["data"]: text}), workload("finetune")
params = read_params("finetune", raw)
print(blob_digest(kind.run(params, inputs, kind.start(params, inputs), 0, ignore_progress).state))
"""


def test_training_on_it_learns_and_is_the_same_in_another_process(bench: Any) -> None:
    start = FINETUNE.start(bench.params(**NF4), bench.inputs)
    closed = bench.chain(start, range(3), **NF4)
    assert closed[-1].metrics["loss_last"] < closed[0].metrics["loss_last"]
    assert closed[0].state != bench.chain(start, range(1))[0].state
    words = [sys.executable, "-c", CHILD, str(bench.store.root), json.dumps(bench.raw(**NF4)), bench.text.decode()]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert said[-1] == blob_digest(closed[0].state)


@pytest.mark.parametrize("wrong", [{"method": "full"}, {"numerics": "exact"}])
def test_only_an_adapter_in_native_numerics_stands_on_it(bench: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadParams, match="base in nf4"):
        read_params("finetune", bench.raw(**NF4, **wrong))


def test_it_fits_where_a_base_in_float32_does_not(bench: Any) -> None:
    large = bench.params(model_parameters=7_000_000_000)
    small = large.model_copy(update=NF4)
    assert bytes_to_ask(small) < 20 << 30 < 30 << 30 < bytes_to_ask(large)
    assert bytes_held(small, 7_000_000_000) * 4 == bytes_held(large, 7_000_000_000)
    assert "base=nf4 would fit" in what_would_fit(large, 7_000_000_000, 20 << 30)
