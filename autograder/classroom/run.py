"""Grade a class: every submission of an assignment. Each result is stored as soon as it is there."""

from __future__ import annotations

import errno
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

from rich.console import Console

from autograder.classroom.cache import Cache
from autograder.classroom.progress import Tracker
from autograder.course.folder import CourseError, GradebookError, UnrecordedError, unusable_name
from autograder.course.open_grader import Course, open_grader
from autograder.course.secret import fingerprint
from autograder.exercise.notebook import Exercise, OrdinaryError, read_exercise
from autograder.marking.result import REGRADE, ClassResult, SubmissionResult
from autograder.text import one_line

# Errors of a file system that every further submission would meet too.
FOR_ALL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG, errno.EMFILE, errno.ENFILE})


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

    def holds(self, student: str, exercise: Exercise, submitted: Path, result: SubmissionResult) -> bool:
        """Return whether this result of this file is in the gradebook, with the student's autograded notebook."""

    def write(self, student: str, exercise: Exercise, submitted: Path, result: SubmissionResult) -> None:
        """Write one result. Raises GradebookError, OSError and UnrecordedError."""


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
    unrecorded: list[str] = []
    with _stop_on_ctrl_c(console) as stop:
        exercises = _exercises(plan, console)
        for exercise, files in exercises:
            run = _ExerciseRun(plan, exercise, course, gradebook)
            results += run.grade(files, console, stop)
            unrecorded += run.unrecorded
    left = sum(len(files) for _, files in exercises) - len(results)
    seconds = round(time.perf_counter() - started, 3)
    secret = fingerprint(course.secret)
    done = ClassResult(plan.assignment, course.isolation, secret, seconds, tuple(results), tuple(unrecorded))
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
        self.unrecorded: list[str] = []
        self._cache = Cache(course.kept / plan.assignment, exercise, fingerprint(course.secret), course.settings)
        if gradebook is not None:
            gradebook.check(exercise)

    def grade(
        self, files: Sequence[tuple[str, Path]], console: Console, stop: threading.Event
    ) -> list[SubmissionResult]:
        """Return the results in the order of the files, without those that were not begun before `stop` was set."""
        results = {
            student: self._refused(student, reason) for student, _ in files if (reason := unusable_name(student))
        }
        files_of = {student: path for student, path in files if student not in results}
        keys = {student: self._cache.key(path) for student, path in files_of.items()}
        kept = {student: found for student, path in files_of.items() if (found := self._kept(student, path, keys))}
        todo = [(student, path) for student, path in files_of.items() if student not in kept]
        results |= kept
        if kept:
            console.print(f"{self._exercise.name}: {len(kept)} unchanged since they were graded (--force: all)")
        if todo and not stop.is_set():
            for student, path, result in self._graded(todo, console, stop):
                if self._recorded(student, path, result):
                    self._cache.put(result, keys[student], recorded=self._gradebook is not None)
                results[student] = result
        return [results[student] for student, _ in files if student in results]

    def _refused(self, student: str, reason: str) -> SubmissionResult:
        """The result of a folder that can be no student's; there is nobody in the gradebook to record it for."""
        name, most = one_line(student), self._exercise.max_score
        return SubmissionResult(name, self._exercise.name, "unreadable", 0.0, most, 0.0, error=reason)

    def _kept(self, student: str, path: Path, keys: Mapping[str, str | None]) -> SubmissionResult | None:
        if self._plan.force:
            return None
        found = self._cache.get(student, keys[student], recorded=self._gradebook is not None)
        if found is None or self._gradebook is None or self._gradebook.holds(student, self._exercise, path, found):
            return found
        return None

    def _recorded(self, student: str, path: Path, result: SubmissionResult) -> bool:
        """Write a result into the gradebook, if there is one; return whether it is done. Notes who is left out.

        A fault of the autograder's is no mark: the old one stays. Raises GradebookError and OSError where nobody's
        can be written.
        """
        if result.fault:
            self._leave_out(student, result.error or "it could not be graded")
            return False
        if self._gradebook is not None:
            try:
                self._gradebook.write(student, self._exercise, path, result)
            except (GradebookError, CourseError):
                raise
            except OSError as error:
                if error.errno in FOR_ALL:
                    raise
                self._leave_out(student, f"{error.strerror}: {error.filename}; mend that and run again")
                return False
            except UnrecordedError as error:
                self._leave_out(student, str(error))
                return False
            except Exception as error:  # one bad submission never stops the rest
                self._leave_out(student, f"{type(error).__name__}: {error}; {REGRADE}")
                return False
        return True

    def _leave_out(self, student: str, reason: str) -> None:
        self.unrecorded.append(f"{one_line(student)}/{self._exercise.name} has no new mark: {one_line(reason)}")

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
