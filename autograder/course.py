"""Where things lie in a course folder: nbgrader's own layout."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

SOLUTIONS = Path("solutions")


class CourseError(ValueError):
    """A folder is not what the command needs; the message says what to do."""


class GradebookError(RuntimeError):
    """The gradebook could not be written; the message says why and what to do."""


def find_exercises(assignment: str, only: str | None = None) -> list[Path]:
    """The solution notebooks of an assignment in the current course folder, or just the one named."""
    folder = SOLUTIONS / assignment
    notebooks = sorted(folder.glob("*.ipynb"))
    if not notebooks:
        raise CourseError(f"no exercise in {folder}; run this in the course folder, beside {SOLUTIONS}/")
    if only is None:
        return notebooks
    chosen = [path for path in notebooks if path.stem == only]
    if not chosen:
        names = ", ".join(path.stem for path in notebooks)
        raise CourseError(f"no exercise {only} in {folder}; there are: {names}")
    return chosen


def find_submissions(submitted: Path, assignment: str, exercise: str) -> list[tuple[str, Path]]:
    """(student, path of the notebook) for every student who submitted the assignment; the file may be missing."""
    if not submitted.is_dir():
        raise CourseError(f"{submitted} is not a folder; collect submissions first: nbgrader collect {assignment}")
    students = sorted(path.name for path in submitted.iterdir() if (path / assignment).is_dir())
    if not students:
        raise CourseError(f"no submission of {assignment} in {submitted}; expected {submitted}/STUDENT/{assignment}/")
    return [(student, submitted / student / assignment / f"{exercise}.ipynb") for student in students]


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file so that it is there whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, mode)  # noqa: PTH101
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
