"""Open graders for a course: the only place where settings, secret and isolation become a Grader."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course.folder import CASES, KEPT
from autograder.course.secret import read_or_create
from autograder.course.settings import Settings
from autograder.exercise.notebook import Exercise
from autograder.sandbox.host.bubblewrap import choose, refuse_exposed
from autograder.sandbox.host.sandbox import begun
from autograder.sandbox.places import BUBBLEWRAP

if TYPE_CHECKING:
    from autograder.marking.grader import Grader


@dataclass(frozen=True)
class Course:
    """A course that is ready to grade.

    isolation: the degree in force, "bubblewrap" or "process". kept: the folder of results and cases that outlast a
    run. private: the course's folder, its secret and the exchange, which no submission may reach. warnings: sentences
    for the instructor.
    """

    settings: Settings
    secret: bytes
    isolation: str
    kept: Path
    private: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


def open_course(settings: Settings, folder: Path, isolation: str | None = None) -> Course:
    """Read the secret, or make it on first use, and choose the isolation.

    isolation: what to take in place of the course's own setting. Raises SecretError, IsolationError, OSError.
    """
    chosen = choose(isolation or settings.isolation)
    exchange = [] if settings.exchange is None else [settings.exchange]
    private = (folder.absolute(), settings.secret.absolute(), *exchange)
    if chosen.degree == BUBBLEWRAP:
        refuse_exposed((*private, *_home()))
    secret, new = read_or_create(settings.secret)
    warnings = [] if chosen.warning is None else [chosen.warning]
    if new:
        warnings.append(f"{settings.secret} is new: hidden cases are drawn from it; back it up")
    return Course(settings, secret, chosen.degree, folder / KEPT, private, tuple(warnings))


def _home() -> list[Path]:
    try:
        return [Path.home()]
    except RuntimeError:  # an account without one
        return []


def open_grader(course: Course, exercise: Exercise, jobs: int = 1) -> Grader:
    """Return a warm grader of an exercise that runs `jobs` submissions at a time; close it after use.

    Raises ExerciseError, SetupError, IsolationError.
    """
    process = begun(exercise, jobs, course.settings.limits, course.isolation, course.private)
    try:
        from autograder.marking.grader import Grader  # imports torch, as the sandbox does at the same time
    except BaseException:
        process.close()
        raise
    return Grader(process, course.secret, course.settings.credit, course.kept / CASES)
