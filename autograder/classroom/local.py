"""Grade on this machine: a warm sandbox for each exercise, with as many lines as submissions run side by side."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path

from autograder.classroom.plan import Files
from autograder.course.open_grader import Course, begin, open_grader
from autograder.exercise.notebook import Exercise
from autograder.marking.result import SubmissionResult
from autograder.sandbox.host.sandbox import WarmProcess


class LocalGraders:
    """Grades `jobs` submissions at a time. All exercises of a run share one guest program."""

    def __init__(self, course: Course, jobs: int) -> None:
        self._course = course
        self._jobs = jobs
        self._begun: dict[str, WarmProcess] = {}

    def begin(self, todo: Mapping[str, int], exercises: Sequence[Exercise]) -> None:
        """Start the sandboxes, where there is more than one exercise: each runs its setup while others are at work."""
        self._jobs = min(self._jobs, max(todo.values(), default=0))
        self._begun = begin(self._course, exercises, self._jobs)

    def grade(
        self, exercise: Exercise, files: Files, stop: threading.Event
    ) -> Iterator[tuple[str, Path, SubmissionResult]]:
        """Yield each submission with its result as it is done. Raises what open_grader raises."""
        with ExitStack() as stack:
            process = self._begun.pop(exercise.name, None)
            grader = stack.enter_context(open_grader(self._course, exercise, self._jobs, process))
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
        """End the sandboxes that were not used."""
        while self._begun:
            self._begun.popitem()[1].close()
