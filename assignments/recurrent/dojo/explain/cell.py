"""A student's cell as a tree, with the values of its parts, and the words from which it can be mended.

A cell is not run here: evaluate.py computes what it would give.
"""

from __future__ import annotations

import ast
import contextlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from .evaluate import Changes, Evaluation
from .fit import distance, largest, serves
from .forward import Route, Scene, Tensor, double
from .statements import statements, works_in_place
from .words import slopes_of, texts_of

MOST_NODES = 400  # a cell of the course has up to 120; a longer one would take too long to mend
COST = 2_000_000_000  # what may be spent on one cell, about a second


@dataclass(frozen=True)
class Trial:
    """One set of numbers on which a cell is tried.

    scene: of the tensor whose gradient it makes. names: the variables that the cell can read. found: what it gave.
    total: the right gradient. public: whether it has the notebook's own sizes. close: how far two equal formulas may
    be apart. raised: whether the cell raised, so that it gave nothing.
    """

    scene: Scene
    names: Mapping[str, Any]
    found: Tensor
    total: Tensor
    public: bool = True
    close: float = 1e-9
    raised: bool = False


class Watching(Evaluation):
    """An evaluation that keeps the last value of every expression."""

    def __init__(self, names: Mapping[str, Any], until: float = math.inf) -> None:
        super().__init__(names, until=until)
        self.seen: dict[ast.AST, Any] = {}

    def value(self, node: Any) -> Any:
        """Return the value of an expression, and keep it."""
        found = self.seen[node] = super().value(node)
        return found


