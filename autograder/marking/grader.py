"""A warm grader of one exercise: its references, its sandbox; submissions in, results out."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from autograder.exercise.notebook import Exercise
from autograder.marking.attempts import attempt
from autograder.marking.compare import Targets
from autograder.marking.mark import Marker
from autograder.marking.reasons import Explainer
from autograder.marking.result import REGRADE, Status, SubmissionResult
from autograder.reference.compute import compute_references
from autograder.sandbox.host.sandbox import Line, WarmProcess, opened
from autograder.submission.file import UnreadableError
from autograder.submission.notebook import Submission, read_submission
from autograder.text import one_line

MAX_NAMED = 5  # notebooks of another name that are mentioned where the right one is missing


class Grader:
    """Grades submissions of one exercise, as many at a time as `process` has lines. A context manager.

    secret: what hidden cases are drawn from. credit: the part of the points for each verdict. process: a warm
    process of the exercise, which may be on its way; the grader ends it. kept: a folder where the cases' data is kept
    for the next time.
    Raises on construction what computing the references raises, ExerciseError and SetupError, and IsolationError.
    """

    def __init__(
        self, process: WarmProcess, secret: bytes, credit: Mapping[str, float], kept: Path | None = None
    ) -> None:
        self.exercise: Exercise = process.exercise
        self._stack = ExitStack()
        self._stack.enter_context(process)
        self._lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
        with ExitStack() as on_error:
            on_error.callback(self.close)
            references = compute_references(self.exercise, secret, kept)
            explainer = Explainer(self.exercise, references)
            self._marker = Marker(self.exercise, Targets(self.exercise, references), explainer, credit)
            cases = (references.public, *references.hidden, *references.rounded)
            for line in opened(process, [case.known for case in cases]):
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
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return self._unmarked(student, "missing", _why_missing(path))
        except OSError:
            pass  # reading it says why
        return self.grade(student, lambda: read_submission(path, self.exercise))

    def grade(self, student: str, read: Callable[[], Submission]) -> SubmissionResult:
        """Grade what `read` returns. Never raises: whatever goes wrong is in the result."""
        started = time.perf_counter()
        try:
            submission = read()
            with self._line() as line:
                line.modules = submission.modules
                attempts = attempt(self.exercise, self._marker.targets, submission, line)
            result = self._marker.mark(student, submission, attempts, time.perf_counter() - started)
        except UnreadableError as error:
            return self._unmarked(student, "unreadable", str(error))
        except Exception as error:  # one bad submission never stops the rest
            reason = f"{type(error).__name__}: {error}; {REGRADE}"
            return replace(self._unmarked(student, "crashed", reason), fault=True)
        return result

    @contextmanager
    def _line(self) -> Iterator[Line]:
        line = self._lines.get()
        try:
            yield line
        finally:
            self._lines.put(line)

    def _unmarked(self, student: str, status: Status, error: str) -> SubmissionResult:
        return SubmissionResult(student, self.exercise.name, status, 0.0, self.exercise.max_score, 0.0, error=error)


def _why_missing(path: Path) -> str:
    """Say that a notebook is not there, and which there are: browsers and students rename them."""
    try:
        there = sorted(file.name for file in path.parent.glob("*.ipynb") if not file.name.startswith("."))
    except OSError:
        there = []
    others = f", only {', '.join(map(one_line, there[:MAX_NAMED]))}" if there else ""
    return f"there is no {path.name} in the submission{others}; submit it under this name"
