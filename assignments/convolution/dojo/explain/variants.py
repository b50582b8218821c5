"""Variants of a forward line, each with one small change: what a mistake in a derivative may come from.

A variant is a tuple of sources, one for each line of the route.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

import torch

from .forward import Route, Scene, Tensor, product

NEIGHBOURS = {
    "exp": ("log", "expm1", "sigmoid"),
    "log": ("exp", "log2", "log10", "log1p"),
    "tanh": ("sigmoid", "sinh", "cosh", "atan", "relu"),
    "sigmoid": ("tanh", "exp", "relu"),
    "relu": ("sigmoid", "tanh", "abs"),
    "sin": ("cos",),
    "cos": ("sin",),
    "sqrt": ("square", "rsqrt"),
    "rsqrt": ("sqrt",),
    "square": ("sqrt",),
    "sum": ("mean", "prod"),
    "mean": ("sum",),
    "max": ("min", "mean"),
    "amax": ("amin", "mean", "sum"),
    "softmax": ("log_softmax", "sigmoid"),
    "log_softmax": ("softmax",),
}
OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Mult: (ast.Add, ast.Div),
    ast.Div: (ast.Mult,),
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add,),
}
SMALL = 1e-3  # a constant below this is there to keep a division or a logarithm finite


def without_epsilon(route: Route) -> tuple[str, ...] | None:
    """Return the lines with every constant below SMALL made zero; None where there is none."""
    trees = [ast.parse(line.source) for line in route.lines]
    small = [n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Constant) and _is_small(n.value)]
    for node in small:
        node.value = 0.0
    return tuple(map(ast.unparse, trees)) if small else None


def other_constants(route: Route) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield lines with another constant, as (kind of mistake, sentence, lines)."""
    plain = without_epsilon(route)
    if plain is not None:
        line = next(line for line, other in zip(route.lines, plain, strict=True) if "0.0" in other)
        yield "epsilon", f"the small constant of `{line.source}` is missing in its derivative", plain
    sources = tuple(line.source for line in route.lines)
    for number, source in enumerate(sources):
        for index, node in enumerate(ast.walk(ast.parse(source))):
            match node:
                case ast.BinOp(size, ast.Sub(), ast.Constant(1)):
                    tree = ast.parse(source)
                    _put(tree, index, size)
                    said = f"{ast.unparse(size)} stands where `{source}` has {ast.unparse(node)}"
                    yield "factor", said, (*sources[:number], ast.unparse(tree), *sources[number + 1 :])


def other_names(route: Route, pairs: Collection[tuple[str, str | None]]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield lines in which a name is replaced, as (kind of mistake, sentence, lines).

    pairs: (name, its replacement); None for the replacement leaves the name out, as a term or as a factor.
    """
    for name in dict.fromkeys(name for name, other in pairs if other is None):
        trees = [ast.parse(line.source) for line in route.lines]
        terms = [
            n for t in trees for n in ast.walk(t) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Add | ast.Sub)
        ]
        for sum_of in terms:
            if isinstance(sum_of.right, ast.Name) and sum_of.right.id == name:
                sum_of.right = ast.Constant(0)
                yield "function", f"`{name}` is missing", tuple(map(ast.unparse, trees))
    for name, other in pairs:
        trees = [ast.parse(line.source) for line in route.lines]
        for node in (node for tree in trees for node in ast.walk(tree)):
            if isinstance(node, ast.Name) and node.id == name:
                node.id = other or "1"
        said = f"`{other}` stands where `{name}` belongs" if other else f"`{name}` is missing"
        yield "function", said, tuple(map(ast.unparse, trees))


def _is_small(value: object) -> bool:
    return isinstance(value, float) and 0 < abs(value) < SMALL


def neighbours(route: Route) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield lines in which one function or operator is replaced, as (old word, new word, lines)."""
    sources = tuple(line.source for line in route.lines)
    for number, source in enumerate(sources):
        for index, node in enumerate(ast.walk(ast.parse(source))):
            for now, then, changed in _swaps(node):
                tree = ast.parse(source)
                _put(tree, index, changed)
                yield now, then, (*sources[:number], ast.unparse(tree), *sources[number + 1 :])


def _swaps(node: ast.AST) -> Iterator[tuple[str, str, ast.AST]]:
    match node:
        case ast.Attribute(value, name):
            for other in NEIGHBOURS.get(name, ()):
                yield name, other, ast.Attribute(value, other, ast.Load())
        case ast.BinOp(left, operator, right):
            for kind in OPERATORS.get(type(operator), ()):
                words = [_WORDS[type(operator)], _WORDS[kind]]
                yield words[0], words[1], ast.BinOp(left, kind(), right)


_WORDS: dict[type[ast.operator], str] = {ast.Mult: "*", ast.Add: "+", ast.Div: "/", ast.Sub: "-"}


def _put(tree: ast.AST, index: int, new: ast.AST) -> None:
    """Replace the node at this index of ast.walk(tree)."""
    old = list(ast.walk(tree))[index]
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
            elif isinstance(value, list) and old in value:
                value[value.index(old)] = new


def written_once(scene: Scene, route: Route) -> Iterator[tuple[str, Tensor]]:
    """Yield, for an index that picks an element several times, (name, the gradient when written with = or +=).

    Such an assignment keeps only one of the several contributions.
    """
    for number, line in enumerate(route.lines):
        tree = ast.parse(line.source)
        for node in ast.walk(tree):
            match node:
                case ast.Subscript(ast.Name(name), index) if name == scene.tensor:
                    names = dict(scene.names)
                    try:
                        at = eval(ast.unparse(index), names)
                        picked = scene.value[at]
                        sources = [other.source for other in route.lines]
                        sources[number] = line.source.replace(
                            ast.get_source_segment(line.source, node) or "", "_picked"
                        )
                        inner = product(scene, route, of="_picked", at={"_picked": picked}, sources=tuple(sources))
                        if inner is None:
                            continue
                        once = torch.zeros_like(scene.value)
                        once[at] = inner
                    except Exception:  # an index of another kind
                        continue
                    yield name, once
