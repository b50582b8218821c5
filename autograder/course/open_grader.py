"""Open graders for a course. Nothing else turns settings, secret and isolation into a Grader."""

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
    """All that opening a grader needs to know of a course.

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
    """Read the secret, or make it on first use, choose the isolation, and return the course.

    folder: the course folder. isolation: overrides the course's own setting. Raises SecretError,
    IsolationError, OSError.
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
    """Start a sandbox, compute the references, and return a grader that runs `jobs` submissions at a time.

    The caller closes it. Raises ExerciseError, SetupError, IsolationError.
    """
    process = begun(exercise, jobs, course.settings.limits, course.isolation, course.private)
    try:
        from autograder.marking.grader import Grader  # imports torch while the sandbox imports it too
    except BaseException:
        process.close()
        raise
    return Grader(process, course.secret, course.settings.credit, course.kept / CASES)
