"""Start a guest program: confined, without anything of the instructor's, for one exercise or several of a folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from autograder.sandbox.host.bubblewrap import BubblewrapError, command, copy_files, environment, guests_account
from autograder.sandbox.host.pipes import Connection, SandboxError, pair
from autograder.sandbox.places import BUBBLEWRAP, PROCESS

WORKER = (sys.executable, "-I", "-m", "autograder.sandbox.guest.worker")
# Hidden folder beside the exercise's files: here the guest writes where bubblewrap gives it no folder.
TEMPORARY = ".temporary"


class Program:
    """A running guest program. It loads torch once, then splits into one process for each of its members.

    source: the folder of the exercises, whose files, but for notebooks, are copied into `folder`, where the program
    runs. members: exercises that it serves; each calls take() and, in the end, leave(). The program ends with the
    last, or by close(). Raises OSError and SandboxError where it cannot be started; nothing is left then.
    """

    def __init__(self, source: Path, isolation: str, members: int, lines: int, program: Sequence[str] = WORKER) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="dojo-", ignore_cleanup_errors=True)
        self._account = guests_account() if isolation == PROCESS else None
        self.folder = Path(self._temporary.name)
        self.process: subprocess.Popen[bytes] | None = None
        self._untaken: list[list[Connection]] = [[] for _ in range(members)]
        self._members = members
        try:
            (self.folder / TEMPORARY).mkdir()
            copy_files(source, self.folder)
            self.hand_over(self.folder, *self.folder.rglob("*"))
            self._start(isolation, lines, program)
        except BaseException:
            self.close()
            raise

    def hand_over(self, *paths: Path) -> None:
        """Give files and folders to the guest's account, where it has one of its own."""
        if self._account is not None:
            for path in paths:
                os.chown(path, self._account, self._account, follow_symlinks=False)

    def take(self) -> list[Connection]:
        """Return the connections of the next member, one for each line; the caller closes them."""
        return self._untaken.pop(0)

    def leave(self) -> None:
        """Count a member as gone; with the last, end the program and remove its folder."""
        self._members -= 1
        if self._members == 0:
            self.close()

    def close(self) -> None:
        """End the program, whoever has not left yet, and remove its folder."""
        for connection in (connection for connections in self._untaken for connection in connections):
            connection.close()
        if self.process is not None:
            # Its members and lines are forks in one process group; under bubblewrap they die with it anyway.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()
            self.process = None
        self._temporary.cleanup()

    def _start(self, isolation: str, lines: int, program: Sequence[str]) -> None:
        descriptors: list[int] = []
        around = environment(str(self.folder / TEMPORARY))
        try:
            for connections in self._untaken:
                for _ in range(lines):
                    connection, ends = pair()
                    connections.append(connection)
                    descriptors += ends
            line = [*program, isolation, str(self._members), *map(str, descriptors)]
            if isolation == BUBBLEWRAP:
                line = command(self.folder, around, line)
            self.process = subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self.folder,
                env=around,
                pass_fds=descriptors,
                start_new_session=True,
                user=self._account,
                group=self._account,
                extra_groups=None if self._account is None else (),
            )
        except BubblewrapError as error:
            raise SandboxError(str(error)) from None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
