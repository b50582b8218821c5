"""Grade on this machine: a warm sandbox for each exercise, with as many lines as submissions run side by side."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path

from autograder.classroom.plan import Files
from autograder.course.open_grader import Course, begin_program, open_grader
from autograder.exercise.notebook import Exercise
from autograder.marking.result import SubmissionResult
from autograder.sandbox.host.program import Program


class LocalGraders:
    """Grades `jobs` submissions at a time. All exercises of a run share one guest program."""

    def __init__(self, course: Course, jobs: int) -> None:
        self._course = course
        self._jobs = jobs
        self._shared: Program | None = None

    def begin(self, todo: Mapping[str, int], exercises: Sequence[Exercise]) -> None:
        """Start the guest program, where there is more than one exercise."""
        self._jobs = min(self._jobs, max(todo.values(), default=0))
        self._shared = begin_program(self._course, exercises, self._jobs)

    def grade(
        self, exercise: Exercise, files: Files, stop: threading.Event
    ) -> Iterator[tuple[str, Path, SubmissionResult]]:
        """Yield each submission with its result as it is done. Raises what open_grader raises."""
        with ExitStack() as stack:
            grader = stack.enter_context(open_grader(self._course, exercise, self._jobs, self._shared))
            # One thread more than lines: while they run, it reads the next submission or judges the last.
            pool = ThreadPoolExecutor(self._jobs + 1)
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)

            def mark(student: str, path: Path) -> SubmissionResult | None:
                return None if stop.is_set() else grader.grade_file(student, path)

            waiting = {pool.submit(mark, student, path): (student, path) for student, path in files}
            for future in as_completed(list(waiting)):
                student, path = waiting.pop(future)
                result = future.result()
                if result is not None:
                    yield student, path, result

    def close(self) -> None:
        """End the guest program."""
        if self._shared is not None:
            self._shared.close()
