"""Rules for products of matrices: matmul with and without batches, linear, outer, einsum."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograder.author.derive.broadcast import sum_to, whole
from autograder.author.derive.expression import GapError, Operation, Scene, build

Parts = Iterator[tuple[ast.expr, ast.expr]]


def matmul(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive a product of matrices, batches of them, or vectors."""
    left, right = operation.args[:2]
    full = whole(scene, gradient, operation.node)
    a, b = len(scene.shape_of(left)), len(scene.shape_of(right))
    if a == b == 1:
        yield left, build("G * B", G=full, B=right)
        yield right, build("G * A", G=full, A=left)
    elif b == 1:
        yield left, build("G.unsqueeze(-1) * B", G=full, B=right)
        if a == 2:
            yield right, build("A.T @ G", A=left, G=full)
        else:
            yield right, build("A.reshape(-1, B.shape[0]).T @ G.reshape(-1)", A=left, B=right, G=full)
    elif a == 1:
        if b > 2:
            raise GapError("a vector times a batch of matrices")
        yield left, build("B @ G", B=right, G=full)
        yield right, build("A.unsqueeze(1) * G", A=left, G=full)
    else:
        for_left = build("G @ B", G=full, B=_turned(scene, right, b))
        if scene.needs_gradient(left):
            yield left, _to(scene, for_left, left)
        if scene.needs_gradient(right):
            if a > 2 and b == 2:
                flat = "A.reshape(-1, A.shape[-1]).T @ G.reshape(-1, G.shape[-1])"
                yield right, build(flat, A=left, G=full)
            else:
                yield right, _to(scene, build("A @ G", A=_turned(scene, left, a), G=full), right)


def _turned(scene: Scene, node: ast.expr, axes: int) -> ast.expr:
    """Return the transpose of a matrix, or of each of a batch; of a transpose, what was transposed."""
    match node:
        case ast.Attribute(base, "mT" | "T"):
            return base
        case ast.Call(ast.Attribute(base, "transpose"), [first, second]):
            if {scene.number(first) % axes, scene.number(second) % axes} == {axes - 2, axes - 1}:
                return base
    return build("B.T" if axes == 2 else "B.mT", B=node)


def _to(scene: Scene, gradient: ast.expr, child: ast.expr) -> ast.expr:
    want = scene.shape_of(child)
    return gradient if scene.shape_of(gradient) == want else sum_to(scene, gradient, want)


def linear(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive F.linear(x, W, b)."""
    x, weight, *rest = operation.args
    bias = operation.keywords.get("bias", rest[0] if rest else None)
    full = whole(scene, gradient, operation.node)
    yield x, build("G @ W", G=full, W=weight)
    yield weight, build("G.reshape(-1, G.shape[-1]).T @ X.reshape(-1, X.shape[-1])", G=full, X=x)
    if bias is not None:
        yield bias, sum_to(scene, full, scene.shape_of(bias))


def outer(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive the outer product of two vectors."""
    left, right = operation.args[:2]
    full = whole(scene, gradient, operation.node)
    yield left, build("G @ B", G=full, B=right)
    yield right, build("G.T @ A", G=full, A=left)


def einsum(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive an einsum in which every index of a tensor stands in the result or in another tensor."""
    pattern, *tensors = operation.args
    written = scene.value_of(pattern)
    if not isinstance(written, str) or "->" not in written or "." in written:
        raise GapError("an einsum without -> or with ...")
    inputs, output = written.replace(" ", "").split("->")
    indices = inputs.split(",")
    full = whole(scene, gradient, operation.node)
    for number, (own, tensor) in enumerate(zip(indices, tensors, strict=True)):
        others = [name for at, name in enumerate(indices) if at != number]
        if not set(own) <= set(output).union(*others) or len(set(own)) < len(own):
            raise GapError(f"the einsum {written}")
        swapped = ",".join([output, *others]) + f"->{own}"
        arguments = [ast.unparse(other) for at, other in enumerate(tensors) if at != number]
        text = f"torch.einsum({swapped!r}, G{''.join(f', {each}' for each in arguments)})"
        yield tensor, build(text, G=full)
