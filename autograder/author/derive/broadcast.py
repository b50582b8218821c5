"""Bring a gradient into a shape: written out over the axes that a sum took away, or summed over those it was given."""

from __future__ import annotations

import ast

from autograder.author.derive.expression import Scene, build, is_one


def whole(scene: Scene, gradient: ast.expr, node: ast.expr) -> ast.expr:
    """Return the gradient in the full shape of the expression that it belongs to."""
    shape = scene.shape_of(node)
    value = alike(scene, node)
    if is_one(gradient):
        return build("torch.ones_like(X)", X=value)
    if scene.shape_of(gradient) == shape:
        return gradient
    if not scene.shape_of(gradient):
        return build("torch.ones_like(X) * G", X=value, G=gradient)
    return build("G.expand_as(X)", X=value, G=gradient)


def alike(scene: Scene, node: ast.expr) -> ast.expr:
    """Return the simplest expression that has the shape of this one at all sizes: `y` for `(y - goal)**2`."""
    if node is scene.root:
        return scene.written(node)
    parts: list[ast.expr] = []
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.MatMult):
        parts = [node.left, node.right]
    elif isinstance(node, ast.UnaryOp):
        parts = [node.operand]
    shape = scene.shape_of(node)
    fitting = [part for part in parts if shape and scene.shape_of(part) == shape]
    return alike(scene, fitting[0]) if fitting else node


def summed(scene: Scene, gradient: ast.expr, node: ast.expr, child: ast.expr) -> ast.expr:
    """Return what is left of a gradient of `node` for `child`, which was broadcast to the shape of `node`."""
    have, want = scene.shape_of(node), scene.shape_of(child)
    if have == want:
        return gradient
    if not want:
        return build("G.sum()", G=whole(scene, gradient, node))
    return sum_to(scene, whole(scene, gradient, node), want)


def sum_to(scene: Scene, gradient: ast.expr, want: tuple[int, ...]) -> ast.expr:
    """Return the gradient summed to a shape that broadcasts to its own."""
    have = scene.shape_of(gradient)
    extra = len(have) - len(want)
    if extra:
        axes = ast.Constant(0) if extra == 1 else ast.parse(str(tuple(range(extra))), mode="eval").body
        gradient = build("G.sum(A)", G=gradient, A=axes)
    kept = [axis for axis, size in enumerate(want) if size == 1 and have[axis + extra] > 1]
    if kept:
        axes = ast.Constant(kept[0]) if len(kept) == 1 else ast.parse(str(tuple(kept)), mode="eval").body
        gradient = build("G.sum(A, keepdim=True)", G=gradient, A=axes)
    return gradient


def with_axes(scene: Scene, gradient: ast.expr, axes: tuple[int, ...], keepdim: bool) -> ast.expr:
    """Return the gradient of a reduction with the axes that it took away put back in with size 1.

    axes: counted from the front; empty where all were reduced. keepdim: they are still there.
    """
    if keepdim or is_one(gradient) or not axes:
        return gradient
    if not scene.shape_of(gradient) and len(axes) > 1:
        return gradient
    for axis in sorted(axes):
        gradient = build("G.unsqueeze(A)", G=gradient, A=ast.Constant(axis))
    return gradient
