"""Find in locked code what hidden cases will stumble over: sizes as numbers, precisions, parameters nobody reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from autograder.author.finding import Finding, cell_name, error, warning
from autograder.exercise.cells import has_tag, is_locked
from autograder.exercise.notebook import Exercise
from autograder.reference.cases import fixed, parameters

PRECISIONS = frozenset({"float32", "float64", "float16", "bfloat16", "float", "double", "half"})
CASTS = frozenset({"float", "double", "half", "bfloat16"})  # methods of a tensor that fix its precision
ANY_PRECISION = ".to(torch.get_default_dtype())"


def setup_findings(notebook: Any, exercise: Exercise) -> Iterator[Finding]:
    """Yield what hidden cases of other sizes, seeds and precision will stumble over."""
    values = parameters(exercise)
    sizes = {n: v for n, v in values.items() if type(v) is int and v > 2 and "seed" not in n.lower()}
    sizes = {name: value for name, value in sizes.items() if name not in fixed(exercise)}
    read: set[str] = set()
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not is_locked(cell):
            continue
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:
            continue  # magics; running it says more
        where = cell_name(notebook, index)
        if has_tag(cell, "parameters"):
            yield from _parameters(where, tree, values)
            continue
        read |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if cell.source in exercise.setup or has_tag(cell, "forward"):
            yield from _precisions(where, tree)
            yield from _literals(where, tree, sizes)
    for name, value in values.items():
        seed = "seed" in name.lower()
        if name not in read and type(value) is int and (seed or value > 1):
            why = "hidden cases would all have the same data" if seed else "no hidden case can change it"
            yield error("parameters", f"{name} is read by no locked cell, so {why}; use it in setup or take it out")


def _parameters(where: str, tree: ast.Module, values: dict[str, Any]) -> Iterator[Finding]:
    for node in tree.body:
        if isinstance(node, ast.Assert) or (isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)):
            continue
        if isinstance(node, ast.Assign) and _is_number(node.value):
            continue
        written = ast.unparse(node)
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
        if names & values.keys():
            cure = "a case's sizes are set after this cell; move the line to setup"
        else:
            cure = "no hidden case can change it; write `name = number`, or move the line to setup"
        yield error(where, f"`{written}` is no plain number, so {cure}")


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)


def _precisions(where: str, tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        found = None
        if isinstance(node, ast.keyword) and node.arg == "dtype" and _name(node.value) in PRECISIONS:
            found = f"dtype={ast.unparse(node.value)}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = node.func.attr
            cast = called in ("to", "type") and any(_name(part) in PRECISIONS for part in node.args)
            if cast or called == "set_default_dtype" or (called in CASTS and not node.args):
                found = ast.unparse(node)
        if found is not None:
            yield error(
                where,
                f"`{found}` fixes a precision, and hidden cases run in float64; leave it out, or write {ANY_PRECISION}",
            )


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _literals(where: str, tree: ast.Module, sizes: dict[str, int]) -> Iterator[Finding]:
    # Exponents, and fractions such as 5 / 3, are no sizes.
    other = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp)
        for part in (node.left, node.right)
        if (isinstance(node.op, ast.Pow) and part is node.right)
        or (isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant))
    }
    said: set[int] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or type(node.value) is not int or id(node) in other:
            continue
        names = [name for name, value in sizes.items() if value == node.value]
        if names and node.value not in said:
            said.add(node.value)
            yield warning(
                where, f"has the number {node.value}, as {' and '.join(names)} has; where it is that, write the name"
            )
