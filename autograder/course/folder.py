"""Find exercises and submissions in a course folder, which is laid out as nbgrader lays it out."""

from __future__ import annotations

from pathlib import Path

SOLUTIONS = Path("solutions")
KEPT = Path(".autograder")  # holds results and hidden cases between runs
CASES = "cases"  # folder below KEPT with the tensors that setup made for each hidden case


class CourseError(ValueError):
    """Raised where a folder is not what the command needs; the message tells what to do."""


class GradebookError(RuntimeError):
    """Raised where the gradebook cannot be used; the message tells why and what to do."""


def find_exercises(assignment: str, only: str | None = None) -> list[Path]:
    """Return the solution notebooks of an assignment in the current course folder, sorted by name.

    only: return just the exercise of this name. Raises CourseError where there is none.
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
    """Return (student, path of the notebook) for every student who submitted the assignment, sorted by student.

    The notebook itself may be missing. Raises CourseError where nobody has submitted.
    """
    if not submitted.is_dir():
        raise CourseError(f"{submitted} is not a folder; collect submissions first: nbgrader collect {assignment}")
    students = sorted(path.name for path in submitted.iterdir() if (path / assignment).is_dir())
    if not students:
        raise CourseError(f"no submission of {assignment} in {submitted}; expected {submitted}/STUDENT/{assignment}/")
    return [(student, submitted / student / assignment / f"{exercise}.ipynb") for student in students]
