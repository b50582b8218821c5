"""Tell whether code goes around autograd's engine, which the guard watches while it runs.

A list of words is no proof (docs/decisions/2-deny-list.md); what it misses is flagged (vocabulary.py). It stays out of
what students get.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from autograder.dojo.trial.code import KEPT, nodes_of, related

# Ways to a gradient that do not pass through autograd's engine: a graph's nodes called by hand, PyTorch's own
# backward kernels, and whatever reaches around the engine that the guard watches, or for the guard.
AROUND_THE_ENGINE = frozenset(
    {"grad_fn", "next_functions", "_execution_engine", "_ImperativeEngine", "_C", "_VF", "_unpack_dual", "autograder"}
)


def evades(
    cells: Mapping[int, str], own: Iterable[int], name: str = "", recorded: Mapping[str, int] = MappingProxyType({})
) -> bool:
    """Return whether a step's own cells, or cells that define names they use, go around autograd's engine.

    cells: the code of all the student's cells, by index. own: the indices of the step's own. name: its d-variable,
    which another cell may define. recorded: after which cell each d-variable is recorded; how another's came
    about until then is its own affair.
    """
    suspects = {index for index, source in cells.items() if _goes_around(source)}
    return bool(suspects) and bool(suspects & related(cells, own, name, recorded))


@functools.lru_cache(maxsize=KEPT)  # every step asks about the same cells
def _goes_around(source: str) -> bool:
    # Whatever is written in these words has them in its text; most cells have none and need no parsing.
    if not any(word in source for word in (*AROUND_THE_ENGINE, "_backward")):
        return False
    nodes = list(nodes_of(source))
    shown = {id(node) for parent in nodes for node in _shown(parent)}
    return any(_around(node) for node in nodes if id(node) not in shown)


def _shown(node: ast.AST) -> list[ast.expr]:
    """Return what a node only puts on the screen: print(h.grad_fn) is how one learns of graphs."""
    match node:
        case ast.Call(ast.Name("print" | "repr" | "str" | "type"), shown):
            return [value for value in shown if isinstance(value, ast.Attribute)]
        case ast.Expr(ast.Attribute() as value) | ast.FormattedValue(ast.Attribute() as value):
            return [value]
    return []


def _around(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=name) | ast.alias(name=name) | ast.ImportFrom(module=str(name)):
            parts = name.split(".")
            return not AROUND_THE_ENGINE.isdisjoint(parts) or parts[-1].endswith(("_backward", "_backward_data"))
        case ast.Name(name):  # a function of the student's own may be called linear_backward
            return name in AROUND_THE_ENGINE
        case ast.Constant(str(text)):  # getattr(x, "grad_fn")
            return text in AROUND_THE_ENGINE or (text.isidentifier() and text.endswith("_backward"))
    return False
