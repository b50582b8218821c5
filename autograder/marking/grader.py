"""A warm grader of one exercise: its references, its sandbox; submissions in, results out."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from autograder.exercise.notebook import Exercise
from autograder.marking.attempts import attempt
from autograder.marking.compare import Targets
from autograder.marking.mark import Marker
from autograder.marking.reasons import Explainer
from autograder.marking.result import REGRADE, SubmissionResult
from autograder.marking.take_in import at_fault, take_in, unmarked
from autograder.reference.compute import References
from autograder.sandbox.host.line import Line, opened
from autograder.sandbox.host.sandbox import WarmProcess
from autograder.submission.file import UnreadableError
from autograder.submission.notebook import HandedIn, Submission, submission_in


class Grader:
    """Grades submissions of one exercise, as many at a time as `process` has lines. A context manager.

    process: a warm process of the exercise, which may be on its way; the grader ends it. references: returns the
    references, while that process starts. credit: the part of the points for each verdict.
    Raises on construction what `references` raises, and IsolationError.
    """

    def __init__(self, process: WarmProcess, references: Callable[[], References], credit: Mapping[str, float]) -> None:
        self.exercise: Exercise = process.exercise
        self._stack = ExitStack()
        self._stack.enter_context(process)
        self._lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
        with ExitStack() as on_error:
            on_error.callback(self.close)
            self.references = references()
            explainer = Explainer(self.exercise, self.references)
            self.targets = Targets(self.exercise, self.references)
            self._marker = Marker(self.exercise, self.targets, explainer, credit)
            for line in opened(process, self.references.known):
                self._stack.callback(line.close)
                self._lines.put(line)
            on_error.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the warm processes."""
        self._stack.close()

    def grade_file(self, student: str, path: Path) -> SubmissionResult:
        """Grade one file. Never raises: whatever goes wrong is in the result."""
        found = take_in(student, path, self.exercise)
        return found if isinstance(found, SubmissionResult) else self.grade_files(student, found)

    def grade_files(self, student: str, files: HandedIn) -> SubmissionResult:
        """Grade a submission's files. Never raises: whatever goes wrong is in the result."""
        return self.grade(student, lambda: submission_in(files, self.exercise))

    def grade(self, student: str, read: Callable[[], Submission]) -> SubmissionResult:
        """Grade what `read` returns. Never raises: whatever goes wrong is in the result."""
        started = time.perf_counter()
        try:
            submission = read()
            with self._line() as line:
                line.modules = submission.modules
                attempts = attempt(self.exercise, self.targets, submission, line)
            result = self._marker.mark(student, submission, attempts, time.perf_counter() - started)
        except UnreadableError as error:
            return unmarked(student, self.exercise, "unreadable", str(error))
        except Exception as error:  # one bad submission never stops the rest
            return at_fault(student, self.exercise, f"{type(error).__name__}: {error}; {REGRADE}")
        return result

    @contextmanager
    def _line(self) -> Iterator[Line]:
        line = self._lines.get()
        try:
            yield line
        finally:
            self._lines.put(line)
