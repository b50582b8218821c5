"""`autograder grade`: a class through the engine, with what is done kept at every moment."""

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
from typing import TYPE_CHECKING

from rich.console import Console

from autograder.exercise import Exercise, read_exercise
from autograder.progress import Tracker
from autograder.results import ClassResult, SubmissionResult
from autograder.sandbox import begun
from autograder.secret import fingerprint
from autograder.settings import Settings
from autograder.store import CASES, FOLDER, Store

if TYPE_CHECKING:
    from autograder.grading import Marked
    from autograder.nbgrader.autograded import Autograded


@dataclass(frozen=True)
class Plan:
    """What to grade. files: for each exercise's notebook, (student, submitted file). force: also what is done."""

    assignment: str
    files: dict[Path, list[tuple[str, Path]]]
    jobs: int
    force: bool = False


class Interrupted(Exception):  # noqa: N818 (it is no error)
    """Ctrl-C: the submissions in hand were finished, the others were not begun."""

    def __init__(self, done: ClassResult, left: int) -> None:
        super().__init__(f"{left} submissions are left")
        self.done = done
        self.left = left


def grade_class(
    plan: Plan,
    settings: Settings,
    secret: bytes,
    isolation: str,
    console: Console,
    autograded: Autograded | None = None,
) -> ClassResult:
    """Grade every submission of the plan; with `autograded`, into the gradebook too.

    isolation: the degree in force.
    Raises Interrupted, what Grader raises, and what writing raises (OSError, GradebookError).
    """
    started = time.perf_counter()
    results: list[SubmissionResult] = []
    with _stop_on_ctrl_c(console) as stop:
        for path, files in plan.files.items():
            run = _ExerciseRun(plan, read_exercise(path), settings, secret, isolation, autograded)
            results += run.grade(files, console, stop)
    left = sum(len(files) for files in plan.files.values()) - len(results)
    seconds = round(time.perf_counter() - started, 3)
    done = ClassResult(plan.assignment, isolation, fingerprint(secret), seconds, tuple(results))
    if left:
        raise Interrupted(done, left)
    return done


@contextmanager
def _stop_on_ctrl_c(console: Console) -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, whatever is being done at the time; the second raises KeyboardInterrupt."""
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
    def __init__(
        self,
        plan: Plan,
        exercise: Exercise,
        settings: Settings,
        secret: bytes,
        isolation: str,
        autograded: Autograded | None,
    ) -> None:
        self._plan = plan
        self._exercise = exercise
        self._settings = settings
        self._secret = secret
        self._isolation = isolation
        self._autograded = autograded
        self._store = Store(FOLDER / plan.assignment, exercise, fingerprint(secret), settings.credit)
        if autograded is not None:
            autograded.check(exercise)

    def grade(
        self, files: Sequence[tuple[str, Path]], console: Console, stop: threading.Event
    ) -> list[SubmissionResult]:
        """The results in the order of the files; without those that were not begun before `stop` was set."""
        keys = {student: self._store.key(path) for student, path in files}
        results = {student: stored for student, _ in files if (stored := self._stored(student, keys[student]))}
        todo = [(student, path) for student, path in files if student not in results]
        if results:
            console.print(f"{self._exercise.name}: {len(results)} unchanged since they were graded (--force: all)")
        if todo and not stop.is_set():
            for student, path, marked in self._graded(todo, console, stop):
                if self._autograded is not None:
                    self._autograded.write(student, self._exercise, path, marked)
                self._store.put(marked.result, keys[student], recorded=self._autograded is not None)
                results[student] = marked.result
        return [results[student] for student, _ in files if student in results]

    def _stored(self, student: str, key: str | None) -> SubmissionResult | None:
        gradebook = self._autograded is not None
        if self._plan.force or (self._autograded is not None and not self._autograded.there(student, self._exercise)):
            return None
        return self._store.get(student, key, recorded=gradebook)

    def _graded(
        self, files: Sequence[tuple[str, Path]], console: Console, stop: threading.Event
    ) -> Iterator[tuple[str, Path, Marked]]:
        """Each submission as it is done."""
        jobs = min(self._plan.jobs, len(files))
        with ExitStack() as stack:
            sandboxes = begun(self._exercise, jobs, self._settings.limits, self._isolation)
            for sandbox in sandboxes:
                stack.enter_context(sandbox)
            from autograder.grading import Grader  # imports torch, as the sandbox does at the same time

            kept = FOLDER / CASES
            grader = Grader(self._exercise, self._secret, self._settings.credit, kept=kept, sandboxes=sandboxes)
            stack.enter_context(grader)
            # One more than there are sandboxes: while they run, it reads the next submission or judges the last.
            pool = ThreadPoolExecutor(jobs + 1)
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            tracker = stack.enter_context(Tracker(self._exercise.name, len(files), console))

            def mark(student: str, path: Path) -> Marked | None:
                return None if stop.is_set() else grader.grade_file(student, path)

            waiting = {pool.submit(mark, student, path): (student, path) for student, path in files}
            for future in as_completed(list(waiting)):
                student, path = waiting.pop(future)
                marked = future.result()
                if marked is not None:
                    tracker.advance()
                    yield student, path, marked
