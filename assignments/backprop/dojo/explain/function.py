"""Explain a wrong value: the course's own cell runs a student's function, and what has to change in that is found.

The function is evaluated, not run (evaluate.py); only the course's cell is executed.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from types import FunctionType
from typing import Any

import torch

from . import edit_names, edit_order, edit_statements, edit_terms
from .cell import StudentCell, Trial, Watching
from .evaluate import Changes, Evaluation
from .fit import distance, largest
from .forward import Scene, Tensor, double
from .sentences import Explanation

SHORT = 3  # steps of a run that are done again for each change: enough for a mistake to show
CELLS = ("__main__", "builtins", None)  # what Python calls the module of a function that a cell defines
TRIED = 400  # changes that are tried, a few milliseconds each
ORDER = (
    edit_statements.assignments,
    edit_terms.signs,
    edit_terms.surplus_factors,
    edit_statements.parts,
    edit_terms.surplus_terms,
    edit_names.names,
    edit_order.operators,
    edit_order.brackets,
    edit_statements.loops,
    edit_terms.missing_factors,
    edit_terms.missing_powers,
    edit_names.numbers,
)


@dataclass(frozen=True)
class Course:
    """One set of numbers on which a value is made.

    run: the course's cell that makes it. variable: its name. names: what is known before. found, expected: the values.
    """

    run: str
    variable: str
    names: Mapping[str, Any]
    found: Tensor
    expected: Tensor


def reason_of_value(source: str, courses: Sequence[Course]) -> Explanation | None:
    """Explain what has to change in a function so that the course's cell makes the right value; None where unknown."""
    try:
        exact = all(course.expected.dtype == torch.float64 for course in courses)
        with warnings.catch_warnings(), double() if exact else nullcontext(), torch.no_grad():
            warnings.simplefilter("ignore")
            return _reason(source, [_short(course) for course in courses])
    except Exception:  # what a student's code does is not known
        return None


def functions_of(source: str) -> list[tuple[str, str]]:
    """Return the functions that a cell defines, as (name, code)."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):  # a magic, or no Python
        return []
    return [(node.name, ast.unparse(node)) for node in body if isinstance(node, ast.FunctionDef)]


def assigns_inside(source: str, name: str) -> bool:
    """Return whether a cell assigns a name, in a block too."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        return False
    return any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in nodes)


def _reason(source: str, courses: Sequence[Course]) -> Explanation | None:
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1 or not courses:
        return None
    made = [_made(functions[0], course, {}) for course in courses]
    if not all(_same(one, course.found) for one, course in zip(made, courses, strict=True)):
        return None
    if all(_same(course.found, course.expected) for course in courses):
        return None
    cell = _cell(functions[0], courses[0])
    for edit in islice(chain.from_iterable(make(cell) for make in ORDER), TRIED):
        if all(_same(_made(functions[0], course, edit.changes), course.expected) for course in courses):
            return Explanation(edit.kind, edit.sentence, edit.sentence)
    return None


class _FunctionCell(StudentCell):
    """The body of a function. Its arguments are what may be missing in it."""

    @cached_property
    def known(self) -> dict[str, tuple[ast.expr, Any]]:
        """The arguments that are numbers."""
        numbers = {k: v for k, v in self.trial.names.items() if isinstance(v, int | float) and not isinstance(v, bool)}
        return {name: (ast.Name(name, ast.Load()), float(value)) for name, value in numbers.items()}

    @cached_property
    def all_names(self) -> list[str]:
        """The arguments."""
        return list(self.trial.names)

    @cached_property
    def line_names(self) -> list[str]:
        """The arguments."""
        return list(self.trial.names)


def _cell(function: ast.FunctionDef, course: Course) -> StudentCell:
    """Return the function's body, with the values of the first call."""
    seen: dict[ast.AST, Any] = {}
    first: dict[str, Any] = {}

    def watched(*args: Any) -> None:
        evaluation = Watching(course.names)
        evaluation.names |= _arguments(function, args)
        if not first:
            first.update(evaluation.names)
        evaluation.run(function.body)
        seen.update(evaluation.seen)

    _run(course, function.name, watched)
    nothing = torch.zeros(())
    return _FunctionCell(function.body, "", Trial(Scene("", (), {}, {}), first, nothing, nothing), seen)


def _made(function: ast.FunctionDef, course: Course, changes: Changes) -> Tensor | None:
    def called(*args: Any) -> None:
        evaluation = Evaluation(course.names, changes)
        evaluation.names |= _arguments(function, args)
        evaluation.run(function.body)

    return _run(course, function.name, called)


def _run(course: Course, name: str, function: Callable[..., None]) -> Tensor | None:
    names = dict(course.names)
    for key, value in course.names.items():
        if isinstance(value, FunctionType) and value.__module__ in CELLS:
            # The exercise's own functions look up here what they are not given.
            names[key] = FunctionType(value.__code__, names, key, value.__defaults__, value.__closure__)
    names[name] = function
    try:
        exec(course.run, names)
    except Exception:  # with a change that makes no sense
        return None
    found = names.get(course.variable)
    return found if isinstance(found, Tensor) else None


def _arguments(function: ast.FunctionDef, args: Sequence[Any]) -> dict[str, Any]:
    return dict(zip([arg.arg for arg in function.args.args], args, strict=True))


def _short(course: Course) -> Course:
    """Return the course with the first steps only, of everything that has one entry for each step."""
    steps = course.expected.shape[0] if course.expected.dim() else 0
    if steps <= SHORT:
        return course
    names = {
        name: value.detach()[:SHORT] if isinstance(value, Tensor) and value.shape[:1] == (steps,) else value
        for name, value in course.names.items()
    }
    return Course(course.run, course.variable, names, course.found[:SHORT], course.expected[:SHORT])


def _same(one: Tensor | None, other: Tensor) -> bool:
    close = 1e-9 if other.dtype == torch.float64 else 1e-5
    return one is not None and one.shape == other.shape and distance(one, other) <= close * largest(other)
