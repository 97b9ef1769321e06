"""Every operator beside float64 and its autograd, and what must not change a bit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from assay.proof.court.integers import LONG, WORD
from assay.proof.court.integers import descale as judged
from assay.workloads.numerics import activations, attention, cross_entropy, embedding, fixed, linear, norms
from assay.workloads.numerics.elementary import exp, log, sigmoid, tanh
from assay.workloads.numerics.optimiser import AdamW, clip_gradients
from assay.workloads.numerics.primitives import (
    choose,
    descale,
    dot,
    is_below_zero,
    mask_of,
    quantise,
    root,
    row_exponent,
)
from assay.workloads.numerics.slices import sliced_dot
from assay.workloads.numerics.sums import tree_sum

INDEX = torch.arange(24).remainder(7).view(2, 12)


def drawn(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def heads(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)


def rms(x: Tensor, w: Tensor) -> Tensor:
    return functional.rms_norm(x, (x.shape[-1],), w, 1e-5)


# Ours, the same in torch, the inputs, and the largest relative error (l2) of values and of gradients.
OPERATORS: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[Tensor, ...], float]] = {
    "linear": (linear.linear, functional.linear, (drawn(3, 9, 40), drawn(17, 40), drawn(17)), 2e-6),
    "matmul": (linear.matmul, torch.matmul, (drawn(5, 9, 40), drawn(5, 40, 11)), 2e-6),
    "softmax": (attention.softmax, lambda x: x.softmax(-1), (drawn(9, 33, scale=4),), 5e-7),
    "attention": (
        lambda q, k, v: attention.attention(q, k, v, None, 8**-0.5),
        heads,
        (drawn(2, 4, 21, 8), drawn(2, 2, 21, 8, seed=1), drawn(2, 2, 21, 8, seed=2)),
        4e-6,
    ),
    "rms_norm": (lambda x, w: norms.rms_norm(x, w, 1e-5), rms, (drawn(9, 40), drawn(40)), 5e-7),
    "layer_norm": (
        lambda x, w, b: norms.layer_norm(x, w, b, 1e-5),
        lambda x, w, b: functional.layer_norm(x, (40,), w, b),
        (drawn(9, 40), drawn(40), drawn(40, seed=1)),
        5e-7,
    ),
    "silu": (lambda x: activations.activate(x, "silu"), functional.silu, (drawn(999, scale=4),), 3e-7),
    "gelu": (activations.gelu, functional.gelu, (drawn(999, scale=3),), 3e-7),
    "gelu_tanh": (
        lambda x: activations.gelu(x, "tanh"),
        lambda x: functional.gelu(x, approximate="tanh"),
        (drawn(999, scale=3),),
        3e-7,
    ),
    "embedding": (
        lambda w: embedding.embedding(INDEX, w),
        lambda w: functional.embedding(INDEX, w),
        (drawn(9, 6),),
        1e-6,
    ),
    "cross_entropy": (
        lambda z: cross_entropy.cross_entropy(z, INDEX.flatten()),
        lambda z: functional.cross_entropy(z, INDEX.flatten()),
        (drawn(24, 50, scale=3),),
        5e-7,
    ),
}


def values_and_gradients(operator: Callable[..., Any], inputs: tuple[Tensor, ...]) -> list[Tensor]:
    leaves = [each.clone().requires_grad_() for each in inputs]
    output = operator(*leaves)
    weights = drawn(*output.shape, seed=9).to(output.dtype) if output.dim() else output.new_ones(())
    return [output.detach(), *torch.autograd.grad(output, leaves, weights)]


def apart(ours: Tensor, theirs: Tensor) -> float:
    return float((ours.double() - theirs).norm() / theirs.norm())


@pytest.mark.parametrize("name", OPERATORS)
def test_values_and_gradients_lie_within_the_stated_error_of_float64(name: str) -> None:
    ours, theirs, inputs, error_max = OPERATORS[name]
    found = values_and_gradients(ours, inputs)
    expected = values_and_gradients(theirs, tuple(each.double() for each in inputs))
    assert [apart(a, b) < error_max for a, b in zip(found, expected, strict=True)] == [True] * len(found)


@given(st.integers(1, 7), st.integers(1, 70), st.integers(1, 9), st.integers(0, 99), st.integers(-30, 30))
@settings(max_examples=40, deadline=None)
def test_gradients_of_products_are_those_of_float64_at_any_size_and_scale(
    m: int, k: int, n: int, seed: int, places: int
) -> None:
    inputs = drawn(m, k, seed=seed, scale=2.0**places), drawn(n, k, seed=seed + 1), drawn(n, seed=seed + 2)
    found = values_and_gradients(linear.linear, inputs)
    expected = values_and_gradients(functional.linear, tuple(each.double() for each in inputs))
    # What cancels in a sum leaves an error of its terms' size, so that is what it is held against.
    x, w, bias = (each.double().abs() for each in inputs)
    g = drawn(m, n, seed=9).double().abs()
    sizes = (x @ w.T + bias, g @ w, g.T @ x, g.sum(0))
    errors = [float((a - b).norm() / size.norm()) for a, b, size in zip(found, expected, sizes, strict=True)]
    assert max(errors) < 3e-6


def test_elementary_functions_lie_within_two_units_of_the_last_place() -> None:
    x = drawn(20_001, scale=20)
    for ours, theirs, at in ((exp, torch.exp, x), (log, torch.log, x.abs() + 1e-20), (sigmoid, torch.sigmoid, x)):
        expected = theirs(at.double())
        assert float(((ours(at).double() - expected) / expected).abs().max()) < 2.0**-22
    assert float((tanh(x / 9).double() - torch.tanh(x.double() / 9)).abs().max()) < 2.0**-22


def test_roots_are_rounded_once_and_keep_subnormal_numbers() -> None:
    x = torch.cat([drawn(50_000).abs(), drawn(999).abs() * 2.0**-135])
    assert bool((x[-999:] < 2.0**-126).any())
    assert torch.from_numpy(np.sqrt(x.numpy())).equal(root(x))


def test_what_is_chosen_by_bits_is_what_a_branch_chooses() -> None:
    x = torch.cat([drawn(99), drawn(99) * 2.0**-140, torch.tensor([0.0, -0.0, torch.inf, -torch.inf])])
    a, b = drawn(202, seed=1), drawn(202, seed=2).neg_()
    b[::5], a[::7] = -0.0, torch.inf
    for other in (b, -1e30, 0.0):
        for mask, condition in ((is_below_zero(x), x < 0), (mask_of(x > a), x > a)):
            expected = torch.where(condition, a, other)
            assert choose(mask, a, other).view(torch.int32).equal(expected.view(torch.int32))


def test_what_else_is_in_the_batch_changes_no_row() -> None:
    x, w, b = drawn(4, 30, 64), drawn(200, 64), drawn(200)
    whole = linear.linear(x, w, b)
    parts = torch.cat([linear.linear(part, w, b) for part in x.split((1, 3))])
    assert whole.equal(parts)
    q, k, v = (drawn(4, 2, 30, 8, seed=seed) for seed in range(3))
    heads = attention.attention(q, k, v, None, 0.3)
    assert heads[2:].equal(attention.attention(q[2:], k[2:], v[2:], None, 0.3))
    assert heads[:, :, :17].equal(attention.attention(q[:, :, :17], k[:, :, :17], v[:, :, :17], None, 0.3))


def test_how_a_long_sum_is_cut_in_blocks_and_pieces_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    x, g = drawn(3000, 50), drawn(3000, 20, seed=1)
    expected = fixed.product_tn(g, fixed.fix(x)), fixed.product_nt(fixed.fix(x.mT), fixed.fix(g.mT))
    assert apart(expected[0], g.double().T @ x.double()) < 2e-6
    monkeypatch.setattr(fixed, "TERMS_MAX", 64)
    monkeypatch.setattr("assay.workloads.numerics.chunks.PIECE", 640)
    assert fixed.product_tn(g, fixed.fix(x)).equal(expected[0])
    assert fixed.product_nt(fixed.fix(x.mT), fixed.fix(g.mT)).equal(expected[1])


def test_seven_bit_slices_and_plain_integers_give_the_sums_of_float64() -> None:
    a, b = (drawn(rows, 3000, seed=rows).mul(drawn(rows, 1).exp() ** 9) for rows in (33, 17))
    qa, qb = (quantise(each, row_exponent(each)) for each in (a, b))
    qa[0], qb[0] = 2**21, -(2**21)
    assert dot(qa, qb).equal(sliced_dot(qa, qb))
    assert dot(qa, qb)[:5].equal((qa[:5, None].long() * qb.long()).sum(-1))


@given(st.integers(-(2**62), 2**62), st.integers(-60, 200))
@settings(deadline=None)
def test_integers_are_rounded_once_also_beyond_53_bits_and_below_the_normal_numbers(n: int, t: int) -> None:
    ours = descale(torch.tensor([n]), torch.tensor([t], dtype=torch.int32)).view(torch.int32)
    assert int(ours) & WORD == judged(n & LONG, t & WORD)


def test_subnormal_numbers_come_out_of_products_as_float64_rounds_them() -> None:
    x, w = drawn(6, 30, scale=2.0**-70), drawn(5, 30, scale=2.0**-72, seed=1)
    found, expected = linear.linear(x, w), (x.double() @ w.double().T).float()
    assert 0 < float(expected.abs().max()) < 2.0**-126
    assert bool(((found - expected).abs() <= 2.0**-149).all()) and bool((found != 0).any())


def test_a_sum_is_that_of_its_prefix_when_zeros_follow() -> None:
    x = drawn(4, 13)
    padded = torch.cat([x, torch.zeros(4, 30)], -1)
    assert tree_sum(padded).equal(tree_sum(x))
    assert float((tree_sum(x).double() - x.double().sum(-1, keepdim=True)).abs().max()) < 1e-6


def test_adamw_and_clipping_follow_torch() -> None:
    pairs = [[drawn(30, 7, seed=seed).requires_grad_() for seed in range(3)] for _ in range(2)]
    ours, theirs = AdamW(pairs[0], lr=1e-2), torch.optim.AdamW(pairs[1], lr=1e-2)
    for step in range(5):
        for number, parameters in enumerate(zip(*pairs, strict=True)):
            for parameter in parameters:
                parameter.grad = drawn(30, 7, seed=10 * step + number)
        norms = clip_gradients(pairs[0], 2.0), torch.nn.utils.clip_grad_norm_(pairs[1], 2.0)
        torch.testing.assert_close(*norms)
        ours.step()
        theirs.step()
    for mine, other in zip(*pairs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)
