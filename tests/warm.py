"""Warm graders and sandboxes for tests, of any exercise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from autograder.exercise.notebook import Exercise
from autograder.marking.grader import Grader
from autograder.marking.verdict import CREDIT
from autograder.reference.kept import references_of
from autograder.sandbox.host.line import Line
from autograder.sandbox.host.sandbox import WarmProcess
from autograder.sandbox.limits import Limits
from autograder.sandbox.messages import Known
from autograder.sandbox.places import PROCESS

SECRET = b"the secret of the tests"


def warm_grader(
    exercise: Exercise,
    secret: bytes = SECRET,
    credit: Mapping[str, float] = CREDIT,
    jobs: int = 1,
    *,
    limits: Limits | None = None,
    isolation: str = PROCESS,
) -> Grader:
    return Grader(WarmProcess(exercise, jobs, limits, isolation), lambda: references_of(exercise, secret, None), credit)


@contextmanager
def line(
    exercise: Exercise,
    cases: Sequence[Known],
    limits: Limits | None = None,
    isolation: str = PROCESS,
    program: tuple[str, ...] | None = None,
) -> Iterator[Line]:
    """A line into a process that is ready. Raises what starting it raises."""
    with WarmProcess(exercise, 1, limits, isolation) as process:
        if program is not None:
            process.program = program
        process.start(cases)
        one = Line(process, 0, cases)
        try:
            yield one
        finally:
            one.close()


def process_of(line: Line) -> WarmProcess:
    """The process that the line's next submission runs in."""
    return line._shared if line._shared is not None and line._shared.ready else line._own
