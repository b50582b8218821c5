"""The computation graph within a route: the operations of its lines one by one, and the paths through them.

A value that has no name of its own is called by its text. Values are computed in float64, within forward.double().
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import torch

from .forward import Line, Route, Scene, Tensor, in_float64, pulled_back

# Functions that are differentiated as the operations they are made of, each of which may be the mistake.
MADE_OF = {"cross_entropy": "({0}.logsumexp(1) - {0}[range(len({1})), {1}]).mean()"}
TINY = 1e-6  # a path that contributes less than this share of the largest has cancelled but for rounding
MOST = 8  # with more paths than these, the sets of them are too many to try, and their labels too alike


@dataclass(frozen=True)
class Node:
    """One operation of a line. name: of its value, made up where it has none. text: the operation as it is written.

    source: the operation as code over the names of other nodes. inputs: the names that it is differentiated for. line:
    the forward line that it is a part of.
    """

    name: str
    text: str
    source: str
    inputs: tuple[str, ...]
    line: Line


@dataclass(frozen=True)
class Term:
    """The contribution of one path to the gradient.

    path: names, from the tensor to the target. value: the contribution, in the tensor's shape. label: words that tell
    this path from the others. lines: the forward lines that only this path goes through, else all of its lines.
    """

    path: tuple[str, ...]
    value: Tensor
    label: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Graph:
    """The operations of one route of a scene, with their values and gradients, each computed when first asked for.

    To be used within forward.double(). Every property raises where a line cannot be computed.
    """

    scene: Scene
    route: Route

    @property
    def nodes(self) -> dict[str, Node]:
        """The operations by name, in the order in which they are computed."""
        return _nodes(self.route)

    @property
    def where(self) -> str:
        """Words that follow "the gradient" in a sentence and name this route; "" where it is the only one."""
        return f" through `{self.scene.through(self.route)}`" if len(self.scene.routes) > 1 else ""

    @cached_property
    def values(self) -> dict[str, Any]:
        """The value of every node and of every name that the lines use."""
        uses = frozenset().union(*(line.uses for line in self.route.lines)) | {self.route.tensor}
        # Sorted, since of several factors that fit the first is named, and a set has another order in every process.
        values = {name: in_float64(self.scene.names[name]) for name in sorted(uses) if name in self.scene.names}
        for node in self.nodes.values():
            values[node.name] = eval(node.source, values)
        return values

    @cached_property
    def adjoints(self) -> dict[str, Tensor]:
        """The gradient of every node, and of the tensor, by name."""
        found = {self.route.target: self.scene.arriving(self.route)}
        for node in reversed(self.nodes.values()):
            for name in self._inputs(node) if node.name in found else ():
                found[name] = found.get(name, 0) + self.back(node, name, found[node.name])
        return found

    def _inputs(self, node: Node) -> list[str]:
        """Return the inputs that can have a gradient: float tensors. A size cannot."""
        found = [(name, self.values[name]) for name in node.inputs]
        return [name for name, value in found if isinstance(value, Tensor) and value.is_floating_point()]

    def _after(self, name: str) -> list[str]:
        """Return the operations that read a value and lead to the target."""
        return [n.name for n in self.nodes.values() if n.name in self.adjoints and name in self._inputs(n)]

    def back(self, node: Node, name: str, gradient: Tensor, at: Tensor | None = None) -> Tensor:
        """Return the contribution of one operation to the gradient of one of its inputs.

        gradient: that of the operation's value. at: another value of the input, broadcast for instance.
        """
        leaf = (self.values[name] if at is None else at).clone().requires_grad_()
        with torch.enable_grad():
            out = eval(node.source, {**self.values, name: leaf})
            sent = pulled_back(out, leaf, gradient)
        return torch.zeros_like(leaf) if sent is None else sent

    def along(self, path: tuple[str, ...], gradient: Tensor) -> Tensor:
        """Return what is left of `gradient`, that of the last name on the path, at the first name."""
        for name, after in zip(reversed(path[:-1]), reversed(path), strict=False):
            gradient = self.back(self.nodes[after], name, gradient)
        return gradient

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The paths that contribute; their values sum to the route's contribution. () where they are more than MOST."""
        pairs = list(self._paths((self.route.tensor,), 0.0))
        if not 1 <= len(pairs) <= MOST:
            return ()
        return tuple(
            Term(path, value, self._label(path, [other for other, _ in pairs]), self._lines(path, pairs))
            for path, value in pairs
        )

    def _paths(self, path: tuple[str, ...], scale: float) -> Iterator[tuple[tuple[str, ...], Tensor]]:
        # A path is followed only as long as it contributes: the sum of what is left of a mean, say, cancels.
        if path[-1] == self.route.target:
            yield path, self.along(path, self.adjoints[path[-1]])
            return
        after = self._after(path[-1])
        while len(after) == 1 and after[0] != self.route.target:
            path = (*path, after[0])
            after = self._after(path[-1])
        sent = {name: self.along((*path, name), self.adjoints[name]) for name in after}
        scale = max([scale, *(float(value.abs().max()) for value in sent.values())])
        for name, value in sent.items():
            if float(value.abs().max()) > TINY * scale:
                yield from self._paths((*path, name), scale)

    def _label(self, path: tuple[str, ...], paths: list[tuple[str, ...]]) -> str:
        """Return words for a path: through the smallest value that is on no other path."""
        others = [other for other in paths if other != path]
        own = [name for name in path[1:] if not any(name in other for other in others)]
        if not others:
            return f"straight from `{path[-1]}`"
        if not own:
            edges = {edge for other in others for edge in pairwise(other)}
            low, high = next((edge for edge in pairwise(path) if edge not in edges), (path[0], path[-1]))
            text = {path[0]: f"`{path[0]}`"} | {name: node.text for name, node in self.nodes.items()}
            return f"straight from {text[high]} to {text[low]}"
        # Of values of one size, one with a name is easier to find than an expression.
        best = min(own, key=lambda name: (self.values[name].numel(), self.nodes[name].text != f"`{name}`"))
        return f"through {self.nodes[best].text}"

    def _lines(self, path: tuple[str, ...], pairs: list[tuple[tuple[str, ...], Tensor]]) -> tuple[Line, ...]:
        """Return the lines that no other path goes through, else all of the path's lines."""
        others = [other for other, _ in pairs if other != path]
        own = [name for name in path[1:] if not any(name in other for other in others)]
        return tuple(dict.fromkeys(self.nodes[name].line for name in own or path[1:]))


