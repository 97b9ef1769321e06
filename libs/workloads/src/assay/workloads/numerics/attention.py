"""Scaled dot-product attention with a causal mask, grouped heads and dropout, forward and backward."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from assay.workloads.numerics.chunks import by_rows, pieces
from assay.workloads.numerics.elementary import exp_down
from assay.workloads.numerics.fixed import fix, product_nn, product_nt, product_tn
from assay.workloads.numerics.primitives import choose, is_recorded, mask_of, row_max, single
from assay.workloads.numerics.sums import tree_sum

MASKED = single(-1e30)


def softmax_rows(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the rows' softmax; nothing at all goes to where a boolean mask is false."""
    kept = None if mask is None else mask_of(mask)
    if kept is not None:
        scores = choose(kept, scores, MASKED)
    shares = exp_down(scores - row_max(scores))
    if kept is not None:
        shares = choose(kept, shares, 0.0)
    return shares.div_(tree_sum(shares))


def softmax_back(g: Tensor, shares: Tensor) -> Tensor:
    """Return the gradient through a softmax of these shares."""
    t = g * shares
    return t - shares * tree_sum(t)


def attend_causally(scores: Tensor) -> Tensor:
    """Return the causal softmax of [B, T, S]: row t sees the columns up to t, and the others are never computed."""
    rows, columns = scores.shape[-2:]
    mask = torch.ones(rows, columns, dtype=torch.bool, device=scores.device).tril()
    if is_recorded():
        return softmax_rows(scores, mask)
    shares = torch.zeros_like(scores)
    for part in pieces(rows, len(scores) * columns):
        seen = min(part.stop, columns)
        shares[:, part, :seen] = softmax_rows(scores[:, part, :seen], mask[part, :seen])
    return shares


class Softmax(Function):
    """Softmax over the last axis."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the shares."""
        shares = by_rows(softmax_rows, x)
        ctx.save_for_backward(shares)
        return shares

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Return the gradient of x."""
        return by_rows(softmax_back, gradients[0], ctx.saved_tensors[0])


class Attention(Function):
    """softmax(q @ k^T * scale) @ v. The heads that share keys are more rows of one product, and sum up in it."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float, kept: Tensor | None
    ) -> Tensor:
        """Return [B, H, T, D] for q [B, H, T, D], k and v [B, G, S, D], H a multiple of G.

        `mask` is boolean and broadcasts to [B, H, T, S]; none means causal. `kept` [B, H, T, S] is dropout's factor.
        """
        (b, h, t, d), (_, g, s, _) = q.shape, k.shape
        ctx.k, ctx.v = fix(k.reshape(b * g, s, d)), fix(v.reshape(b * g, s, -1))
        ctx.scale, ctx.shapes = single(scale), (q.shape, k.shape, v.shape)
        ctx.q = fix((q * ctx.scale).reshape(b * g, -1, d))
        scores = product_nt(ctx.q, ctx.k)
        if mask is None:
            shares = attend_causally(scores.view(b * h, t, s)).view(scores.shape)
        else:
            shares = softmax_rows(scores.view(b, h, t, s), mask.expand(b, h, t, s)).view(scores.shape)
        kept = None if kept is None else kept.reshape(scores.shape)
        ctx.save_for_backward(shares, kept)
        return product_nn(shares if kept is None else shares * kept, ctx.v).view(b, h, t, -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of q, k and v."""
        shares, kept = ctx.saved_tensors
        for_q, for_k, for_v = ctx.shapes
        g = fix(gradients[0].reshape(shares.shape[0], shares.shape[1], -1))
        g_shares = product_nt(g, ctx.v)
        if kept is not None:
            g_shares *= kept
        g_scores = by_rows(softmax_back, g_shares, shares)
        g_q = product_nn(g_scores, ctx.k).mul_(ctx.scale)
        g_k = product_tn(g_scores, ctx.q)
        g_v = product_tn(shares if kept is None else shares * kept, g)
        return g_q.view(for_q), g_k.view(for_k), g_v.view(for_v), None, None, None


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """Return the shares e^x over their sum along `dim`."""
    y: Tensor = Softmax.apply(x.movedim(dim, -1))  # type: ignore[no-untyped-call]
    return y.movedim(-1, dim)


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float, kept: Tensor | None = None) -> Tensor:
    """Return softmax(q @ k^T * scale) @ v, causal where there is no boolean mask; see `Attention`."""
    y: Tensor = Attention.apply(q, k, v, mask, scale, kept)  # type: ignore[no-untyped-call]
    return y
