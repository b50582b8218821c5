"""Read the marked steps of an exercise from its check cells."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.exercise.cells import Cell, ExerciseError, nbgrader_info


@dataclass(frozen=True)
class Step:
    """One gradient or one value that is marked.

    name: the variable that is marked; of a gradient, the d-variable that the student assigns.
    tensor: the tensor whose gradient it is, as a name or as a path into a container of setup; of a value, the name it
    is compared with, which an autograd cell assigns.
    label: the name that `cmp` prints. check: grade_id of its check cell. points: its maximum.
    bonus: what it earns beyond the exercise's maximum; then points is 0.
    solutions: grade_ids of its solution cells, in order; more than one where several paths add up.
    gradient: False for a value, which the locked cells tagged `run` compute with the student's code.
    runs: of a value, the grade_ids of the run cells that make it.
    rtol, atol: what its check cell allows beside rounding, relative to each element and absolute.
    moves, of: of a value that an update makes, the name of what was written down of the update
    (dojo/explain/moves.py), and of the list of tensors that it was tried on; "" where the check cell names none.
    """

    name: str
    tensor: str
    label: str
    check: str
    points: float
    solutions: tuple[str, ...]
    gradient: bool = True
    bonus: float = 0.0
    runs: tuple[str, ...] = ()
    rtol: float = 0.0
    atol: float = 0.0
    moves: str = ""
    of: str = ""


@dataclass(frozen=True)
class CheckCall:
    """The call in a check cell: `cmp('x', dx, x)` or `cmp_value('x', found, expected)`, with tolerances or without.

    bonus: points beyond the exercise's maximum.
    reasons: names by keyword of what the reason for a wrong value is looked for in.
    """

    function: str
    label: str
    name: str
    tensor: str
    tolerances: Mapping[str, float]
    reasons: Mapping[str, str]
    bonus: float = 0.0


def read_steps(cells: Mapping[str, Cell], runs: Mapping[str, str], path: Path) -> Iterable[Step]:
    """Yield the steps, in the order of the check cells. Raises ExerciseError.

    cells: the nbgrader cells by grade_id. runs: sources by grade_id of the locked cells tagged `run`.
    """
    solutions = [grade_id for grade_id, cell in cells.items() if nbgrader_info(cell).get("solution")]
    marked: dict[str, str] = {}
    for grade_id, cell in cells.items():
        info = nbgrader_info(cell)
        if not info.get("grade") or info.get("solution") or info.get("task"):
            continue
        call = check_call(cell.source, f"{path}: check cell {grade_id}")
        gradient = call.function == "cmp"
        # A `run` cell computes a value; the student's own cell has the label as its grade_id.
        answer = call.name if gradient else call.label
        own = tuple(s for s in solutions if s == answer or s.startswith(f"{answer}_path"))
        if not own:
            raise ExerciseError(f"{path}: check cell {grade_id} marks {answer}, but no solution cell has that grade_id")
        if call.name in marked:
            raise ExerciseError(
                f"{path}: {marked[call.name]} and {grade_id} both mark {call.name}; a step has one check cell"
            )
        marked[call.name] = grade_id
        moves = call.reasons.get("moves")
        if moves is not None and not any(moves in _assigned(source) for source in runs.values()):
            raise ExerciseError(f"{path}: {grade_id} has moves={moves}, which no cell tagged run assigns")
        makers = tuple(run for run, source in runs.items() if call.name in _assigned(source))
        points = _points(info, f"{path}: check cell {grade_id}")
        if call.bonus and points:
            raise ExerciseError(
                f"{path}: check cell {grade_id} has {points:g} points and bonus={call.bonus:g}; set its points to 0, a "
                "bonus is beyond the maximum"
            )
        yield Step(
            call.name,
            call.tensor,
            call.label,
            grade_id,
            points,
            own,
            gradient=gradient,
            bonus=call.bonus,
            runs=() if gradient else makers or tuple(runs),
            rtol=call.tolerances.get("rtol", 0.0),
            atol=call.tolerances.get("atol", 0.0),
            moves=call.reasons.get("moves", ""),
            of=call.reasons.get("of", ""),
        )


def check_call(source: str, where: str) -> CheckCall:
    """Return the call of a check cell. Raises ExerciseError, beginning with `where`."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        body = []
    match body:
        case [
            ast.Expr(
                ast.Call(
                    ast.Name("cmp" | "cmp_value" as function),
                    [ast.Constant(str(label)), ast.Name(name), tensor],
                    keywords,
                )
            )
        ] if isinstance(tensor, ast.Name) or (function == "cmp" and isinstance(tensor, ast.Attribute | ast.Subscript)):
            reasons = _reasons(keywords) if function == "cmp_value" else {}
            bonus = next((_bonus(keyword, where) for keyword in keywords if keyword.arg == "bonus"), 0.0)
            rest = [keyword for keyword in keywords if keyword.arg not in (*reasons, "bonus")]
            return CheckCall(function, label, name, ast.unparse(tensor), _tolerances(rest, where), reasons, bonus)
    raise ExerciseError(
        f"{where} is not of the form cmp('x', dx, x) or cmp_value('x', found, expected); "
        "after the three, rtol=1e-3, atol=1e-6 or bonus=1 may follow"
    )


def _bonus(keyword: ast.keyword, where: str) -> float:
    value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
    if type(value) not in (int, float) or not 0 < value < float("inf"):  # type: ignore
        raise ExerciseError(f"{where} has {ast.unparse(keyword)}; a bonus is a number of points above 0")
    return float(value)  # type: ignore[arg-type]


def _reasons(keywords: list[ast.keyword]) -> dict[str, str]:
    named = {str(each.arg): each.value.id for each in keywords if isinstance(each.value, ast.Name)}
    return {keyword: name for keyword, name in named.items() if keyword in ("moves", "of")}


def _tolerances(keywords: list[ast.keyword], where: str) -> dict[str, float]:
    found = {}
    for keyword in keywords:
        value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if keyword.arg not in ("rtol", "atol") or type(value) not in (int, float) or not 0 <= value <= 1:  # type: ignore
            raise ExerciseError(
                f"{where} has {ast.unparse(keyword)}; a tolerance is rtol or atol, a number from 0 to 1 such as 1e-3"
            )
        found[keyword.arg] = float(value)  # type: ignore[arg-type]
    return found


def _assigned(source: str) -> set[str]:
    """Return the names that a cell assigns; none where it is no plain Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    return {part.id for part in ast.walk(tree) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def _points(info: dict[str, Any], where: str) -> float:
    points = info.get("points")
    if not isinstance(points, int | float) or not 0 <= points < float("inf"):
        raise ExerciseError(f"{where} has the points {points!r}; give it a number, 0 or more")
    return float(points)
