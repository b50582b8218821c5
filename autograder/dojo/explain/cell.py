"""A student's cell as a tree, with the values of its parts, and the words from which it can be mended.

A cell is not run here: evaluate.py computes what it would give.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import torch

from .evaluate import Changes, Evaluation
from .fit import distance, largest
from .forward import Line, Route, Scene, Tensor, double, in_float64, pulled_back

MOST_NODES = 400  # a cell of the course has up to 120; a longer one would take too long to mend

EACH = 10_000  # the cost of one operation, in elements: it takes as long as so many elements do
COST = 2_000_000_000  # what may be spent on one cell, about a second
MOVED = 0.03  # how far a parameter is moved from trial to trial, relative to its largest element
SAME = 1e-3  # how far float32 may be from float64 in a notebook, relative to the largest element
ROUNDED = 1e-6  # the same, relative to the largest number on the way
# Fused functions, with what their derivatives are made of. x: the argument, axis: the second one.
FUSED = ("softmax", "log_softmax", "logsumexp", "cross_entropy")
OF_FUSED = ("torch.softmax({x}, {axis})", "({x}).exp()", "({x}).exp().sum({axis}, keepdim=True)")


@dataclass(frozen=True)
class Trial:
    """One set of numbers on which a cell is tried.

    scene: of the tensor whose gradient it makes. names: the variables that the cell can read. found: what it gave.
    total: the right gradient. public: whether it has the notebook's own sizes. close: how far two equal formulas may
    be apart.
    """

    scene: Scene
    names: Mapping[str, Any]
    found: Tensor
    total: Tensor
    public: bool = True
    close: float = 1e-9


class Watching(Evaluation):
    """An evaluation that keeps the last value of every expression."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        super().__init__(names)
        self.seen: dict[ast.AST, Any] = {}
        self.cost = 1

    def value(self, node: Any) -> Any:
        """Return the value of an expression, and keep it."""
        found = self.seen[node] = super().value(node)
        self.cost += EACH + (found.numel() if isinstance(found, Tensor) else 0)
        return found


