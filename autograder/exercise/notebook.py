"""Read an exercise from its solution notebook, without knowing anything about a particular network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.exercise.cells import CHECKS, Cell, ExerciseError, has_tag, is_locked, nbgrader_info
from autograder.exercise.forward import Assignment, ForwardError, parse_forward, reading_paths
from autograder.exercise.given import AutogradCells, autograd_cells
from autograder.exercise.steps import Step, read_steps

__all__ = [
    "Cell",
    "Exercise",
    "ExerciseError",
    "OrdinaryError",
    "Step",
    "exercise_from_notebook",
    "files_of",
    "has_tag",
    "is_locked",
    "is_ordinary",
    "last_change",
    "nbgrader_info",
    "read_exercise",
]


ANSWERS = "answers"  # beside the notebooks: right and wrong answers that `autograder check` tries; never released
HIDDEN = (".", "__pyc")  # how names begin of what goes along with nothing


class OrdinaryError(ExerciseError):
    """The notebook is one of nbgrader's ordinary kind, without a forward pass: nbgrader's own means are for it."""


@dataclass(frozen=True)
class Exercise:
    """The content of a solution notebook, as data.

    setup: sources of the locked code cells before the forward cell, in order, with the parameters cell.
    parameters: number of setup cells after which a case's own parameters are set. forward: source of the forward
    cells, one after the other; empty where all steps are values and none needs a forward pass. assignments: its lines.
    autograd: what the locked autograd cells supply. steps: the marked steps, in the order of the check cells. runs:
    sources by grade_id of the locked cells tagged `run`, which run with a submission, each between the cells where it
    stands. reports: grade_ids of the locked cells tagged `report`, whose printed line the instructor sees. locked:
    sources of all locked cells by grade_id. cells: the nbgrader cells by grade_id, in order.
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
    """Return the files below an exercise's folder, sorted; no hidden ones, no __pycache__, no answers/."""
    return sorted(Path(entry.path) for entry in _entries(folder))


def last_change(folder: Path) -> int:
    """Return when any of those files was last written, in nanoseconds; 0 where there is none."""
    return max((entry.stat().st_mtime_ns for entry in _entries(folder)), default=0)


def _entries(folder: Path | str, left_out: Set[str] = frozenset({ANSWERS})) -> Iterator[os.DirEntry[str]]:
    """Yield the files below a folder. Links to folders are not followed.

    They are asked for several times for each student, and to make paths of them takes longer than to find them.
    """
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(HIDDEN) or entry.name in left_out:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path, frozenset())
        elif entry.is_file():
            yield entry


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
    forward: list[str] = []
    begun = False  # whether setup is over
    values_only = _values_only(notebook)
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
        begun = begun or bool(forward) or (values_only and bool(autograd or info.get("solution")))
        if cell.cell_type != "code" or not is_locked(cell):
            continue
        if has_tag(cell, "forward"):
            forward.append(cell.source)
        elif has_tag(cell, "autograd"):
            autograd.append(cell.source)
        elif has_tag(cell, "run") and isinstance(grade_id, str):
            runs[grade_id] = cell.source
        elif not begun:
            setup.append(cell.source)
            if has_tag(cell, "parameters"):
                parameters = len(setup)
    if not forward and is_ordinary(notebook):
        raise OrdinaryError(f"{path} has no forward pass: it is nbgrader's own, use nbgrader autograde for it")
    if not forward and not values_only:
        raise ExerciseError(f"{path}: no locked code cell has the tag forward; tag the cell of the forward pass")
    try:
        assignments = parse_forward("\n".join(forward)) if forward else ()
    except ForwardError as error:
        raise ExerciseError(f"{path}: {error}") from None
    found = autograd_cells(tuple(autograd))
    steps = tuple(read_steps(cells, runs, path))
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
        forward="\n".join(forward),
        assignments=reading_paths(assignments, [step.tensor for step in steps if not step.tensor.isidentifier()]),
        autograd=found,
        steps=steps,
        runs=runs,
        reports=frozenset(g for g, cell in cells.items() if is_locked(cell) and has_tag(cell, "report")),
        locked={grade_id: cell.source for grade_id, cell in cells.items() if is_locked(cell)},
        cells=cells,
    )


def is_ordinary(notebook: Any) -> bool:
    """Return whether a notebook has nothing of an exercise: no cell with the tag forward, and no check by `cmp`.

    A notebook with checks by `cmp` whose forward cell has lost its tag is a broken exercise. nbgrader alone would give
    full marks for it, because `cmp` does not raise.
    """
    return not any(
        has_tag(cell, "forward") or (nbgrader_info(cell).get("grade") and cell.source.lstrip().startswith(CHECKS))
        for cell in notebook.cells
    )


def _values_only(notebook: Any) -> bool:
    """Return whether all check cells compare values, so that no forward pass is needed."""
    checks = [cell.source.lstrip() for cell in notebook.cells if nbgrader_info(cell).get("grade")]
    return bool(checks) and all(source.startswith("cmp_value(") for source in checks)
