"""The trusted side's handle on the process that runs student code.

Nothing here imports torch before that process is on its way, which imports it too: both take a second and more.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from autograder import bubblewrap
from autograder.bubblewrap import BubblewrapError
from autograder.connection import Connection, SandboxError, pair
from autograder.exercise import Exercise
from autograder.isolation import BUBBLEWRAP, PROCESS, IsolationError
from autograder.limits import Limits
from autograder.submission import Submission
from autograder.surroundings import baited, copy_files, environment
from autograder.wire import Frame

if TYPE_CHECKING:
    from autograder.recording import Recording, Unfinished
    from autograder.reference import Known
    from autograder.student_run import Run

# The exercise's own setup runs once in the sandbox; data preparation on a slow, busy machine fits in this.
START_SECONDS = 300.0
# What the sandbox's own clock may lag behind before the whole process is given up.
GRACE_SECONDS = 15.0
# Beside the exercise's files, hidden: what the process itself writes, where bubblewrap gives it no place.
TEMPORARY = ".temporary"


class Sandbox:
    """A process that has every case's forward values laid out and runs submissions, each in its own fork.

    Its cases are given by `cases`: what a student may know of each, the public case first. They may be set after
    begin(), which starts the process early. Use as a context manager. The process's working folder holds copies
    of the files beside the exercise's notebook, never a notebook: the solution stays out of reach of whoever
    looks around.
    """

    program: tuple[str, ...] = (sys.executable, "-I", "-m", "autograder.worker")

    def __init__(
        self,
        exercise: Exercise,
        cases: Sequence[Known] = (),
        limits: Limits | None = None,
        isolation: str = PROCESS,
    ) -> None:
        self._exercise = exercise
        self.cases = cases
        self.limits = limits or Limits()
        self.isolation = isolation
        self._names = frozenset(step.name for step in exercise.steps)
        self._connection: Connection | None = None
        self._ready = False
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._sharing: Sequence[Sandbox] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def run(
        self, submission: Submission, runs: Sequence[Run], skip: Sequence[int] = (), *, cell_by_cell: bool = False
    ) -> Recording:
        """Run a submission's cells, all but those at the places in `skip`, once for each of `runs`.

        cell_by_cell: have every cell reported before the next runs: slower, and one that ends the process is known
        by its place.
        Raises SandboxError where no process could be started at all.
        """
        from autograder.recording import Unfinished, parse

        request = {
            "script": [vars(cell) for cell in submission.script],
            "runs": [vars(run) for run in runs],
            "skip": list(skip),
            "cell_by_cell": cell_by_cell,
        }
        frame = Frame({"submission": True}, json.dumps(request).encode())
        cells = frozenset(cell.index for cell in submission.script)
        for _ in range(2):
            self.start()
            assert self._connection is not None
            try:
                self._connection.send(frame)
                answer = self._connection.receive(self.limits.seconds + GRACE_SECONDS, self.limits.result_bytes)
            except SandboxError as error:
                # It may have died of something else: only what takes down a second one is to blame.
                self.close()
                lost = Unfinished(f"it took its sandbox down: {error}")
            else:
                if answer.header.get("ok") is not True:
                    raise SandboxError(str(answer.header.get("error")))
                return parse(answer.body, len(runs), self._names, cells, self._why_ended(answer))
        return parse(b"", len(runs), self._names, cells, lost)

    def _why_ended(self, answer: Frame) -> Unfinished | None:
        from autograder.recording import Unfinished

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

    def close(self) -> None:
        """End the process and remove its folder. Those that share it start one of their own when they are used."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._ready = False
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def begin(self, sharing: Sequence[Sandbox] = ()) -> None:
        """Start the process and let it run the exercise's setup, without waiting for it.

        sharing: sandboxes of the same exercise that have no process yet. start() splits this one's for them, so
        that setup is run once. Raises OSError, SandboxError.
        """
        if self._connection is not None:
            return
        self._folder = tempfile.TemporaryDirectory(prefix="dojo-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        (folder / TEMPORARY).mkdir()
        copy_files(self._exercise.path.parent, folder)
        self._sharing = tuple(sharing)
        theirs = []
        for sandbox in (self, *sharing):
            sandbox._connection, ends = pair()
            theirs.append(ends)
        descriptors = [descriptor for ends in theirs for descriptor in ends]
        program = [*self.program, self.isolation, *map(str, descriptors)]
        around = environment(str(folder / TEMPORARY))
        try:
            if self.isolation == BUBBLEWRAP:
                program = bubblewrap.command(folder, around, program)
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
        setup = {
            "cells": self._exercise.setup,
            "parameters": self._exercise.parameters,
            "limits": asdict(self.limits),
        }
        assert self._connection is not None
        self._connection.send(Frame({"setup": True}, json.dumps(setup).encode()))

    def start(self) -> None:
        """Have the process ready with all cases laid out. Raises SandboxError, IsolationError."""
        if self._ready:
            return
        sharing = self._sharing
        try:
            self.begin()
            from autograder.layout import case_frame

            self._expect_ok()
            assert self._folder is not None
            folder = Path(self._folder.name)
            for number, known in enumerate(self.cases):
                file = folder / f"case{number}"
                frame = case_frame(known, file)
                self._ask(frame)
                file.unlink()
            self._ask(Frame({"split": True}))
            self._probe(folder)
            self._ready = True
            for sandbox in sharing:
                sandbox._ready = True
        except (SandboxError, IsolationError):
            for sandbox in (self, *sharing):
                sandbox.close()
            raise
        finally:
            self._sharing = ()

    def _probe(self, folder: Path) -> None:
        """Try to escape from a submission's place. Raises IsolationError where bubblewrap does not hold."""
        if self.isolation != BUBBLEWRAP:
            return
        with baited(folder) as bait:
            answer = self._ask(Frame({"probe": asdict(bait)}))
        escapes = answer.header.get("escapes")
        if escapes != []:
            found = ", ".join(escapes) if escapes else "the attempt itself failed"
            raise IsolationError(
                f"bubblewrap is in place, but student code could {found}; mend that, or accept it: --isolation process"
            )

    def _ask(self, frame: Frame) -> Frame:
        assert self._connection is not None
        self._connection.send(frame)
        return self._expect_ok()

    def _expect_ok(self) -> Frame:
        assert self._connection is not None
        answer = self._connection.receive(START_SECONDS, 0)
        if answer.header.get("ok") is not True:
            raise SandboxError(str(answer.header.get("error")))
        return answer


def begun(exercise: Exercise, jobs: int, limits: Limits | None, isolation: str) -> list[Sandbox]:
    """Sandboxes that share one process, which is on its way."""
    sandboxes = [Sandbox(exercise, (), limits, isolation) for _ in range(jobs)]
    # Where it cannot start now, it is tried again for each submission, which then says why.
    with contextlib.suppress(OSError, SandboxError):
        sandboxes[0].begin(sandboxes[1:])
    return sandboxes
