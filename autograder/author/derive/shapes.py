"""Rules for what moves elements: reshape, transpose, indexing, gather, cat, chunk."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import torch

from autograder.author.derive.broadcast import sum_to, whole
from autograder.author.derive.expression import GapError, Operation, Scene, build

Parts = Iterator[tuple[ast.expr, ast.expr]]


def reshape(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive view, reshape, flatten, squeeze and unsqueeze: the elements go back to their places."""
    x = operation.args[0]
    yield x, build("G.reshape(X.shape)", G=whole(scene, gradient, operation.node), X=x)


def clone(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive what changes no number."""
    yield operation.args[0], gradient


def transpose(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive transpose, T, mT and permute."""
    x = operation.args[0]
    full = whole(scene, gradient, operation.node)
    if operation.op in ("T", "mT"):
        yield x, build("G.mT" if operation.op == "mT" else "G.T", G=full)
    elif operation.op == "transpose":
        first, second = (*operation.args[1:], *operation.keywords.values())
        yield x, build("G.transpose(A, B)", G=full, A=first, B=second)
    else:
        order = [scene.number(argument) for argument in operation.args[1:]]
        order = list(order[0]) if order and not isinstance(order[0], int) else order
        back = [order.index(axis) for axis in range(len(order))]
        yield x, build("G.permute(A)", G=full, A=ast.parse(", ".join(map(str, back)), mode="eval").body)


def expand(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive expand and expand_as, which repeat elements."""
    x = operation.args[0]
    yield x, sum_to(scene, whole(scene, gradient, operation.node), scene.shape_of(x))


def unfold(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive F.unfold, which copies pixels into overlapping windows: F.fold adds the copies up."""
    x, *sizes = operation.args
    full = whole(scene, gradient, operation.node)
    if len(scene.shape_of(x)) != 4 or len(scene.shape_of(operation.node)) != 3:
        raise GapError("unfold along a dimension")
    given = [ast.unparse(size) for size in sizes]
    given += [f"{name}={ast.unparse(size)}" for name, size in operation.keywords.items()]
    yield x, build(f"torch.nn.functional.fold(G, X.shape[-2:], {', '.join(given)})", G=full, X=x)


def index(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive indexing: elements that were taken several times collect all their gradients."""
    node = operation.node
    assert isinstance(node, ast.Subscript)
    x, full = node.value, ast.unparse(whole(scene, gradient, node))
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    # Written as in the line: a slice is no expression by itself.
    written = ast.unparse(ast.Subscript(ast.Name("_", ast.Load()), node.slice, ast.Load())).removeprefix("_")
    basic = all(isinstance(part, ast.Slice) or _is_basic(scene, part) for part in parts)
    if basic:
        yield x, scene.put_in(x, lambda name: f"{name}{written} = {full}")
        return
    masks = [part for part in parts if not isinstance(part, ast.Slice) and _is_mask(scene, part)]
    if masks and len(parts) == 1:
        yield x, scene.put_in(x, lambda name: f"{name}{written} = {full}")
        return
    if any(isinstance(part, ast.Slice) for part in parts) or masks:
        raise GapError("indexing by slices and tensors at once")
    tensors = ", ".join(_as_tensor(scene, part) for part in parts)
    comma = "," if len(parts) == 1 else ""
    yield x, scene.put_in(x, lambda name: f"{name}.index_put_(({tensors}{comma}), {full}, accumulate=True)")


def _is_basic(scene: Scene, part: ast.expr) -> bool:
    value = scene.value_of(part)
    return value is None or value is Ellipsis or (isinstance(value, int) and not isinstance(value, bool))


def _is_mask(scene: Scene, part: ast.expr) -> bool:
    value = scene.value_of(part)
    return isinstance(value, torch.Tensor) and value.dtype == torch.bool


def _as_tensor(scene: Scene, part: ast.expr) -> str:
    written = ast.unparse(part)
    if isinstance(scene.value_of(part), torch.Tensor):
        return written
    if written.startswith("range("):
        return f"torch.arange({written.removeprefix('range(')}"
    return f"torch.tensor({written})"


def gather(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive gather along an axis."""
    x, *rest = operation.args
    keywords = operation.keywords
    if operation.op == "gather":
        dim = keywords.get("dim", rest[0] if rest else None)
        places = keywords.get("index", keywords.get("indices", rest[-1] if rest else None))
        if dim is places and rest:  # take_along_dim(indices, dim)
            dim = keywords["dim"]
        if dim is not None and not isinstance(scene.value_of(dim), int):
            dim, places = places, dim
        assert dim is not None
        assert places is not None
        full = whole(scene, gradient, operation.node)
        yield x, build("torch.zeros_like(X).scatter_add(D, I, G)", X=x, D=dim, I=places, G=full)
        return
    # F.embedding(indices, weight)
    weight = rest[0]
    full_text = ast.unparse(whole(scene, gradient, operation.node))
    yield (
        weight,
        scene.put_in(weight, lambda name: f"{name}.index_put_(({ast.unparse(x)},), {full_text}, accumulate=True)"),
    )


def cat(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive cat and stack of a list that is written out."""
    listed, *rest = operation.args
    if not isinstance(listed, ast.List | ast.Tuple):
        raise GapError(f"{operation.op} of a list that is made elsewhere")
    dim = operation.keywords.get("dim", rest[0] if rest else ast.Constant(0))
    full = whole(scene, gradient, operation.node)
    sizes = ", ".join(ast.unparse(build("P.shape[D]", P=part, D=dim)) for part in listed.elts)
    for number, part in enumerate(listed.elts):
        if operation.op == "stack":
            yield part, build("G.unbind(D)[N]", G=full, D=dim, N=ast.Constant(number))
        else:
            split = ast.parse(f"[{sizes}]", mode="eval").body
            yield part, build("G.split(S, D)[N]", G=full, S=split, D=dim, N=ast.Constant(number))


def part(scene: Scene, operation: Operation, gradient: ast.expr) -> Parts:
    """Derive one of the pieces that chunk, split or unbind return."""
    node = operation.node
    assert isinstance(node, ast.Subscript)
    call = node.value
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Attribute)
    x = operation.args[0]
    arguments = call.args if call.func.value is x else call.args[1:]
    place = 0 if call.func.attr == "unbind" else 1
    dim = arguments[place] if len(arguments) > place else ast.Constant(0)
    dim = next((keyword.value for keyword in call.keywords if keyword.arg == "dim"), dim)
    joined = "stack" if call.func.attr == "unbind" else "cat"
    yield (
        x,
        build(
            f"torch.{joined}([G if at == N else torch.zeros_like(piece) for at, piece in enumerate(C)], D)",
            G=whole(scene, gradient, node),
            N=node.slice,
            C=call,
            D=dim,
        ),
    )
