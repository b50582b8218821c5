"""The engine: one exercise, its references, its sandboxes; submissions in, results out."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from autograder.checking import check
from autograder.connection import SandboxError
from autograder.exercise import Exercise
from autograder.isolation import PROCESS
from autograder.limits import Limits
from autograder.marking import Outcome, mark
from autograder.recording import RanCell
from autograder.reference import compute_references
from autograder.results import Status, StepResult, SubmissionResult
from autograder.sandbox import Sandbox, begun
from autograder.submission import Submission, UnreadableError, read_submission
from autograder.targets import Targets

REGRADE = "this is a fault of the autograder, not of the submission: grade it again"


@dataclass(frozen=True)
class Marked:
    """What grading a notebook gives: the result, and what its cells did, by their place in the notebook."""

    result: SubmissionResult
    cells: dict[int, RanCell]


class Grader:
    """Grades submissions of one exercise. Use as a context manager: it keeps warm processes.

    secret: what hidden cases are drawn from. credit: the part of the points for each verdict. kept: a folder
    where the cases' data is kept for the next time. isolation: the degree, see autograder.isolation.
    sandboxes: that are begun already, in the place of `jobs` new ones.
    Raises on construction what computing the references raises, ExerciseError and SetupError, and IsolationError.
    """

    def __init__(
        self,
        exercise: Exercise,
        secret: bytes,
        credit: Mapping[str, float],
        jobs: int = 1,
        kept: Path | None = None,
        *,
        limits: Limits | None = None,
        isolation: str = PROCESS,
        sandboxes: Sequence[Sandbox] = (),
    ) -> None:
        self.exercise = exercise
        self._credit = credit
        self._stack = ExitStack()
        self._sandboxes: queue.SimpleQueue[Sandbox] = queue.SimpleQueue()
        sandboxes = sandboxes or begun(exercise, jobs, limits, isolation)
        for sandbox in sandboxes:
            self._stack.enter_context(sandbox)
        with ExitStack() as on_error:
            on_error.callback(self.close)
            references = compute_references(exercise, secret, kept)
            self._targets = Targets(exercise, references)
            cases = (references.public, *references.hidden, *references.rounded)
            for sandbox in sandboxes:
                sandbox.cases = [case.known for case in cases]
                self._sandboxes.put(sandbox)
            with suppress(OSError, SandboxError):
                sandboxes[0].start()
            on_error.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the sandboxes."""
        self._stack.close()

    def grade_file(self, student: str, path: Path) -> Marked:
        """Grade one file. Never raises: whatever goes wrong is in the result."""
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            reason = f"there is no {path.name} in the submission; submit it under this name"
            return Marked(self._unmarked(student, "missing", reason), {})
        except OSError:
            pass  # reading it says why
        return self.grade(student, lambda: read_submission(path, self.exercise))

    def grade(self, student: str, read: Callable[[], Submission]) -> Marked:
        """Grade what `read` returns. Never raises: whatever goes wrong is in the result."""
        started = time.perf_counter()
        try:
            submission = read()
            with self._sandbox() as sandbox:
                checked = check(self.exercise.steps, self._targets, submission, sandbox)
            outcome = mark(self.exercise, self._targets, submission, checked)
            seconds = round(time.perf_counter() - started, 3)
            return Marked(self._result(student, submission, outcome, seconds), outcome.cells)
        except UnreadableError as error:
            return Marked(self._unmarked(student, "unreadable", str(error)), {})
        except Exception as error:  # one bad submission never stops the rest
            reason = f"{type(error).__name__}: {error}; {REGRADE}"
            return Marked(self._unmarked(student, "crashed", reason), {})

    @contextmanager
    def _sandbox(self) -> Iterator[Sandbox]:
        sandbox = self._sandboxes.get()
        try:
            yield sandbox
        finally:
            self._sandboxes.put(sandbox)

    def _result(self, student: str, submission: Submission, outcome: Outcome, seconds: float) -> SubmissionResult:
        steps = []
        for step in self.exercise.steps:
            judgement = outcome.judgements[step.name]
            steps.append(
                StepResult(
                    name=step.name,
                    label=step.label,
                    check=step.check,
                    verdict=judgement.verdict,
                    points=step.points * self._credit.get(judgement.verdict.value, 0.0),
                    max_points=step.points,
                    comparison=judgement.comparison,
                    hint=judgement.hint,
                    error=judgement.error,
                )
            )
        status: Status = "graded"
        if outcome.unfinished is not None:
            status = "timeout" if outcome.unfinished.late else "crashed"
        copied = [step.name for step in steps if step.verdict == "autograd"]
        flags = [*submission.flags, *outcome.flags]
        if copied:
            flags.append(f"{len(copied)} gradients come from autograd")
        return SubmissionResult(
            student,
            self.exercise.name,
            status,
            score=sum(step.points for step in steps),
            max_score=self.exercise.max_score,
            seconds=seconds,
            flags=tuple(flags),
            error=None if outcome.unfinished is None else outcome.unfinished.why,
            steps=tuple(steps),
        )

    def _unmarked(self, student: str, status: Status, error: str) -> SubmissionResult:
        return SubmissionResult(student, self.exercise.name, status, 0.0, self.exercise.max_score, 0.0, error=error)
