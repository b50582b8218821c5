"""The host's handle on the guest: a warm process, and the lines into it that run one submission at a time.

Nothing here imports torch before that process is on its way, which imports it too: both take a second and more.
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
from autograder.sandbox.messages import Known, Request, Run, ScriptCell, Setup
from autograder.sandbox.places import BUBBLEWRAP, PROCESS
from autograder.sandbox.wire import Frame

if TYPE_CHECKING:
    from autograder.sandbox.host.received import Recording, Unfinished

# The exercise's own setup runs once in the sandbox; data preparation on a slow, busy machine fits in this.
START_SECONDS = 300.0
# What the sandbox's own clock may lag behind before a line is given up.
GRACE_SECONDS = 15.0
# Beside the exercise's files, hidden: what the process itself writes, where bubblewrap gives it no folder.
TEMPORARY = ".temporary"


class WarmProcess:
    """A guest process that has torch and an exercise's cases loaded, with lines for submissions to run side by side.

    begin() starts it and returns at once; start() lays out the cases and waits until it is ready. Both are all or
    nothing: after any exception no process, pipe or folder is left. Use as a context manager. Its working folder holds
    copies of the files beside the exercise's notebook, never a notebook: the solution stays out of reach.
    private: files and folders that a submission must not be able to reach; tried before any runs.
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
        """Have the process ready with these cases, the public one first. Raises OSError, SandboxError, IsolationError.

        The exercise's setup is run once for all lines.
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
        """Return the connection to one of the processes that this one has split into."""
        return self._connections[number]

    def close(self) -> None:
        """End the process with all its lines and remove its folder."""
        self.ready = False
        for connection in self._connections:
            connection.close()
        self._connections = []
        if self._process is not None:
            # Its lines are forks of it in one process group; under bubblewrap they die with it anyway.
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
        setup = Setup(self.exercise.setup, self.exercise.parameters, self.limits)
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
        """Try to escape from where a submission runs. Raises IsolationError where bubblewrap does not hold."""
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

    Where the shared process is not to be had, or a submission takes the line down, it goes on with a process of its
    own, so that the other lines are not disturbed. cases: what start() lays out there. modules: the Python files beside
    the notebook that is run, by name; set for each submission.
    """

    def __init__(self, process: WarmProcess, number: int, cases: Sequence[Known]) -> None:
        self.limits = process.limits
        self.modules: Mapping[str, str] = {}
        self._shared: WarmProcess | None = process
        self._number = number
        self._cases = cases
        self._own = WarmProcess(process.exercise, 1, process.limits, process.isolation, process.private)
        self._names = frozenset(step.name for step in process.exercise.steps)

    def run(
        self,
        script: Sequence[ScriptCell],
        runs: Sequence[Run],
        skip: Sequence[int] = (),
        *,
        cell_by_cell: bool = False,
    ) -> Recording:
        """Run a submission's cells, all but those at the indices in `skip`, once for each of `runs`.

        The notebook's own case runs in a process that does not have the hidden ones: autograd works there, and what is
        printed there is read. Of a hidden run's end nothing is passed on but one of a few fixed sentences.
        cell_by_cell: have every cell reported before the next runs: slower, and one that ends the process is known
        by its index.
        Raises SandboxError, OSError and IsolationError where no process could be started at all.
        """
        from autograder.sandbox.host.received import RanCell, Recording, RunRecord

        public = [run for run in runs if run.case == 0]
        hidden = [run for run in runs if run.case != 0]
        if not public or not hidden:
            return self._run(script, runs, skip, cell_by_cell)
        shown = self._run(script, public, skip, cell_by_cell)
        if shown.unfinished is not None:
            rest = Recording(tuple(RunRecord() for _ in hidden))
        else:
            # A cell that ran out of time is not given that time again.
            late = {index for run in shown.runs for index, cell in run.cells.items() if cell.timed_out}
            rest = self._run(script, hidden, (*skip, *late), cell_by_cell)
            for run in rest.runs:
                run.cells.update({index: RanCell("", None, True) for index in late & run.cells.keys()})
        found = {True: iter(shown.runs), False: iter(rest.runs)}
        return Recording(tuple(next(found[run.case == 0]) for run in runs), shown.unfinished or rest.unfinished)

    def _run(
        self, script: Sequence[ScriptCell], runs: Sequence[Run], skip: Sequence[int], cell_by_cell: bool
    ) -> Recording:
        """Run in one process: the notebook's own case alone, or hidden ones."""
        from autograder.sandbox.host.received import Unfinished, parse

        hidden = any(run.case != 0 for run in runs)
        frame = messages.request_frame(Request(tuple(script), tuple(runs), tuple(skip), cell_by_cell, self.modules))
        cells = frozenset(cell.index for cell in script)
        for _ in range(2):
            connection = self._connection()
            try:
                connection.send(frame)
                answer = connection.receive(self.limits.seconds + GRACE_SECONDS, self.limits.result_bytes)
            except SandboxError as error:
                # It may have died of something else: only what takes down a second one is to blame.
                self._give_up()
                lost = Unfinished(f"it took its sandbox down: {error}")
            else:
                if answer.header.get("ok") is not True:
                    raise SandboxError(str(answer.header.get("error")))
                found = parse(answer.body, len(runs), self._names, cells, self._why_ended(answer))
                return _told_nothing(found) if hidden else found
        return parse(b"", len(runs), self._names, cells, lost)

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
    """Return a warm process that is on its way.

    Where it cannot start now, each line tries again for each submission, which then says why.
    """
    process = WarmProcess(exercise, lines, limits, isolation, private)
    with contextlib.suppress(OSError, SandboxError):
        process.begin()
    return process


def opened(process: WarmProcess, cases: Sequence[Known]) -> list[Line]:
    """Lay out the cases and return a line for each submission that is to run at a time. Raises IsolationError."""
    with contextlib.suppress(OSError, SandboxError):
        process.start(cases)
    return [Line(process, number, cases) for number in range(process.size)]