@lru_cache(maxsize=100)
def _nodes(route: Route) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for line in route.lines:
        _Splitter(nodes, {route.tensor, *nodes}, line).take()
    return nodes


class _Splitter(ast.NodeTransformer):
    """Splits a line into operations: each one that depends on the tensor becomes a node."""

    def __init__(self, nodes: dict[str, Node], alive: set[str], line: Line) -> None:
        self.nodes, self.alive, self.line = nodes, alive, line
        self.within = ""

    def take(self) -> None:
        target, tree = self.line.target, ast.parse(self.line.source).body[0]
        assert isinstance(tree, ast.Assign)
        last = self.visit(tree.value)
        made = self.nodes.pop(last.id, None) if isinstance(last, ast.Name) else None
        source, inputs = (made.source, made.inputs) if made else (ast.unparse(last), self._inputs(last))
        self.nodes[target] = Node(target, f"`{target}`", source, inputs, self.line)

    def visit(self, node: ast.AST) -> Any:
        if not isinstance(node, ast.expr) or not self._inputs(node):
            return node
        text = f"`{ast.unparse(node)}`"
        match node:
            case ast.Call(func, [x, y], []) if ast.unparse(func).rpartition(".")[2] in MADE_OF:
                made = MADE_OF[ast.unparse(func).rpartition(".")[2]].format(ast.unparse(x), ast.unparse(y))
                self.within = f" (in {text})"
                whole = self.visit(ast.parse(made, mode="eval").body)
                self.within = ""
                return whole
            case ast.BinOp() | ast.UnaryOp():
                self.generic_visit(node)
            case ast.Call(ast.Attribute(base) as func):
                func.value = self.visit(base)
                self._arguments(node)
            case ast.Call():
                self._arguments(node)
            case ast.Attribute(ast.Call(ast.Attribute(base) as func)):  # a part of what a call returns
                func.value = self.visit(base)
            case ast.Attribute(base) | ast.Subscript(base):
                node.value = self.visit(base)
            case _:
                return node
        name = f"_{len(self.nodes)}_{len(self.alive)}"
        self.nodes[name] = Node(name, text + self.within, ast.unparse(node), self._inputs(node), self.line)
        self.alive.add(name)
        return ast.Name(name, ast.Load())

    def _arguments(self, call: ast.Call) -> None:
        for number, argument in enumerate(call.args):
            if isinstance(argument, ast.List | ast.Tuple):  # of torch.cat, torch.stack
                argument.elts = [self.visit(entry) for entry in argument.elts]
            else:
                call.args[number] = self.visit(argument)

    def _inputs(self, node: ast.AST) -> tuple[str, ...]:
        found = [part.id for part in ast.walk(node) if isinstance(part, ast.Name) and part.id in self.alive]
        return tuple(dict.fromkeys(found))