@dataclass(frozen=True)
class StudentCell:
    """The code of one gradient.

    body: its statements. name: the variable it makes. trial: the smallest one. values: of every expression on it. cost:
    of evaluating it once.
    """

    body: list[ast.stmt]
    name: str
    trial: Trial
    values: Mapping[ast.AST, Any] = field(default_factory=dict)
    cost: int = 1

    @classmethod
    def read(cls, source: str, name: str, trial: Trial) -> StudentCell | None:
        """Return the cell; None where it cannot be evaluated or does not give what was found."""
        try:
            body = statements(source, name, trial.names)
            if sum(1 for statement in body for _ in ast.walk(statement)) > MOST_NODES:
                return None
            watching = Watching(trial.names)
            with double():
                watching.run(body)
            given = watching.names.get(name)
        except Exception:  # what a student's code does is not known; nothing is claimed then
            return None
        if not isinstance(given, Tensor) or given.shape != trial.found.shape:
            return None
        return cls(body, name, trial, watching.seen, watching.cost)

    def affordable(self, most: int) -> int:
        """Return how many changes can be tried, at most `most`: fewer of a cell with long loops or large tensors."""
        return min(most, COST // self.cost)

    def result(self, trial: Trial, changes: Changes) -> Tensor | None:
        """Return what the cell gives with these changes; None where that fails."""
        evaluation = Evaluation(trial.names, changes, self._unchanged(changes) if trial is self.trial else None)
        try:
            evaluation.run(self.body)
        except Exception:  # a change may make no sense
            return None
        found = evaluation.names.get(self.name)
        return found if isinstance(found, Tensor) else None

    def _unchanged(self, changes: Changes) -> Mapping[ast.AST, Any] | None:
        """Return the values that are still known with these changes; None where a statement works in place."""
        if not self.is_plain or any(isinstance(node, ast.stmt) for node in changes):
            return None
        touched: set[ast.AST] = set()
        waiting = list(changes)
        while waiting:
            node: ast.AST | None = waiting.pop()
            while node is not None and node not in touched:
                touched.add(node)
                if isinstance(node, ast.Assign):
                    waiting += self.readers.get(node.targets[0].id, [])  # type: ignore[attr-defined]
                node = self.parents.get(node)
        return {node: value for node, value in self.values.items() if node not in touched}

    @cached_property
    def is_plain(self) -> bool:
        """Whether all statements assign a new name each, and nothing is changed in place."""
        targets = [statement.targets[0] for statement in self.body if isinstance(statement, ast.Assign)]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        loops = ast.ListComp | ast.GeneratorExp
        return len(names) == len(self.body) and not any(
            isinstance(node, loops) or _works_in_place(node) for top in self.body for node in ast.walk(top)
        )

    @cached_property
    def readers(self) -> dict[str, list[ast.AST]]:
        """The places where each name is read."""
        found: dict[str, list[ast.AST]] = {}
        for top in self.body:
            for node in ast.walk(top):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    found.setdefault(node.id, []).append(node)
        return found

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The parent of every node."""
        return {child: node for top in self.body for node in ast.walk(top) for child in ast.iter_child_nodes(node)}

    @cached_property
    def nodes(self) -> list[ast.expr]:
        """The expressions whose values are known, from the outside inwards; no targets of assignments."""
        found = [node for top in self.body for node in ast.walk(top) if isinstance(node, ast.expr)]
        return [node for node in found if _is_number(self.values.get(node)) and not self._is_measured(node)]

    def _is_measured(self, node: ast.expr) -> bool:
        """Return whether only the size of a tensor is taken: `x` of `x.shape[0]` and of `torch.zeros_like(x)`."""
        parent = self.parents.get(node)
        if self._in_exponent(node):
            return True
        match parent:
            case ast.Attribute(_, "shape" | "numel" | "size" | "nelement" | "dtype"):
                return isinstance(self.values.get(node), Tensor)
            case ast.Call(ast.Attribute(_, "zeros_like" | "ones_like")) | ast.Call(ast.Name("len")):
                return True
            case ast.Call() | ast.keyword() | ast.Tuple() | ast.Slice() | ast.Subscript():
                return isinstance(node, ast.Constant) or (
                    isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)
                )  # an axis or an index
        return False

    def _in_exponent(self, node: ast.AST) -> bool:
        parent = self.parents.get(node)
        while isinstance(node, ast.expr) and isinstance(parent, ast.expr):
            if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and parent.right is node:
                return True
            node, parent = parent, self.parents.get(parent)
        return False

    @cached_property
    def same(self) -> dict[str, list[ast.expr]]:
        """The expressions by their text."""
        found: dict[str, list[ast.expr]] = {}
        for node in self.nodes:
            found.setdefault(ast.unparse(node), []).append(node)
        return found

    @cached_property
    def arriving(self) -> dict[str, Route]:
        """The names of the gradients that arrive, each with its route."""
        return {f"d{route.target}": route for route in self.trial.scene.routes}

    def is_gradient(self, name: str) -> bool:
        """Return whether a name is that of a gradient: `dh` beside `h`."""
        return name.startswith("d") and name[1:] in self.trial.names

    @cached_property
    def line_names(self) -> list[str]:
        """The names of the forward lines around the tensor, gradients first: what the right cell is made of."""
        scene = self.trial.scene
        found = [*self.arriving, *(route.target for route in scene.routes), scene.tensor]
        for route in scene.routes:
            for line in route.lines:
                found += [*sorted(line.uses), line.target]
        return [name for name in dict.fromkeys(found) if _is_number(self.trial.names.get(name))]

    @cached_property
    def all_names(self) -> list[str]:
        """Those names, and then the names of all other tensors."""
        others = sorted(k for k, v in self.trial.names.items() if isinstance(v, Tensor) and not k.startswith("_"))
        return list(dict.fromkeys([*self.line_names, *others]))

    @cached_property
    def slopes(self) -> list[ast.Name]:
        """The derivatives of the functions of the lines, as names."""
        return [ast.Name(name, ast.Load()) for name in slopes_of(self.trial.scene) if name in self.trial.names]

    def words(self, tree: ast.expr) -> str:
        """Return how a sentence calls a part of the lines, or a derivative."""
        if isinstance(tree, ast.Name) and tree.id.startswith("_"):
            return f"the derivative of `{slopes_of(self.trial.scene)[tree.id].text}`"
        return f"`{ast.unparse(tree)}`"

    @cached_property
    def known(self) -> dict[str, tuple[ast.expr, Any]]:
        """What the right cell may hold: parts of the forward lines, by text, with their values on this trial."""
        scene, found = self.trial.scene, {}
        texts: list[str] = list(self.line_names)
        for route in scene.routes:
            for line in route.lines:
                tree = ast.parse(line.source).body[0]
                assert isinstance(tree, ast.Assign)
                parts = [node for node in ast.walk(tree.value) if isinstance(node, ast.expr)]
                texts += [ast.unparse(node) for node in reversed(parts) if not _is_trivial(node)]
                texts += [text for node in parts for text in _of_fused(node)]
            for name in (route.target, scene.tensor):
                value = scene.names[name]
                texts += [f"{name}.shape[{axis}]" for axis in range(value.dim()) if value.shape[axis] > 1]
                texts += [f"{name}.numel()"] if value.dim() > 1 else []
            out = scene.names[route.target]
            texts += [f"d{route.target}.sum({axis}, keepdim=True)" for axis in range(out.dim()) if out.dim() > 1]
        for text in dict.fromkeys(texts):
            try:
                expression = ast.parse(text, mode="eval").body
                value = Evaluation(self.trial.names).value(expression)
            except Exception:  # a part that is no number by itself
                continue
            if _is_number(value):
                found[ast.unparse(expression)] = (expression, value)
        return found


@dataclass(frozen=True)
class Slope:
    """A function of one value in the lines of a route.

    text: as it is written. source: the same over `_x`. at: its argument.
    """

    text: str
    source: str
    at: str


def slopes_of(scene: Scene) -> dict[str, Slope]:
    """Return the functions of one value in the scene's lines, by names for their derivatives."""
    return _slopes(scene.routes, scene.tensor)


@lru_cache(maxsize=100)
def _slopes(routes: tuple[Route, ...], tensor: str) -> dict[str, Slope]:
    found = []
    for route in routes:
        if len(route.lines) == 1:
            body = route.lines[0].source.partition("=")[2].strip()
            found.append(Slope(route.lines[0].source, _with_x(body, tensor), tensor))
        for line in route.lines:
            for node in ast.walk(ast.parse(line.source)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    base = node.func.value
                    inner = node.args[0] if node.args and ast.unparse(base) in ("torch", "F") else base
                    text, at = ast.unparse(node), ast.unparse(inner)
                    if inner is base:
                        node.func.value = ast.Name("_x", ast.Load())
                    else:
                        node.args[0] = ast.Name("_x", ast.Load())
                    found.append(Slope(text, ast.unparse(node), at))
    return {f"_slope{number}": slope for number, slope in enumerate(found)}


def _with_x(source: str, name: str) -> str:
    tree = ast.parse(source, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name:
            node.id = "_x"
    return ast.unparse(tree)


def with_slopes(trial: Trial) -> Trial:
    """Return the trial with the derivatives of its scene's functions as further names, where they are elementwise."""
    found: dict[str, Any] = {}
    for name, slope in slopes_of(trial.scene).items():
        try:
            given = {key: in_float64(value) for key, value in trial.scene.names.items()}
            x = in_float64(eval(slope.at, dict(given))).clone().requires_grad_()  # a line of the exercise
            with torch.enable_grad():
                y = eval(slope.source, {**given, "_x": x})
                # PyTorch frees the graph after each use.
                ones = pulled_back(eval(slope.source, {**given, "_x": x}), x, torch.ones_like(y))
                slanted = torch.linspace(1, 2, y.numel(), dtype=torch.float64).reshape(y.shape)
                there = pulled_back(y, x, slanted)
        except Exception:  # no function of one value
            continue
        if y.shape == x.shape and ones is not None and there is not None and torch.allclose(there, ones * slanted):
            found[name] = ones.detach()
    return replace(trial, names={**trial.names, **found})


def evaluated(source: str, name: str, names: Mapping[str, Any]) -> Tensor | None:
    """Return what a cell's code gives for a variable; None where it cannot be evaluated."""
    try:
        with double(), torch.no_grad():
            evaluation = Evaluation(names)
            evaluation.run(statements(source, name, names))
    except Exception:  # what a student's code does is not known
        return None
    found = evaluation.names.get(name)
    return found if isinstance(found, Tensor) else None


def gives(source: str, name: str, names: Mapping[str, Any], found: Tensor) -> bool:
    """Return whether a cell's code gives what was found in float32, up to rounding."""
    try:
        with double(), torch.no_grad():
            watching = Watching(names)
            watching.run(statements(source, name, names))
    except Exception:  # what a student's code does is not known
        return False
    made = watching.names.get(name)
    if not isinstance(made, Tensor) or made.shape != found.shape:
        return False
    # Terms may cancel, so rounding is relative to the largest number on the way.
    tensors = [value for value in watching.seen.values() if isinstance(value, Tensor) and value.is_floating_point()]
    return distance(made.double(), found) <= max(SAME * largest(made), ROUNDED * max(map(largest, tensors), default=0))


def statements(source: str, name: str, names: Mapping[str, Any]) -> list[ast.stmt]:
    """Return the statements of a cell that its variable depends on, from the last on that makes it anew.

    names: what is known without the cell. Raises SyntaxError where the code is no Python.
    """
    needed: set[str] = {name}
    kept: list[ast.stmt] = []
    for statement in reversed(ast.parse(source).body):
        changed = _changed(statement)
        if not changed & needed:
            continue
        kept.insert(0, statement)
        read = {part.id for part in ast.walk(statement) if isinstance(part, ast.Name)}
        needed |= {other for other in read if other not in names}
        anew = isinstance(statement, ast.Assign) and any(isinstance(t, ast.Name) for t in statement.targets)
        if anew and isinstance(statement, ast.Assign):
            inner = {part.id for part in ast.walk(statement.value) if isinstance(part, ast.Name)}
            needed -= changed - inner
        if not needed - set(names):
            break
    return kept


def _works_in_place(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.endswith("_")


def assigns(source: str, name: str) -> bool:
    """Return whether a cell assigns a variable, or changes it in place."""
    try:
        return any(name in _changed(statement) for statement in ast.parse(source).body)
    except (SyntaxError, ValueError):  # a magic, or no Python
        return False


def _changed(statement: ast.stmt) -> set[str]:
    """Return the names that a statement assigns, or changes in place."""
    found: set[str] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Name(name, ast.Store()):
                found.add(name)
            case ast.Subscript(base, _, ast.Store()) | ast.Call(ast.Attribute(base, _)):
                while isinstance(base, ast.Subscript | ast.Attribute | ast.Call):
                    base = base.func if isinstance(base, ast.Call) else base.value
                if isinstance(base, ast.Name) and (not isinstance(node, ast.Call) or _works_in_place(node)):
                    found.add(base.id)
    return found


def forward_in_float64(
    names: Mapping[str, Any], lines: Sequence[Line], free: Collection[str] = (), seed: int = 0
) -> dict[str, Any]:
    """Return the tensors of a forward pass, run again in float64; {} where that fails.

    free: names of parameters, which are moved at random first, and are returned too.
    """
    values, source = dict(names), torch.Generator().manual_seed(seed)
    for name in free:
        step = torch.randn(values[name].shape, generator=source, dtype=torch.float64)
        values[name] = values[name] + MOVED * largest(values[name]) * step
    try:
        with double(), torch.no_grad():
            for line in lines:
                exec(line.source, values)  # a line of the exercise
    except Exception:  # the names have changed since it was run
        return {}
    return {name: values[name].detach() for name in (*free, *(line.target for line in lines))}


def with_random_upstream(scene: Scene, seed: int, known: Collection[str]) -> Scene:
    """Return the scene in float64, with other gradients arriving: independent random ones.

    known: the names of the gradients that code can read; what it cannot, the loss's own 1 for instance, stays.
    """
    source = torch.Generator().manual_seed(seed)
    upstream = {}
    for name, value in scene.upstream.items():
        other = torch.randn(value.shape, generator=source, dtype=torch.float64)
        upstream[name] = other if f"d{name}" in known else in_float64(value)
    names = {name: in_float64(value) for name, value in scene.names.items()}
    return Scene(scene.tensor, scene.routes, names, upstream)


def _is_number(value: Any) -> bool:
    return isinstance(value, Tensor | int | float) and not isinstance(value, bool)


def _is_trivial(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Constant) and node.value in (0, 1))


def _of_fused(node: ast.expr) -> Iterator[str]:
    """Yield what the derivative of a fused function is made of."""
    match node:
        case ast.Call(ast.Attribute(base, name), args, keywords) if name in FUSED:
            module = ast.unparse(base) in ("torch", "F")
            x, rest = ast.unparse(args[0] if module else base), args[1:] if module else args
            axis = next((ast.unparse(k.value) for k in keywords if k.arg == "dim"), "1")
            if name == "cross_entropy":
                yield f"{x}.shape[0]"
                yield f"F.one_hot({ast.unparse(rest[0])}, {x}.shape[1])"
            elif rest:
                axis = ast.unparse(rest[0])
            for text in OF_FUSED:
                yield text.format(x=x, axis=axis)