@dataclass(frozen=True)
class StudentCell:
    """The code of one gradient.

    body: its statements. name: the variable it makes. trial: the smallest one. values: of every expression on it. cost:
    of evaluating it once. until: when to give up, in this thread's processor time.
    """

    body: list[ast.stmt]
    name: str
    trial: Trial
    values: Mapping[ast.AST, Any] = field(default_factory=dict)
    cost: int = 1
    until: float = math.inf

    @classmethod
    def read(cls, source: str, name: str, trial: Trial, until: float = math.inf) -> StudentCell | None:
        """Return the cell; None where it cannot be evaluated or does not give what was found."""
        try:
            body = statements(source, name, trial.names)
        except Exception:  # no Python
            return None
        return cls.of(body, name, trial, until)

    @classmethod
    def of(cls, body: list[ast.stmt], name: str, trial: Trial, until: float = math.inf) -> StudentCell | None:
        """Return the cell of these statements; None where they cannot be evaluated or do not give what was found."""
        try:
            if sum(1 for statement in body for _ in ast.walk(statement)) > MOST_NODES:
                return None
            watching = Watching(trial.names, until)
            with double(), contextlib.suppress(RuntimeError, IndexError) if trial.raised else contextlib.nullcontext():
                watching.run(body)
                trial = replace(trial, raised=False)
            given = watching.names.get(name)
        except Exception:  # what a student's code does is not known; nothing is claimed then
            return None
        if trial.raised:
            for node in (node for statement in body for node in ast.walk(statement)):
                if isinstance(node, ast.Name) and isinstance(trial.names.get(node.id), Tensor):
                    watching.seen.setdefault(node, trial.names[node.id])  # what was not reached
            return cls(body, name, trial, watching.seen, max(1, watching.cost), until)
        if not isinstance(given, Tensor) or given.shape != trial.found.shape:
            return None
        return cls(body, name, trial, watching.seen, max(1, watching.cost), until)

    @property
    def is_late(self) -> bool:
        """Whether the time is over."""
        return time.thread_time() > self.until

    def affordable(self, most: int) -> int:
        """Return how many changes can be tried, at most `most`: fewer of a cell with long loops or large tensors."""
        return min(most, COST // self.cost)

    def result(self, trial: Trial, changes: Changes) -> Tensor | None:
        """Return what the cell gives with these changes; None where that fails."""
        known = self._unchanged(changes) if trial is self.trial else None
        evaluation = Evaluation(trial.names, changes, known, self.until)
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

        def touch(node: ast.AST | None) -> None:
            while node is not None and node not in touched:
                touched.add(node)
                node = self.parents.get(node)

        for node in changes:
            touch(node)
        other: set[str] = set()  # names that hold another value than before
        for statement, target, reads in self.flow:
            for name in reads if other else ():
                if name.id in other:
                    touch(name)
            (other.add if statement in touched else other.discard)(target)
        return {node: value for node, value in self.values.items() if node not in touched}

    @cached_property
    def is_plain(self) -> bool:
        """Whether all statements assign a name each, and nothing is changed in place."""
        named = [isinstance(top, ast.Assign) and isinstance(top.targets[0], ast.Name) for top in self.body]
        loops = ast.ListComp | ast.GeneratorExp | ast.Lambda
        return all(named) and not any(
            isinstance(node, loops) or works_in_place(node) for top in self.body for node in ast.walk(top)
        )

    @cached_property
    def flow(self) -> list[tuple[ast.stmt, str, list[ast.Name]]]:
        """Each statement of a plain cell, with the name that it assigns and the names that it reads."""
        return [
            (top, top.targets[0].id, [n for n in ast.walk(top.value) if isinstance(n, ast.Name)])  # type: ignore[attr-defined]
            for top in self.body
        ]

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The parent of every node."""
        return {child: node for top in self.body for node in ast.walk(top) for child in ast.iter_child_nodes(node)}

    @cached_property
    def all_nodes(self) -> list[ast.AST]:
        """All nodes, from the outside inwards in each statement; functions last, whose names are their own."""
        tops = sorted(self.body, key=lambda top: isinstance(top, ast.FunctionDef))
        return [node for top in tops for node in ast.walk(top)]

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """All statements, those in loops among them."""
        return [node for node in self.all_nodes if isinstance(node, ast.stmt)]

    @cached_property
    def nodes(self) -> list[ast.expr]:
        """The expressions whose values are known, from the outside inwards; no targets of assignments."""
        found = [node for node in self.all_nodes if isinstance(node, ast.expr)]
        return [node for node in found if is_number(self.values.get(node)) and not self._is_measured(node)]

    def _is_measured(self, node: ast.expr) -> bool:
        """Return whether only the size of a tensor is taken: `x` of `x.shape[0]` and of `torch.zeros_like(x)`."""
        parent = self.parents.get(node)
        if self._in_exponent(node):
            return True
        match parent:
            case ast.Subscript(base, _, ast.Store()) if base is node:  # what is written to, not what is read
                return True
            case ast.Attribute(_, "shape" | "numel" | "size" | "nelement" | "dtype"):
                return isinstance(self.values.get(node), Tensor)
            case ast.Call(ast.Attribute(_, "zeros_like" | "ones_like" | "empty_like")) | ast.Call(ast.Name("len")):
                return True
            case ast.Call(ast.Attribute(_, "where"), [_, *branches]) if node in branches:
                return False
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
        return [name for name in dict.fromkeys(found) if is_number(self.trial.names.get(name))]

    @cached_property
    def own_names(self) -> frozenset[str]:
        """The names that the cell makes itself, beside its gradient."""
        made = {node.id for node in self.all_nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        return frozenset(made - {self.name} - self.trial.names.keys())

    @cached_property
    def all_names(self) -> list[str]:
        """Those names, and then the names of all other tensors."""
        others = sorted(k for k, v in self.trial.names.items() if isinstance(v, Tensor) and not k.startswith("_"))
        return list(dict.fromkeys([*self.line_names, *others]))

    @cached_property
    def slopes(self) -> list[ast.Name]:
        """The derivatives of the functions of the lines, as names."""
        return [ast.Name(name, ast.Load()) for name in slopes_of(self.trial.scene) if name in self.trial.names]

    def is_call(self, slope: ast.Name) -> bool:
        """Return whether a derivative is that of a call, such as a tanh, and of no operator."""
        return isinstance(ast.parse(slopes_of(self.trial.scene)[slope.id].source, mode="eval").body, ast.Call)

    def words(self, tree: ast.expr) -> str:
        """Return how a sentence calls a part of the lines, or a derivative."""
        if isinstance(tree, ast.Name) and tree.id.startswith("_"):
            return f"the derivative of `{slopes_of(self.trial.scene)[tree.id].text}`"
        return f"`{ast.unparse(tree)}`"

    @cached_property
    def known(self) -> dict[str, tuple[ast.expr, Any]]:
        """What the right cell may hold: parts of the forward lines, by text, with their values on this trial."""
        found = {}
        for text in dict.fromkeys([*self.line_names, *texts_of(self.trial.scene), *self._widened()]):
            try:
                expression = ast.parse(text, mode="eval").body
                value = Evaluation(self.trial.names, until=self.until).value(expression)
            except Exception:  # a part that is no number by itself
                continue
            if is_number(value):
                found[ast.unparse(expression)] = (expression, value)
        return found

    def _widened(self) -> list[str]:
        """The tensors of the lines that have fewer axes than the gradient, with axes of size 1 for those they lack."""
        most = self.trial.total.dim()
        found = []
        for name in self.line_names:
            value = self.trial.names[name]
            if isinstance(value, Tensor) and 0 < value.dim() < most:
                found += [f"{name}[{':, ' * value.dim()}{', '.join(['None'] * (most - value.dim()))}]"]
                found += [f"{name}[:, None]"] if (value.dim(), most) == (2, 3) else []
        return found


def is_right(found: Tensor | None, trial: Trial) -> bool:
    """Return whether a tensor is the right gradient of a trial."""
    if found is None or not serves(found, trial.total):
        return False
    return distance(found.double(), trial.total) <= trial.close * largest(trial.total)


def is_number(value: Any) -> bool:
    """Return whether a value is a tensor or a number, and no truth value."""
    return isinstance(value, Tensor | int | float) and not isinstance(value, bool)
