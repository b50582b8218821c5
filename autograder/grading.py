"""The engine: one exercise, its reference, its sandboxes; submissions in, results out."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from autograder.exercise import Exercise
from autograder.namespace import PUBLIC
from autograder.recording import Recording
from autograder.reference import compute_reference
from autograder.results import Status, StepResult, SubmissionResult
from autograder.sandbox import Sandbox
from autograder.submission import Submission, UnreadableError, read_submission
from autograder.verdict import CREDIT, judge

REGRADE = "this is a fault of the autograder, not of the submission: grade it again"


@dataclass(frozen=True)
class Marked:
    """What grading a notebook gives: the result, and what its cells printed (None where nothing ran)."""

    result: SubmissionResult
    recording: Recording | None


class Grader:
    """Grades submissions of one exercise. Use as a context manager: it keeps warm processes.

    Raises on construction what reading the reference raises: ExerciseError, SetupError.
    """

    def __init__(self, exercise: Exercise, jobs: int = 1) -> None:
        self.exercise = exercise
        self.isolation = Sandbox.isolation
        self._reference = compute_reference(exercise, PUBLIC)
        self._jobs = jobs
        self._stack = ExitStack()
        self._sandboxes: queue.SimpleQueue[Sandbox] = queue.SimpleQueue()
        for _ in range(jobs):
            self._sandboxes.put(self._stack.enter_context(Sandbox(exercise)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the sandboxes."""
        self._stack.close()

    def grade_files(self, files: Iterable[tuple[str, Path]]) -> Iterator[SubmissionResult]:
        """Grade many submissions, given as (student, path), in parallel; results come in the order given."""
        with ThreadPoolExecutor(self._jobs) as pool:
            yield from pool.map(lambda file: self.grade_file(*file), files)

    def grade_file(self, student: str, path: Path) -> SubmissionResult:
        """Grade one file. Never raises: whatever goes wrong is in the result."""
        if not path.is_symlink() and not path.exists():
            reason = f"there is no {path.name} in the submission; submit it under this name"
            return self._unmarked(student, "missing", reason)
        return self.grade(student, lambda: read_submission(path, self.exercise)).result

    def grade(self, student: str, read: Callable[[], Submission]) -> Marked:
        """Grade what `read` returns. Never raises: whatever goes wrong is in the result."""
        started = time.perf_counter()
        try:
            submission = read()
            with self._sandbox() as sandbox:
                recording = sandbox.run(submission)
            return self._mark(student, submission, recording, started)
        except UnreadableError as error:
            return Marked(self._unmarked(student, "unreadable", str(error)), None)
        except Exception as error:  # one bad submission never stops the rest
            reason = f"{type(error).__name__}: {error}; {REGRADE}"
            return Marked(self._unmarked(student, "crashed", reason), None)

    @contextmanager
    def _sandbox(self) -> Iterator[Sandbox]:
        sandbox = self._sandboxes.get()
        try:
            yield sandbox
        finally:
            self._sandboxes.put(sandbox)

    def _mark(self, student: str, submission: Submission, recording: Recording, started: float) -> Marked:
        steps = []
        for step in self.exercise.steps:
            judgement = judge(
                recording,
                step.name,
                submission.sources[step.name],
                submission.indices[step.name],
                self._reference.gradients[step.tensor],
            )
            points = step.points * CREDIT.get(judgement.verdict, 0.0)
            steps.append(
                StepResult(
                    step.name,
                    step.label,
                    step.check,
                    judgement.verdict,
                    points,
                    step.points,
                    judgement.comparison,
                    judgement.hint,
                    judgement.error,
                )
            )
        status: Status = "graded"
        if recording.ending != "end":
            status = "timeout" if recording.ending == "timeout" else "crashed"
        result = SubmissionResult(
            student,
            self.exercise.name,
            status,
            score=sum(step.points for step in steps),
            max_score=self.exercise.max_score,
            seconds=round(time.perf_counter() - started, 3),
            flags=submission.flags,
            error=recording.detail or None if status != "graded" else None,
            steps=tuple(steps),
        )
        return Marked(result, recording)

    def _unmarked(self, student: str, status: Status, error: str) -> SubmissionResult:
        return SubmissionResult(student, self.exercise.name, status, 0.0, self.exercise.max_score, 0.0, error=error)
