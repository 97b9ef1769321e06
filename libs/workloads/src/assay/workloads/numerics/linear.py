"""Linear layers and products of matrices, forward and backward."""

from typing import Any

from torch import Tensor
from torch.autograd import Function

from assay.workloads.numerics.fixed import fix, fix_once, product_nn, product_nt, product_tn
from assay.workloads.numerics.sums import sum_rows


class Linear(Function):
    """x @ weight^T + bias. One fixed form of the weight and one of x serve forward and backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return [..., N] for x [..., K], weight [N, K], bias [N]."""
        fixed = fix_once(x)
        rows = fixed._replace(values=fixed.values.reshape(-1, x.shape[-1]), s=fixed.s.reshape(-1, 1))
        ctx.x, ctx.weight, ctx.shape = rows if ctx.needs_input_grad[1] else None, fix_once(weight), x.shape
        y = product_nt(rows, ctx.weight)
        y = y if bias is None else y + bias
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of x, weight and bias."""
        g = gradients[0].flatten(0, -2)
        for_x, for_weight, for_bias = ctx.needs_input_grad
        return (
            product_nn(g, ctx.weight).view(ctx.shape) if for_x else None,
            product_tn(g, ctx.x) if for_weight else None,
            sum_rows(g) if for_bias else None,
        )


class MatMul(Function):
    """a @ b of two matrices, or of two batches of as many."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        """Return [..., M, N] for a [..., M, K] and b [..., K, N]."""
        ctx.a, ctx.b = a, fix(b)
        return product_nn(a, ctx.b)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of a and b."""
        g = fix(gradients[0])
        return product_nt(g, ctx.b), product_tn(ctx.a, g)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x @ weight^T + bias for x [..., K], weight [N, K], bias [N]."""
    y: Tensor = Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return y


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Return a @ b for matrices or equal batches of them; leading axes of b alone may be missing."""
    if b.dim() == 2:
        return linear(a, b.mT)
    y: Tensor = MatMul.apply(a, b)  # type: ignore[no-untyped-call]
    return y
