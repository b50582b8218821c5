"""Start a warm guest process that has torch and an exercise's cases loaded, for submissions to run in.

This module imports torch only after it has started that process, so that host and guest import it at the same time: it
takes each a second and more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from autograder.exercise.notebook import Exercise
from autograder.sandbox import messages
from autograder.sandbox.host.bubblewrap import IsolationError, baited
from autograder.sandbox.host.pipes import Connection, SandboxError
from autograder.sandbox.host.program import WORKER, Program
from autograder.sandbox.limits import Limits
from autograder.sandbox.messages import ForwardLine, Known, Setup
from autograder.sandbox.places import BUBBLEWRAP, PROCESS
from autograder.sandbox.wire import Frame

# How long to wait for the exercise's own setup; data preparation on a slow, busy machine fits in this.
START_SECONDS = 300.0


class WarmProcess:
    """A guest process that has torch and an exercise's cases loaded, with lines for submissions to run side by side.

    begin() starts it and returns at once; start() lays out the cases and waits until it is ready. Both are all or
    nothing: after any exception no process, pipe or folder is left. A context manager. The working folder has copies
    of the files beside the exercise's notebook, never a notebook: the solution stays out of reach. private: files and
    folders that a submission must not be able to reach; tried before any runs. shared: a program of `lines` lines that
    it is to be a member of; without one it has a program of its own.
    """

    program: tuple[str, ...] = WORKER

    def __init__(
        self,
        exercise: Exercise,
        lines: int = 1,
        limits: Limits | None = None,
        isolation: str = PROCESS,
        private: Sequence[Path] = (),
        shared: Program | None = None,
    ) -> None:
        self.exercise = exercise
        self.limits = limits or Limits()
        self.isolation = isolation
        self.private = private
        self.ready = False
        self.size = lines
        self._shared = shared
        self._connections: list[Connection] = []
        self._running: Program | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def begin(self) -> None:
        """Start the process and let it run the exercise's setup, without waiting. Raises OSError, SandboxError."""
        if self._running is not None:
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
        if self._running is not None:
            self._running.leave()
            self._running = None

    def _begin(self) -> None:
        shared, self._shared = self._shared, None  # what has failed there once is tried in a program of its own
        if shared is None:
            shared = Program(self.exercise.path.parent, self.isolation, 1, self.size, self.program)
        self._running = shared
        self._connections = shared.take()
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
        assert self._running is not None
        folder = self._running.folder
        file = folder / "case"
        try:
            for frame in messages.case_frames(cases, file):
                self._running.hand_over(file)
                self._ask(frame)
                file.unlink()
        except ValueError as error:
            raise SandboxError(str(error)) from None
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


def begun(
    exercise: Exercise,
    lines: int,
    limits: Limits | None,
    isolation: str,
    private: Sequence[Path] = (),
    shared: Program | None = None,
) -> WarmProcess:
    """Start a warm process and return it without waiting. shared: a program that it is to be a member of.

    Where it cannot start now, each line tries again for each submission, whose result then has the reason.
    """
    process = WarmProcess(exercise, lines, limits, isolation, private, shared)
    with contextlib.suppress(OSError, SandboxError):
        process.begin()
    return process
