"""Rules for arithmetic with broadcasting, powers and functions of each element."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograder.author.derive.broadcast import summed, whole
from autograder.author.derive.expression import GapError, Operation, Scene, build, times

Parts = Iterator[tuple[ast.expr, ast.expr]]  # (argument, its gradient)

# The derivative of each function, of its argument X and its value Y.
SLOPES = {
    "exp": "Y",
    "log": None,
    "tanh": "1 - Y**2",
    "sigmoid": "Y * (1 - Y)",
    "relu": "X > 0",
    "sqrt": "0.5 / Y",
    "rsqrt": "-0.5 * Y**3",
    "square": "2 * X",
    "abs": "X.sign()",
    "sin": "X.cos()",
    "cos": "-X.sin()",
    "softplus": "X.sigmoid()",
    "silu": "X.sigmoid() * (1 + X * (1 - X.sigmoid()))",
    "reciprocal": "-(Y**2)",
    "log1p": None,
}
DIVIDED = {"log": "X", "log1p": "1 + X"}


def function(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive a function of each element."""
    x = operation.args[0]
    value = scene.written(operation.node)
    if operation.op in DIVIDED:
        yield x, build("G / X", G=gradient, X=build(DIVIDED[operation.op], X=x))
    else:
        slope = SLOPES[operation.op]
        assert slope is not None
        yield x, times(gradient, build(slope, X=x, Y=value))


def add(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive a sum."""
    for child in operation.args[:2]:
        yield child, summed(scene, gradient, operation.node, child)


def sub(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive a difference."""
    left, right = operation.args[:2]
    yield left, summed(scene, gradient, operation.node, left)
    yield right, summed(scene, build("-G", G=gradient), operation.node, right)


def mul(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive a product of elements."""
    left, right = operation.args[:2]
    yield left, summed(scene, times(gradient, right), operation.node, left)
    yield right, summed(scene, times(gradient, left), operation.node, right)


def div(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive a quotient."""
    left, right = operation.args[:2]
    yield left, summed(scene, build("G / B", G=gradient, B=right), operation.node, left)
    if scene.needs_gradient(right):
        part = build("-G * A / B**2", G=gradient, A=left, B=right)
        yield right, summed(scene, part, operation.node, right)


def power(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive a power with a constant exponent, or of a constant base."""
    base, exponent = operation.args[:2]
    if scene.needs_gradient(exponent):
        if scene.needs_gradient(base):
            raise GapError("a power of two tensors")
        part = build("G * Y * math.log(A)", G=gradient, Y=scene.written(operation.node), A=base)
        yield exponent, summed(scene, part, operation.node, exponent)
        return
    number = scene.number(exponent)
    if number == 2:
        slope = build("2 * A", A=base)
    elif isinstance(number, int | float):
        plain = isinstance(exponent, ast.Constant | ast.UnaryOp)
        less = ast.parse(repr(number - 1), mode="eval").body if plain else build("E - 1", E=exponent)
        slope = build("E * A**L", E=exponent, A=base, L=less)
    else:
        slope = build("E * A**(E - 1)", E=exponent, A=base)
    yield base, summed(scene, times(gradient, slope), operation.node, base)


def neg(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive a minus sign."""
    yield operation.args[0], build("-G", G=gradient)


def clamp(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive a value held above a bound, below one, or between two."""
    x, *bounds = operation.args
    low = operation.keywords.get("min", bounds[0] if bounds else None)
    high = operation.keywords.get("max", bounds[1] if len(bounds) > 1 else None)
    inside = [build("X > L", X=x, L=low)] if low is not None and scene.number(low) is not None else []
    inside += [build("X < H", X=x, H=high)] if high is not None and scene.number(high) is not None else []
    yield x, times(gradient, inside[0] if len(inside) == 1 else build("(A) & (B)", A=inside[0], B=inside[1]))


def maximum(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive the larger, or smaller, of two values."""
    left, right = operation.args
    sign = ">" if operation.op == "maximum" else "<"
    for mine, other in ((left, right), (right, left)):
        if scene.needs_gradient(mine):
            yield mine, summed(scene, times(gradient, build(f"A {sign} B", A=mine, B=other)), operation.node, mine)


def where(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive a choice between two values."""
    condition, one, other = operation.args
    full = whole(scene, gradient, operation.node)
    yield one, summed(scene, build("torch.where(C, G, 0.0)", C=condition, G=full), operation.node, one)
    yield other, summed(scene, build("torch.where(C, 0.0, G)", C=condition, G=full), operation.node, other)


def masked_fill(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive a value that a mask has replaced."""
    x, mask = operation.args[:2]
    yield x, build("G.masked_fill(M, 0.0)", G=whole(scene, gradient, operation.node), M=mask)


def triangle(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive tril and triu, which set what they leave out to zero."""
    full = whole(scene, gradient, operation.node)
    diagonal = operation.args[1:] or tuple(operation.keywords.values())
    if diagonal:
        yield operation.args[0], build(f"G.{operation.op}(D)", G=full, D=diagonal[0])
    else:
        yield operation.args[0], build(f"G.{operation.op}()", G=full)
