"""Rules for sums, means, extremes, variances and softmax: operations along an axis."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from autograder.author.derive.broadcast import alike, sum_to, whole, with_axes
from autograder.author.derive.expression import ONE, GapError, Operation, Scene, build, is_one, times

Parts = Iterator[tuple[ast.expr, ast.expr]]


def reduction(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive a sum or a mean."""
    x = operation.args[0]
    axes, keepdim = _axes(scene, operation)
    gradient = with_axes(scene, gradient, axes, keepdim)
    if operation.op == "mean":
        gradient = build("G / N", G=gradient, N=_count(scene, x, axes))
    yield x, gradient


def variance(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive var and std, with Bessel's correction or without."""
    x = operation.args[0]
    axes, keepdim = _axes(scene, operation)
    keywords = operation.keywords
    correction = scene.number(keywords.get("correction"), 1)
    if "unbiased" in keywords and not scene.number(keywords["unbiased"]):
        correction = 0
    gradient = with_axes(scene, gradient, axes, keepdim)
    count = (
        build("N - C", N=_count(scene, x, axes), C=ast.Constant(correction)) if correction else _count(scene, x, axes)
    )
    centred = build("X - X.mean(A, keepdim=True)", X=x, A=_written(axes)) if axes else build("X - X.mean()", X=x)
    if operation.op == "var":
        yield x, times(gradient, build("2 * C / N", C=centred, N=count))
    else:
        value = with_axes(scene, scene.written(operation.node), axes, keepdim)
        yield x, times(gradient, build("C / (N * Y)", C=centred, N=count, Y=value))


def extreme(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive max, min, amax and amin; of several largest elements PyTorch takes one where there is an axis."""
    x = operation.args[0]
    axes, keepdim = _axes(scene, operation)
    least = "min" in operation.op
    if len(axes) != 1 or scene.shape_of(x) == ():
        value = with_axes(scene, scene.written(operation.node), axes, keepdim)
        yield x, times(with_axes(scene, gradient, axes, keepdim), build("X == Y", X=x, Y=value))
        return
    yield x, _scattered(scene, x, axes[0], f"X.arg{'min' if least else 'max'}(A, keepdim=True)", gradient, keepdim)


def chosen(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive the values of max, topk or sort, which come with the indices that they were taken from."""
    x = operation.args[0]
    call = operation.node
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr in ("max", "min"):
        yield from extreme(scene, replace(operation, op=call.func.attr), gradient)
        return
    place = {"topk": 2, "kthvalue": 2}.get(call.func.attr, 1)
    dim = operation.keywords.get("dim", operation.args[place] if len(operation.args) > place else ast.Constant(-1))
    full = whole(scene, gradient, build("C.values", C=call))
    yield x, build("torch.zeros_like(X).scatter(D, C.indices, G)", X=x, D=dim, C=call, G=full)


def _scattered(scene: Scene, x: ast.expr, axis: int, index: str, gradient: ast.expr, keepdim: bool) -> ast.expr:
    where = build(index, X=x, A=ast.Constant(axis))
    full = with_axes(scene, gradient, (axis,), keepdim)
    shape = list(scene.shape_of(x))
    shape[axis] = 1
    if list(scene.shape_of(full)) != shape:
        full = build("(torch.ones_like(I) * G)", I=where, G=full)
    return build("torch.zeros_like(X).scatter(A, I, G)", X=x, A=ast.Constant(axis), I=where, G=full)


def softmax(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive softmax and log_softmax."""
    x = operation.args[0]
    dim = operation.keywords.get("dim", operation.args[1] if len(operation.args) > 1 else ast.Constant(-1))
    value, full = scene.written(operation.node), whole(scene, gradient, operation.node)
    if operation.op == "softmax":
        yield x, build("Y * (G - (G * Y).sum(D, keepdim=True))", Y=value, G=full, D=dim)
    else:
        yield x, build("G - Y.exp() * G.sum(D, keepdim=True)", Y=value, G=full, D=dim)


def layer_norm(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive layer_norm: of its input what neither a shift nor a stretch would undo; of gain and bias, sums."""
    call = operation.node
    assert isinstance(call, ast.Call)
    x, *given = operation.args
    names = ("normalized_shape", "weight", "bias", "eps")
    read = {**dict(zip(names, given, strict=False)), **operation.keywords}
    eps = read.get("eps", ast.Constant(1e-5))
    axes = _written(tuple(range(-len(scene.value_of(read["normalized_shape"])), 0)))
    normal = build("M(X, S, eps=E)", M=call.func, X=x, S=read["normalized_shape"], E=eps)
    full = whole(scene, gradient, call)
    gain, bias = (read.get(name, ast.Constant(None)) for name in ("weight", "bias"))
    if scene.needs_gradient(gain):
        yield gain, sum_to(scene, build("G * N", G=full, N=normal), scene.shape_of(gain))
    if scene.needs_gradient(bias):
        yield bias, sum_to(scene, full, scene.shape_of(bias))
    if scene.value_of(gain) is not None:
        full = build("(G * W)", G=full, W=gain)
    template = "(G - G.mean(A, keepdim=True) - N * (G * N).mean(A, keepdim=True)) * (V + E).rsqrt()"
    spread = build("X.var(A, keepdim=True, correction=0)", X=x, A=axes)
    yield x, build(template, G=full, N=normal, A=axes, V=spread, E=eps)


def logsumexp(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive the logarithm of a sum of exponentials."""
    x = operation.args[0]
    axes, keepdim = _axes(scene, operation)
    yield x, times(with_axes(scene, gradient, axes, keepdim), build("X.softmax(A)", X=x, A=_written(axes)))


def norm(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive the Euclidean norm."""
    x, *order = operation.args
    if order or "p" in operation.keywords or "ord" in operation.keywords:
        raise GapError("a norm of another order")
    axes, keepdim = _axes(scene, operation)
    value = with_axes(scene, scene.written(operation.node), axes, keepdim)
    yield x, times(with_axes(scene, gradient, axes, keepdim), build("X / Y", X=x, Y=value))


def cumsum(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive a running sum: each element reaches itself and all behind it."""
    dim = operation.keywords.get("dim", operation.args[1] if len(operation.args) > 1 else ast.Constant(0))
    full = whole(scene, gradient, operation.node)
    yield operation.args[0], build("G.flip(D).cumsum(D).flip(D)", G=full, D=dim)


def _axes(scene: Scene, operation: Operation) -> tuple[tuple[int, ...], bool]:
    """Return the axes that are reduced, counted from the front (none: all of them), and whether they are kept."""
    keywords = operation.keywords
    dim: Any = scene.number(keywords.get("dim", keywords.get("axis")))
    rest = operation.args[1:]
    if dim is None and rest:
        first = scene.value_of(rest[0])
        dim = first if isinstance(first, int | tuple | list) and not isinstance(first, bool) else None
    keepdim = keywords.get("keepdim", keywords.get("keepdims"))
    kept = bool(scene.number(keepdim, False))
    if keepdim is None and dim is not None and len(rest) > 1:
        last = scene.value_of(rest[-1])
        kept = last if isinstance(last, bool) else False
    if dim is None:
        return (), kept
    number = len(scene.shape_of(operation.args[0]))
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    return tuple(sorted(axis % max(number, 1) for axis in dims)), kept


def _count(scene: Scene, x: ast.expr, axes: tuple[int, ...]) -> ast.expr:
    """Return how many elements are reduced into one, as an expression of the sizes."""
    x = alike(scene, x)
    if not axes or (len(axes) == len(scene.shape_of(x)) and math.prod(scene.shape_of(x)) > 1):
        return build("X.numel()", X=x)
    count: ast.expr = ONE
    for axis in axes:
        size = build("X.shape[A]", X=x, A=ast.Constant(axis))
        count = size if is_one(count) else build("N * S", N=count, S=size)
    return count if len(axes) == 1 else build("(N)", N=count)


def _written(axes: tuple[int, ...]) -> ast.expr:
    return ast.parse(str(axes[0] if len(axes) == 1 else axes), mode="eval").body
