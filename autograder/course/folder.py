"""Find exercises and submissions in a course folder, which is laid out as nbgrader lays it out."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

SOLUTIONS = Path("solutions")
KEPT = Path(".autograder")  # holds results and hidden cases between runs
CASES = "cases"  # folder below KEPT with the tensors that setup made for each hidden case


class CourseError(ValueError):
    """Raised where a folder is not what the command needs; the message tells what to do."""


class GradebookError(RuntimeError):
    """Raised where the gradebook cannot be used; the message tells why and what to do."""


class UnrecordedError(RuntimeError):
    """One submission could not be recorded; the message says why and what to do. The others can."""


def find_exercises(assignment: str, only: str | None = None) -> list[Path]:
    """Return the solution notebooks of an assignment in the current course folder, sorted by name.

    only: return just the exercise of this name. Raises CourseError where there is none.
    """
    folder = SOLUTIONS / assignment
    notebooks = sorted(path for path in folder.glob("*.ipynb") if not is_stray(path.name))
    if not notebooks:
        raise CourseError(f"no exercise in {folder}; run this in the course folder, beside {SOLUTIONS}/")
    if only is None:
        return notebooks
    chosen = [path for path in notebooks if path.stem == only]
    if not chosen:
        names = ", ".join(path.stem for path in notebooks)
        raise CourseError(f"no exercise {only} in {folder}; there are: {names}")
    return chosen


def find_submissions(submitted: Path, assignment: str, exercise: str, pattern: str = "*") -> list[tuple[str, Path]]:
    """Return (student, path of the notebook) for every student who submitted the assignment, sorted by student.

    pattern: of the students' names, such as "a*". The notebook itself may be missing. Raises CourseError where nobody
    has submitted.
    """
    if not submitted.is_dir():
        raise CourseError(f"{submitted} is not a folder; collect submissions first: nbgrader collect {assignment}")
    students = sorted(
        path.name for path in submitted.iterdir() if not is_stray(path.name) and (path / assignment).is_dir()
    )
    if not students:
        raise CourseError(f"no submission of {assignment} in {submitted}; expected {submitted}/STUDENT/{assignment}/")
    wanted = [student for student in students if fnmatchcase(student, pattern)]
    if not wanted:
        raise CourseError(
            f"none of the {len(students)} students who submitted {assignment} is called {pattern}; "
            "* stands for any letters, as in 'a*'"
        )
    return [(student, submitted / student / assignment / f"{exercise}.ipynb") for student in wanted]


def is_stray(name: str) -> bool:
    """Return whether a file or folder is what a system or an editor leaves behind (._x, .~x, .ipynb_checkpoints)."""
    return name.startswith((".", "__MACOSX", "__pycache__")) or name in ("desktop.ini", "Thumbs.db")


def unusable_name(student: str) -> str | None:
    """Return why a folder's name can be no student's in the gradebook and what to do, or None where it can."""
    try:
        student.encode()
    except UnicodeEncodeError:
        return "the folder's name is not UTF-8; rename it to the student's name in the gradebook"
    if not student.isprintable():
        return "the folder's name has a line end or a control character; rename it to the student's name"
    return None
