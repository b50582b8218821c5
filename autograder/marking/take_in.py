"""Take in what a student has submitted: its files, or the result where there is nothing that could be graded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from autograder.exercise.notebook import Exercise
from autograder.marking.result import REGRADE, Status, SubmissionResult
from autograder.submission.file import UnreadableError
from autograder.submission.notebook import HandedIn, read_files
from autograder.text import one_line

MAX_NAMED = 5  # notebooks of another name that are mentioned where the right one is missing


def take_in(student: str, path: Path, exercise: Exercise) -> HandedIn | SubmissionResult:
    """Read the files of a submission. Never raises: where they cannot be graded, their result is returned."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return unmarked(student, exercise, "missing", _why_missing(path))
    except OSError:
        pass  # reading it says why
    try:
        return read_files(path, exercise)
    except UnreadableError as error:
        return unmarked(student, exercise, "unreadable", str(error))
    except Exception as error:  # one bad submission never stops the rest
        return at_fault(student, exercise, f"{type(error).__name__}: {error}; {REGRADE}")


def unmarked(student: str, exercise: Exercise, status: Status, error: str) -> SubmissionResult:
    """Return the result of a submission that earns nothing, with the reason."""
    return SubmissionResult(student, exercise.name, status, 0.0, exercise.max_score, 0.0, error=error)


def at_fault(student: str, exercise: Exercise, error: str) -> SubmissionResult:
    """Return the result of a submission that could not be graded for a fault of ours; its score is no mark."""
    return replace(unmarked(student, exercise, "crashed", error), fault=True)


def _why_missing(path: Path) -> str:
    """Say that a notebook is not there, and which there are: browsers and students rename them."""
    try:
        there = sorted(file.name for file in path.parent.glob("*.ipynb") if not file.name.startswith("."))
    except OSError:
        there = []
    others = f", only {', '.join(map(one_line, there[:MAX_NAMED]))}" if there else ""
    return f"there is no {path.name} in the submission{others}; submit it under this name"
