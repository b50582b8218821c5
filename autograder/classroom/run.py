"""Grade a class: every submission of an assignment. Each result is stored as soon as it is there."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

from rich.console import Console

from autograder.classroom.cache import Cache
from autograder.classroom.progress import Tracker
from autograder.course.open_grader import Course, open_grader
from autograder.course.secret import fingerprint
from autograder.exercise.notebook import Exercise, read_exercise
from autograder.marking.result import ClassResult, SubmissionResult


@dataclass(frozen=True)
class Plan:
    """The submissions that one run grades.

    files: pairs of (student, submitted file) by the path of the exercise. jobs: submissions at a time. force: grade
    unchanged submissions again.
    """

    assignment: str
    files: dict[Path, list[tuple[str, Path]]]
    jobs: int
    force: bool = False


class GradebookWriter(Protocol):
    """The part of a gradebook that grading uses; nbgrader/direct.py implements it."""

    def check(self, exercise: Exercise) -> None:
        """Raise CourseError where the gradebook does not know the exercise."""

    def there(self, student: str, exercise: Exercise) -> bool:
        """Return whether the student's autograded notebook is there."""

    def write(self, student: str, exercise: Exercise, submitted: Path, result: SubmissionResult) -> None:
        """Write one result. Raises OSError, GradebookError."""


class Interrupted(Exception):  # noqa: N818 (it is no error)
    """Raised after Ctrl-C. done: the results, those in hand finished. left: how many submissions were not begun."""

    def __init__(self, done: ClassResult, left: int) -> None:
        super().__init__(f"{left} submissions are left")
        self.done = done
        self.left = left


def grade_class(plan: Plan, course: Course, console: Console, gradebook: GradebookWriter | None = None) -> ClassResult:
    """Grade every submission of the plan and return the results; with `gradebook`, record them there too.

    console: shows the progress. Raises Interrupted, whatever open_grader raises, and OSError and GradebookError where a
    result cannot be written.
    """
    started = time.perf_counter()
    results: list[SubmissionResult] = []
    with _stop_on_ctrl_c(console) as stop:
        for path, files in plan.files.items():
            run = _ExerciseRun(plan, read_exercise(path), course, gradebook)
            results += run.grade(files, console, stop)
    left = sum(len(files) for files in plan.files.values()) - len(results)
    seconds = round(time.perf_counter() - started, 3)
    done = ClassResult(plan.assignment, course.isolation, fingerprint(course.secret), seconds, tuple(results))
    if left:
        raise Interrupted(done, left)
    return done


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


class _ExerciseRun:
    def __init__(self, plan: Plan, exercise: Exercise, course: Course, gradebook: GradebookWriter | None) -> None:
        self._plan = plan
        self._exercise = exercise
        self._course = course
        self._gradebook = gradebook
        self._cache = Cache(course.kept / plan.assignment, exercise, fingerprint(course.secret), course.settings)
        if gradebook is not None:
            gradebook.check(exercise)

    def grade(
        self, files: Sequence[tuple[str, Path]], console: Console, stop: threading.Event
    ) -> list[SubmissionResult]:
        """Return the results in the order of the files, but none of submissions not begun before `stop` was set."""
        keys = {student: self._cache.key(path) for student, path in files}
        results = {student: kept for student, _ in files if (kept := self._kept(student, keys[student]))}
        todo = [(student, path) for student, path in files if student not in results]
        if results:
            console.print(f"{self._exercise.name}: {len(results)} unchanged since they were graded (--force: all)")
        if todo and not stop.is_set():
            for student, path, result in self._graded(todo, console, stop):
                if self._gradebook is not None:
                    self._gradebook.write(student, self._exercise, path, result)
                self._cache.put(result, keys[student], recorded=self._gradebook is not None)
                results[student] = result
        return [results[student] for student, _ in files if student in results]

    def _kept(self, student: str, key: str | None) -> SubmissionResult | None:
        if self._plan.force or (self._gradebook is not None and not self._gradebook.there(student, self._exercise)):
            return None
        return self._cache.get(student, key, recorded=self._gradebook is not None)

    def _graded(
        self, files: Sequence[tuple[str, Path]], console: Console, stop: threading.Event
    ) -> Iterator[tuple[str, Path, SubmissionResult]]:
        """Yield each submission's result as it is done."""
        jobs = min(self._plan.jobs, len(files))
        with ExitStack() as stack:
            grader = stack.enter_context(open_grader(self._course, self._exercise, jobs))
            # One thread more than lines: while they run, it reads the next submission or judges the last.
            pool = ThreadPoolExecutor(jobs + 1)
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            tracker = stack.enter_context(Tracker(self._exercise.name, len(files), console))

            def mark(student: str, path: Path) -> SubmissionResult | None:
                return None if stop.is_set() else grader.grade_file(student, path)

            waiting = {pool.submit(mark, student, path): (student, path) for student, path in files}
            for future in as_completed(list(waiting)):
                student, path = waiting.pop(future)
                result = future.result()
                if result is not None:
                    tracker.advance()
                    yield student, path, result
