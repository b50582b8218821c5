"""Compare what students get with the solutions that it was made from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autograder.course.folder import is_stray
from autograder.exercise.changes import same_text
from autograder.exercise.notebook import (
    Exercise,
    ExerciseError,
    OrdinaryError,
    files_of,
    is_locked,
    nbgrader_info,
    read_exercise,
)


def differences(solutions: Path, released: Path) -> list[str]:
    """Return in one line each how an assignment's released folder differs from its solutions; none where it fits.

    What only the students' copy may have, the stubs, is not compared.
    """
    return list(_differences(solutions, released))


def _differences(solutions: Path, released: Path) -> Iterator[str]:
    if not released.is_dir():
        yield "not generated so far"
        return
    for notebook in sorted(path for path in solutions.glob("*.ipynb") if not is_stray(path.name)):
        try:
            yield from _of_exercise(read_exercise(notebook), released / notebook.name)
        except OrdinaryError:
            continue
        except (ExerciseError, OSError) as error:
            yield str(error)
    for path in files_of(solutions):
        if path.suffix != ".ipynb":
            name = path.relative_to(solutions)
            copy = released / name
            if not copy.is_file():
                yield f"{name} is missing in {released.name}"
            elif copy.read_bytes() != path.read_bytes():
                yield f"{name} is not the one in {solutions}"


def _of_exercise(exercise: Exercise, released: Path) -> Iterator[str]:
    if not released.is_file():
        yield f"{released.name} is missing"
        return
    copy = read_exercise(released)
    for grade_id, cell in exercise.cells.items():
        other = copy.cells.get(grade_id)
        if other is None:
            yield f"{released.name} has no cell {grade_id}"
        elif nbgrader_info(other).get("points") != nbgrader_info(cell).get("points"):
            yield f"{released.name}: {grade_id} has other points"
        elif is_locked(cell) and not same_text(other.source, cell.source):
            yield f"{released.name}: the cell {grade_id} is another"
        elif "BEGIN SOLUTION" in other.source:
            yield f"{released.name}: {grade_id} shows its solution"
    if extra := next((grade_id for grade_id in copy.cells if grade_id not in exercise.cells), None):
        yield f"{released.name} has a cell {extra} that the exercise has not"
