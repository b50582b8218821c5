"""Run submissions over lines into a warm process, one at a time on each line.

What reads the guest's answers imports torch, so it is imported where the first answer is read: by then the guest has
been started and imports torch itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from autograder.sandbox import messages
from autograder.sandbox.host.pipes import Connection, SandboxError
from autograder.sandbox.host.sandbox import WarmProcess
from autograder.sandbox.messages import Known, Request
from autograder.sandbox.wire import Frame

if TYPE_CHECKING:
    from autograder.sandbox.host.received import Recording, Unfinished

# How much later than its own limit the guest may answer before the host gives the line up.
GRACE_SECONDS = 15.0


class Line:
    """One line into a warm process: runs one submission at a time, each in a fork of its own.

    Where the shared process did not start, or a submission takes the line down, it continues with a process of its
    own, so that the other lines are not disturbed. cases: those that start() lays out there. modules: the Python files
    beside the notebook that is run, by name; set for each submission.
    """

    def __init__(self, process: WarmProcess, number: int, cases: Sequence[Known]) -> None:
        self.limits = process.limits
        self.modules: Mapping[str, str] = {}
        self._shared: WarmProcess | None = process
        self._number = number
        self._cases = cases
        self._own = WarmProcess(process.exercise, 1, process.limits, process.isolation, process.private)
        self._names = frozenset(name for step in process.exercise.steps for name in (step.name, step.moves) if name)

    def run(self, request: Request) -> Recording:
        """Run a submission's cells once for each run of the request.

        The notebook's own case runs in a process that does not have the hidden ones: autograd works there, and its
        output is read. How a hidden run ends is passed on as one of a few fixed sentences.
        Raises SandboxError, OSError and IsolationError where no process could be started at all.
        """
        from autograder.sandbox.host.received import RanCell, Recording, RunRecord

        request = replace(request, modules=self.modules)
        public = tuple(run for run in request.runs if run.case == 0)
        hidden = tuple(run for run in request.runs if run.case != 0)
        if not public or not hidden:
            return self._run(request)
        shown = self._run(replace(request, runs=public))
        if shown.unfinished is not None:
            rest = Recording(tuple(RunRecord() for _ in hidden))
        else:
            # A cell that ran out of time is not given that time again.
            late = {index for run in shown.runs for index, cell in run.cells.items() if cell.timed_out}
            rest = self._run(replace(request, runs=hidden, skip=(*request.skip, *late)))
            for record in rest.runs:
                record.cells.update({index: RanCell("", None, True) for index in late & record.cells.keys()})
        found = {True: iter(shown.runs), False: iter(rest.runs)}
        return Recording(tuple(next(found[run.case == 0]) for run in request.runs), shown.unfinished or rest.unfinished)

    def _run(self, request: Request) -> Recording:
        """Run in one process: the notebook's own case alone, or hidden ones."""
        from autograder.sandbox.host.received import Unfinished, parse

        hidden = any(run.case != 0 for run in request.runs)
        frame = messages.request_frame(request)
        cells = frozenset(cell.index for cell in request.script) | {messages.LAST_OF_TAPE}
        for _ in range(2):
            connection = self._connection()
            try:
                connection.send(frame)
                answer = connection.receive(self.limits.seconds + GRACE_SECONDS, self.limits.result_bytes)
            except SandboxError as error:
                # The process may have died of something else: blame a submission only for the second one.
                self._give_up()
                lost = Unfinished(f"it took its sandbox down: {error}")
            else:
                if answer.header.get("ok") is not True:
                    raise SandboxError(str(answer.header.get("error")))
                found = parse(answer.body, len(request.runs), self._names, cells, self._why_ended(answer))
                return _told_nothing(found) if hidden else found
        return parse(b"", len(request.runs), self._names, cells, lost)

    def close(self) -> None:
        """End the process that is this line's own, if there is one."""
        self._own.close()

    def _connection(self) -> Connection:
        if self._shared is not None and self._shared.ready:
            return self._shared.line(self._number)
        self._own.start(self._cases)
        return self._own.line(0)

    def _give_up(self) -> None:
        if self._shared is not None and self._shared.ready:
            self._shared.line(self._number).close()
            self._shared = None
        self._own.close()

    def _why_ended(self, answer: Frame) -> Unfinished | None:
        from autograder.sandbox.host.received import Unfinished

        ending, code = answer.header.get("ending"), answer.header.get("exit")
        if ending == "end":
            return None
        if ending == "timeout":
            return Unfinished(f"stopped after {self.limits.seconds:g} s in all", late=True)
        if ending == "stalled":
            return Unfinished(f"stopped after {self.limits.cell_seconds:g} s", late=True)
        if ending == "flood":
            return Unfinished(f"it sent more than {self.limits.result_bytes // 2**20} MB")
        died = f"killed by signal {-code}" if isinstance(code, int) and code < 0 else f"exit code {code}"
        return Unfinished(f"its Python process ended early ({died})")


def _told_nothing(recording: Recording) -> Recording:
    """Return a recording of hidden runs without the words and numbers that student code chose there."""
    from autograder.sandbox.host.received import Unfinished

    unfinished = recording.unfinished
    if unfinished is not None and not unfinished.late:
        unfinished = Unfinished("its Python process ended early in a hidden case")
    return replace(recording, unfinished=unfinished)


def opened(process: WarmProcess, cases: Sequence[Known]) -> list[Line]:
    """Lay out the cases and return the lines, as many as the process has. Raises IsolationError."""
    with contextlib.suppress(OSError, SandboxError):
        process.start(cases)
    return [Line(process, number, cases) for number in range(process.size)]
