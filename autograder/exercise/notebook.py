"""Read an exercise from its solution notebook, without knowing anything about a particular network."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.exercise.forward import Assignment, ForwardError, parse_forward
from autograder.exercise.given import AutogradCells, autograd_cells

CHECKS = ("cmp(", "cmp_value(")  # what a check cell begins with
Cell = Any  # nbformat's NotebookNode: a dict with attribute access


class ExerciseError(ValueError):
    """Raised where a notebook is no exercise; the message names the cell to change."""


class OrdinaryError(ExerciseError):
    """The notebook is one of nbgrader's ordinary kind, without a forward pass: nbgrader's own means are for it."""


@dataclass(frozen=True)
class Step:
    """One gradient or one value that is marked.

    name: the variable that is marked; of a gradient, the d-variable that the student assigns.
    tensor: the tensor whose gradient it is; of a value, the name it is compared with, which an autograd cell assigns.
    label: the name that `cmp` prints. check: grade_id of its check cell. points: its maximum.
    solutions: grade_ids of its solution cells, in order; more than one where several paths add up.
    gradient: False for a value, which the locked cells tagged `run` compute with the student's code.
    """

    name: str
    tensor: str
    label: str
    check: str
    points: float
    solutions: tuple[str, ...]
    gradient: bool = True


@dataclass(frozen=True)
class Exercise:
    """The content of a solution notebook, as data.

    setup: sources of the locked code cells before the forward cell, in order, with the parameters cell.
    parameters: number of setup cells after which a case's own parameters are set. forward: source of the forward cell.
    assignments: its lines. autograd: what the locked autograd cells supply. steps: the marked steps, in the order of
    the check cells. runs: sources by grade_id of the locked cells tagged `run`, which run with a submission, each
    between the cells where it stands. reports: grade_ids of the locked cells tagged `report`, whose printed line the
    instructor sees. locked: sources of all locked cells by grade_id. cells: the nbgrader cells by grade_id, in order.
    """

    name: str
    path: Path
    setup: tuple[str, ...]
    parameters: int
    forward: str
    assignments: tuple[Assignment, ...]
    autograd: AutogradCells
    steps: tuple[Step, ...]
    runs: dict[str, str]
    reports: frozenset[str]
    locked: dict[str, str]
    cells: dict[str, Cell]

    def files_beside(self) -> list[Path]:
        """Return the files beside the notebook that go along with it: data and dojo/, no notebook."""
        return [path for path in files_of(self.path.parent) if path.suffix != ".ipynb"]

    @property
    def max_score(self) -> float:
        """Return the sum of all points."""
        return sum(step.points for step in self.steps)

    @property
    def gradients(self) -> tuple[Step, ...]:
        """Return the steps that are gradients."""
        return tuple(step for step in self.steps if step.gradient)

    @property
    def expected(self) -> tuple[str, ...]:
        """Return the names that values are compared with: autograd cells assign them, and no student may know them."""
        return tuple(step.tensor for step in self.steps if not step.gradient)


def files_of(folder: Path) -> list[Path]:
    """Return the files below an exercise's folder, sorted, without hidden ones and __pycache__."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(p for p in paths if not any(part.startswith((".", "__pyc")) for part in p.relative_to(folder).parts))


def read_exercise(path: Path) -> Exercise:
    """Read `solutions/<assignment>/<exercise>.ipynb`. Raises ExerciseError, OSError."""
    import nbformat  # takes a tenth of a second, which a wrong command line need not wait for

    try:
        notebook = nbformat.read(path, as_version=4)
    except OSError:
        raise
    except Exception as error:
        raise ExerciseError(f"{path} is not a notebook: {error}") from None
    return exercise_from_notebook(notebook, path)


