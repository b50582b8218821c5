"""Start a warm guest process, and run submissions over lines into it, one at a time on each line.

This module imports torch only after it has started that process, so that host and guest import it at the same time: it
takes each a second and more.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from autograder.exercise.notebook import Exercise
from autograder.sandbox import messages
from autograder.sandbox.host.bubblewrap import (
    BubblewrapError,
    IsolationError,
    baited,
    command,
    copy_files,
    environment,
)
from autograder.sandbox.host.pipes import Connection, SandboxError, pair
from autograder.sandbox.limits import Limits
from autograder.sandbox.messages import ForwardLine, Known, Request, Setup
from autograder.sandbox.places import BUBBLEWRAP, PROCESS
from autograder.sandbox.wire import Frame

if TYPE_CHECKING:
    from autograder.sandbox.host.received import Recording, Unfinished

# How long to wait for the exercise's own setup; data preparation on a slow, busy machine fits in this.
START_SECONDS = 300.0
# How much later than its own limit the guest may answer before the host gives the line up.
GRACE_SECONDS = 15.0
# Hidden folder beside the exercise's files: here the guest writes where bubblewrap gives it no folder.
TEMPORARY = ".temporary"


class WarmProcess:
    """A guest process that has torch and an exercise's cases loaded, with lines for submissions to run side by side.

    begin() starts it and returns at once; start() lays out the cases and waits until it is ready. Both are all or
    nothing: after any exception no process, pipe or folder is left. A context manager. The working folder has copies
    of the files beside the exercise's notebook, never a notebook: the solution stays out of reach. private: files and
    folders that a submission must not be able to reach; tried before any runs.
    """

    program: tuple[str, ...] = (sys.executable, "-I", "-m", "autograder.sandbox.guest.worker")

    def __init__(
        self,
        exercise: Exercise,
        lines: int = 1,
        limits: Limits | None = None,
        isolation: str = PROCESS,
        private: Sequence[Path] = (),
    ) -> None:
        self.exercise = exercise
        self.limits = limits or Limits()
        self.isolation = isolation
        self.private = private
        self.ready = False
        self.size = lines
        self._connections: list[Connection] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def begin(self) -> None:
        """Start the process and let it run the exercise's setup, without waiting. Raises OSError, SandboxError."""
        if self._process is not None:
            return
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def start(self, cases: Sequence[Known]) -> None:
        """Lay out these cases, the public one first, and wait until the process is ready.

        The exercise's setup runs once for all lines. Raises OSError, SandboxError, IsolationError.
        """
        if self.ready:
            return
        try:
            self.begin()
            self._lay_out(cases)
        except BaseException:
            self.close()
            raise
        self.ready = True

    def line(self, number: int) -> Connection:
        """Return the connection to line `number`, one of the processes that the guest has split into."""
        return self._connections[number]

    def close(self) -> None:
        """End the process with all its lines and remove its folder."""
        self.ready = False
        for connection in self._connections:
            connection.close()
        self._connections = []
        if self._process is not None:
            # Its lines are forks in one process group; under bubblewrap they die with it anyway.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _begin(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="dojo-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        (folder / TEMPORARY).mkdir()
        copy_files(self.exercise.path.parent, folder)
        descriptors: list[int] = []
        around = environment(str(folder / TEMPORARY))
        try:
            for _ in range(self.size):
                connection, ends = pair()
                self._connections.append(connection)
                descriptors += ends
            program = [*self.program, self.isolation, *map(str, descriptors)]
            if self.isolation == BUBBLEWRAP:
                program = command(folder, around, program)
            self._process = subprocess.Popen(
                program,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env=around,
                pass_fds=descriptors,
                start_new_session=True,
            )
        except BubblewrapError as error:
            raise SandboxError(str(error)) from None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        exercise = self.exercise
        setup = Setup(
            exercise.setup,
            exercise.parameters,
            self.limits,
            tuple(ForwardLine(line.target, line.uses, line.source) for line in exercise.assignments),
            {step.name: step.tensor for step in exercise.gradients},
        )
        self._connections[0].send(messages.setup_frame(setup))

    def _lay_out(self, cases: Sequence[Known]) -> None:
        self._expect_ok()
        assert self._folder is not None
        folder = Path(self._folder.name)
        for number, known in enumerate(cases):
            file = folder / f"case{number}"
            try:
                frame = messages.case_frame(known, file)
            except ValueError as error:
                raise SandboxError(str(error)) from None
            self._ask(frame)
            file.unlink()
        self._ask(messages.split_frame())
        if self.isolation == BUBBLEWRAP:
            self._probe(folder)

    def _probe(self, folder: Path) -> None:
        """Let the guest try to escape from a submission's fork. Raises IsolationError where it can."""
        with baited(folder, self.private) as bait:
            answer = self._ask(messages.probe_frame(bait))
        escapes = answer.header.get("escapes")
        if escapes != []:
            found = f"student code could {', '.join(escapes)}" if escapes else "the attempt to escape from it failed"
            raise IsolationError(f"bubblewrap is in place, but {found}; mend that, or accept it: --isolation process")

    def _ask(self, frame: Frame) -> Frame:
        self._connections[0].send(frame)
        return self._expect_ok()

    def _expect_ok(self) -> Frame:
        answer = self._connections[0].receive(START_SECONDS, 0)
        if answer.header.get("ok") is not True:
            raise SandboxError(str(answer.header.get("error")))
        return answer


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
        self._names = frozenset(step.name for step in process.exercise.steps)

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


def begun(
    exercise: Exercise, lines: int, limits: Limits | None, isolation: str, private: Sequence[Path] = ()
) -> WarmProcess:
    """Start a warm process and return it without waiting.

    Where it cannot start now, each line tries again for each submission, whose result then has the reason.
    """
    process = WarmProcess(exercise, lines, limits, isolation, private)
    with contextlib.suppress(OSError, SandboxError):
        process.begin()
    return process


def opened(process: WarmProcess, cases: Sequence[Known]) -> list[Line]:
    """Lay out the cases and return the lines, as many as the process has. Raises IsolationError."""
    with contextlib.suppress(OSError, SandboxError):
        process.start(cases)
    return [Line(process, number, cases) for number in range(process.size)]
