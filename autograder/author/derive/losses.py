"""Rules for losses that PyTorch computes in one call."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograder.author.derive.expression import GapError, Operation, Scene, build, times

Parts = Iterator[tuple[ast.expr, ast.expr]]

# The derivative of each loss for one element, of the prediction X and the target Y.
SLOPES = {
    "mse_loss": "2 * (X - Y)",
    "bce_with_logits": "X.sigmoid() - Y",
    "binary_cross_entropy": "(X - Y) / (X * (1 - X))",
    "l1_loss": "(X - Y).sign()",
    "cross_entropy": "X.softmax(1) - torch.nn.functional.one_hot(Y, X.shape[1])",
    "nll_loss": "-torch.nn.functional.one_hot(Y, X.shape[1])",
}
BY_ROW = ("cross_entropy", "nll_loss")  # the mean is over rows, not over elements


def loss(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive a fused loss with the reduction mean or sum."""
    x, target = (*operation.args, *operation.keywords.values())[:2]
    reduction = scene.number(operation.keywords.get("reduction"), "mean")
    extra = [name for name in operation.keywords if name not in ("reduction", "target", "input")]
    if reduction not in ("mean", "sum") or extra:
        raise GapError(f"{operation.op} with {', '.join(extra) or f'reduction {reduction}'}")
    if operation.op in BY_ROW and len(scene.shape_of(x)) != 2:
        raise GapError(f"{operation.op} of a tensor with {len(scene.shape_of(x))} axes")
    slope = build(SLOPES[operation.op], X=x, Y=target)
    if reduction == "mean":
        count = "X.shape[0]" if operation.op in BY_ROW else "X.numel()"
        slope = build(f"S / {count}", S=slope, X=x)
    yield x, times(gradient, slope)
    if scene.needs_gradient(target):
        if operation.op != "mse_loss":
            raise GapError(f"the target of {operation.op}")
        yield target, build("-S", S=times(gradient, slope))