def exercise_from_notebook(notebook: Any, path: Path) -> Exercise:
    """Return the exercise in a solution notebook that has been read already. Raises ExerciseError."""
    cells: dict[str, Cell] = {}
    setup: list[str] = []
    parameters = 0
    forward: str | None = None
    autograd: list[str] = []
    runs: dict[str, str] = {}
    for cell in notebook.cells:
        info = nbgrader_info(cell)
        grade_id = info.get("grade_id")
        if grade_id is not None:
            if not isinstance(grade_id, str):
                raise ExerciseError(f"{path}: a cell has the grade_id {grade_id!r}; it must be text")
            if grade_id in cells:
                raise ExerciseError(f"{path}: two cells have the grade_id {grade_id}; give each its own")
            cells[grade_id] = cell
        if cell.cell_type != "code" or not is_locked(cell):
            continue
        if has_tag(cell, "forward"):
            if forward is not None:
                raise ExerciseError(f"{path}: two cells have the tag forward; an exercise has one forward pass")
            forward = cell.source
        elif has_tag(cell, "autograd"):
            autograd.append(cell.source)
        elif has_tag(cell, "run") and isinstance(grade_id, str):
            runs[grade_id] = cell.source
        elif forward is None:
            setup.append(cell.source)
            if has_tag(cell, "parameters"):
                parameters = len(setup)
    if forward is None and is_ordinary(notebook):
        raise OrdinaryError(f"{path} has no forward pass: it is nbgrader's own, use nbgrader autograde for it")
    if forward is None:
        raise ExerciseError(f"{path}: no locked code cell has the tag forward; tag the cell of the forward pass")
    try:
        assignments = parse_forward(forward)
    except ForwardError as error:
        raise ExerciseError(f"{path}: {error}") from None
    found = autograd_cells(tuple(autograd))
    steps = tuple(_steps(cells, path))
    for step in steps:
        if not step.gradient and step.tensor not in found.values:
            raise ExerciseError(f"{path}: {step.check} compares with {step.tensor}, which no autograd cell assigns")
    if not steps:
        raise ExerciseError(f"{path}: no check cell; add one such as cmp('x', dx, x) with points")
    return Exercise(
        name=path.stem,
        path=path,
        setup=tuple(setup),
        parameters=parameters,
        forward=forward,
        assignments=assignments,
        autograd=found,
        steps=steps,
        runs=runs,
        reports=frozenset(g for g, cell in cells.items() if is_locked(cell) and has_tag(cell, "report")),
        locked={grade_id: cell.source for grade_id, cell in cells.items() if is_locked(cell)},
        cells=cells,
    )


def nbgrader_info(cell: Cell) -> dict[str, Any]:
    """Return a cell's nbgrader metadata, empty where there is none or it is not a mapping."""
    info = cell.get("metadata", {}).get("nbgrader", {})
    return info if isinstance(info, dict) else {}


def is_ordinary(notebook: Any) -> bool:
    """Return whether a notebook has nothing of an exercise: no cell with the tag forward, and no check by `cmp`.

    A notebook with checks by `cmp` whose forward cell has lost its tag is a broken exercise. nbgrader alone would give
    full marks for it, because `cmp` does not raise.
    """
    return not any(
        has_tag(cell, "forward") or (nbgrader_info(cell).get("grade") and cell.source.lstrip().startswith(CHECKS))
        for cell in notebook.cells
    )


def is_locked(cell: Cell) -> bool:
    """Return whether the cell is locked, so that nbgrader restores its source before grading."""
    info = nbgrader_info(cell)
    return not info.get("solution") and bool(info.get("grade") or info.get("locked"))


def has_tag(cell: Cell, tag: str) -> bool:
    """Return whether the cell has this notebook tag."""
    tags = cell.get("metadata", {}).get("tags", [])
    return isinstance(tags, list) and tag in tags


def _steps(cells: dict[str, Cell], path: Path) -> Iterable[Step]:
    solutions = [grade_id for grade_id, cell in cells.items() if nbgrader_info(cell).get("solution")]
    for grade_id, cell in cells.items():
        info = nbgrader_info(cell)
        if not info.get("grade") or info.get("solution") or info.get("task"):
            continue
        compare, label, name, tensor = _check_call(cell.source, f"{path}: check cell {grade_id}")
        # A `run` cell computes a value; the student's own cell has the label as its grade_id.
        answer = name if compare == "cmp" else label
        own = tuple(s for s in solutions if s == answer or s.startswith(f"{answer}_path"))
        if not own:
            raise ExerciseError(f"{path}: check cell {grade_id} marks {answer}, but no solution cell has that grade_id")
        points = _points(info, f"{path}: check cell {grade_id}")
        yield Step(name, tensor, label, grade_id, points, own, gradient=compare == "cmp")


def _points(info: dict[str, Any], where: str) -> float:
    points = info.get("points")
    if not isinstance(points, int | float) or not 0 <= points < float("inf"):
        raise ExerciseError(f"{where} has the points {points!r}; give it a number, 0 or more")
    return float(points)


def _check_call(source: str, where: str) -> tuple[str, str, str, str]:
    """Return (function, label, variable, tensor) of a check cell's call.

    The call is `cmp('x', dx, x)` or `cmp_value('x', found, expected)`. Raises ExerciseError, beginning with `where`.
    """
    try:
        body = ast.parse(source).body
    except SyntaxError:
        body = []
    match body:
        case [
            ast.Expr(
                ast.Call(
                    ast.Name("cmp" | "cmp_value" as function),
                    [ast.Constant(str(label)), ast.Name(name), ast.Name(tensor)],
                    [],
                )
            )
        ]:
            return function, label, name, tensor
    raise ExerciseError(f"{where} is not of the form cmp('x', dx, x) or cmp_value('x', found, expected)")
