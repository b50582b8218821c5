"""Grade a class: every submission of an assignment. Each result is stored as soon as it is there."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from autograder.classroom.local import LocalGraders
from autograder.classroom.one_exercise import ExerciseRun
from autograder.classroom.plan import GradebookWriter, Graders, Plan
from autograder.course.open_grader import Course
from autograder.course.register import absent_students
from autograder.course.secret import fingerprint
from autograder.exercise.changes import since_released
from autograder.exercise.notebook import Exercise, OrdinaryError, read_exercise
from autograder.marking.result import ClassResult, Late, SubmissionResult
from autograder.text import one_line


class Interrupted(Exception):  # noqa: N818 (it is no error)
    """Raised after Ctrl-C. done: the results, those in hand finished. left: how many submissions were not begun."""

    def __init__(self, done: ClassResult, left: int) -> None:
        super().__init__(f"{left} submissions are left")
        self.done = done
        self.left = left


def grade_class(
    plan: Plan,
    course: Course,
    console: Console,
    gradebook: GradebookWriter | None = None,
    graders: Graders | None = None,
) -> ClassResult:
    """Grade every submission of the plan and return the results; with `gradebook`, record them there too.

    console: shows the progress. graders: who grades; lines of this machine, where none are given. Raises Interrupted,
    whatever the graders raise, and OSError and GradebookError where a result cannot be written.
    """
    started = time.perf_counter()
    results: list[SubmissionResult] = []
    unrecorded: list[str] = []
    with _stop_on_ctrl_c(console) as stop:
        runs = [ExerciseRun(plan, *exercise, course, gradebook) for exercise in _exercises(plan, console)]
        with ExitStack() as stack:
            for run in runs:
                stack.callback(run.close)
                run.look(console)
            todo = [run for run in runs if run.todo]
            graders = graders or LocalGraders(course, plan.jobs)
            stack.callback(graders.close)
            if todo:
                graders.begin({run.exercise.name: len(run.todo) for run in todo}, [run.exercise for run in todo])
            if plan.released is not None:  # compared while the graders start
                _say_changes([run.exercise for run in runs], plan.assignment, plan.released, console)
            for run in runs:
                results += run.grade(console, stop, graders)
                unrecorded += run.unrecorded
        late: Mapping[str, Late] = {}
        absent: tuple[str, ...] = ()
        if gradebook is not None:
            late, failed = gradebook.finish()
            submitted = {student for files in plan.files.values() for student, _ in files}
            absent = absent_students(gradebook.students(), submitted, plan.pattern)
            unrecorded += failed
    left = sum(len(run.files) for run in runs) - len(results)
    seconds = round(time.perf_counter() - started, 3)
    secret = fingerprint(course.secret)
    done = ClassResult(
        plan.assignment, course.isolation, secret, seconds, tuple(results), tuple(unrecorded), late, absent
    )
    if left:
        raise Interrupted(done, left)
    return done


def _exercises(plan: Plan, console: Console) -> list[tuple[Exercise, list[tuple[str, Path]]]]:
    """Read the exercises of the plan; nbgrader's own notebooks beside them are left to nbgrader.

    Raises OrdinaryError where there are no others, ExerciseError and OSError.
    """
    found, ordinary = [], None
    for path, files in plan.files.items():
        try:
            found.append((read_exercise(path), files))
        except OrdinaryError as error:
            ordinary = error
            console.print(f"{path.stem}: left out; it has no forward pass: nbgrader autograde grades it")
    if ordinary is not None and not found:
        raise ordinary
    return found


def _say_changes(exercises: list[Exercise], assignment: str, released: Path, console: Console) -> None:
    """Say in one line for each exercise what differs from what students were given."""
    for exercise in exercises:
        found = since_released(exercise, released / exercise.path.name)
        if found:
            others = f", and {len(found) - 1} more" if len(found) > 1 else ""
            command = f"nbgrader generate_assignment {assignment} --force"
            line = f"{exercise.name}: {found[0]}{others}; to release it: {command}"
            console.print(one_line(line), soft_wrap=True, highlight=False, markup=False)


@contextmanager
def _stop_on_ctrl_c(console: Console) -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets; the second Ctrl-C raises KeyboardInterrupt."""
    stop = threading.Event()

    def ring(signum: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        console.print("stopping: those in hand are being finished (Ctrl-C again: at once)")

    before = signal.signal(signal.SIGINT, ring)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
