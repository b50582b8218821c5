"""Open graders for a course. Nothing else turns settings, secret and isolation into a Grader."""

from __future__ import annotations

import functools
import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course.folder import CASES, KEPT
from autograder.course.secret import read_or_create
from autograder.course.settings import Settings
from autograder.course.shipped import EXERCISES, shipped
from autograder.exercise.notebook import Exercise
from autograder.sandbox.host.bubblewrap import Isolation, IsolationError, choose, refuse_exposed
from autograder.sandbox.host.pipes import SandboxError
from autograder.sandbox.host.program import Program
from autograder.sandbox.host.sandbox import WarmProcess, begun
from autograder.sandbox.places import BUBBLEWRAP, PROCESS

if TYPE_CHECKING:
    from autograder.marking.grader import Grader


@dataclass(frozen=True)
class Course:
    """All that opening a grader needs to know of a course.

    isolation: the degree in force, "bubblewrap" or "process". kept: the folder of results and cases that outlast a
    run. private: the course's folder, its secret, the exchange and the solutions that came with the package, which no
    submission may reach. warnings: sentences for the instructor.
    """

    settings: Settings
    secret: bytes
    isolation: str
    kept: Path
    private: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


def open_course(settings: Settings, folder: Path, isolation: str | None = None, *, on_cluster: bool = False) -> Course:
    """Read the secret, or make it on first use, choose the isolation, and return the course.

    folder: the course folder. isolation: overrides the course's own setting. on_cluster: no student code runs on this
    machine, and each worker must have bubblewrap. Raises SecretError, IsolationError, OSError.
    """
    chosen = _on_cluster(isolation or settings.isolation) if on_cluster else choose(isolation or settings.isolation)
    exchange = [] if settings.exchange is None else [settings.exchange]
    source = shipped()
    ours = [] if source is None else [(source / EXERCISES).absolute()]
    private = (folder.absolute(), settings.secret.absolute(), *exchange, *ours)
    if chosen.degree == BUBBLEWRAP and not on_cluster:
        refuse_exposed((*private, *home()))
    secret, new = read_or_create(settings.secret)
    warnings = [] if chosen.warning is None else [chosen.warning]
    if new:
        warnings.append(f"{settings.secret} is new: hidden cases are drawn from it; back it up")
    return Course(settings, secret, chosen.degree, folder / KEPT, private, tuple(warnings))


def _on_cluster(wanted: str) -> Isolation:
    """Return the isolation of a cluster's workers: who reaches the network there can run code on all of them."""
    if wanted == PROCESS:
        raise IsolationError(
            "a cluster's workers isolate with bubblewrap only: under `process`, student code could reach the cluster's "
            "scheduler, which runs what it is sent; leave out --cluster, or --isolation process"
        )
    return Isolation(BUBBLEWRAP)


def home() -> list[Path]:
    """Return the home folder, as a list, which is empty for an account without one."""
    try:
        return [Path.home()]
    except RuntimeError:
        return []


def begin(course: Course, exercises: Sequence[Exercise], jobs: int) -> dict[str, WarmProcess]:
    """Start a sandbox of `jobs` lines for each of several exercises of one folder, without waiting; by their names.

    They share one guest program, because loading torch for each takes a second and more. The caller closes what no
    grader has been given. Returns none where there is nothing to share, or where the program cannot be started: each
    grader then starts its own.
    """
    if len(exercises) < 2:
        return {}
    try:
        program = Program(exercises[0].path.parent, course.isolation, len(exercises), jobs)
    except (OSError, SandboxError):
        return {}
    return {exercise.name: _begun(course, exercise, jobs, program) for exercise in exercises}


def _begun(course: Course, exercise: Exercise, jobs: int, shared: Program | None = None) -> WarmProcess:
    return begun(exercise, jobs, course.settings.limits, course.isolation, course.private, shared)


def open_grader(course: Course, exercise: Exercise, jobs: int = 1, process: WarmProcess | None = None) -> Grader:
    """Start a sandbox, compute the references meanwhile, and return a grader of `jobs` submissions at a time.

    process: the sandbox, where it has been started. The caller closes the grader, which closes the sandbox. Raises
    ExerciseError, SetupError, IsolationError.
    """
    process = process or _begun(course, exercise, jobs)
    collects = gc.isenabled()
    gc.disable()  # nothing that is imported is garbage, and looking for some takes a tenth of the time
    try:
        from autograder.marking.grader import Grader  # imports torch while the sandbox imports it too
        from autograder.reference.kept import references_of
    except BaseException:
        process.close()
        raise
    finally:
        if collects:
            gc.enable()
    references = functools.partial(references_of, exercise, course.secret, course.kept / CASES)
    return Grader(process, references, course.settings.credit)
