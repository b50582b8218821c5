"""The layout of a course folder, which is nbgrader's own."""

from __future__ import annotations

from pathlib import Path

SOLUTIONS = Path("solutions")
KEPT = Path(".autograder")  # results and cases that outlast a run
CASES = "cases"  # below it, what setup made of the hidden cases


class CourseError(ValueError):
    """A folder is not what the command needs; the message says what to do."""


class GradebookError(RuntimeError):
    """The gradebook could not be written; the message says why and what to do."""


def find_exercises(assignment: str, only: str | None = None) -> list[Path]:
    """Return the solution notebooks of an assignment in the current course folder, or just the one named.

    Raises CourseError.
    """
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
    """Return (student, path of the notebook) for every student who submitted the assignment.

    The file may be missing. Raises CourseError.
    """
    if not submitted.is_dir():
        raise CourseError(f"{submitted} is not a folder; collect submissions first: nbgrader collect {assignment}")
    students = sorted(path.name for path in submitted.iterdir() if (path / assignment).is_dir())
    if not students:
        raise CourseError(f"no submission of {assignment} in {submitted}; expected {submitted}/STUDENT/{assignment}/")
    return [(student, submitted / student / assignment / f"{exercise}.ipynb") for student in students]
