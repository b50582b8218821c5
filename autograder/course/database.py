"""One SQLite file of what can be had again: where it cannot be read it counts as empty, and is made anew."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.files import PRIVATE, private_folder

LOCKED_SECONDS = 60.0  # how long to wait for another run's row


class Database:
    """A database for its owner only, which is made with the first row. All calls come from one thread.

    tables: statements that make those which are not there.
    """

    def __init__(self, path: Path, tables: str) -> None:
        self._path = path
        self._tables = tables
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None  # which file the connection is to

    def is_there(self) -> bool:
        """Return whether there is a file, whatever it holds."""
        return self._path.is_file()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what a query finds, nothing where the database cannot be read."""
        try:
            if self._current() is None:
                return []
            if self._connection is None:
                self._connection = self._open()
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error:
            self.close()
            return []

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction. Raises OSError where that cannot be written."""
        try:
            self._current()
            if self._connection is None:
                self._connection = self._made()
            with self._connection as connection:
                yield connection
        except sqlite3.Error as error:
            self.close()
            kind = errno.ENOSPC if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL else errno.EIO
            raise OSError(kind, f"the results could not be kept: {error}", str(self._path)) from None

    def close(self) -> None:
        """Close the database, if it is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _current(self) -> tuple[int, int] | None:
        """Return which file is there now, None without one; a connection to another file is closed.

        formgrader's process lives for days: what it wrote into a file that somebody has removed would be lost.
        """
        current = self._file()
        if current != self._opened:
            self.close()
        return current

    def _file(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _made(self) -> sqlite3.Connection:
        """Open the database for writing; make it where it is not there or is none."""
        private_folder(self._path.parent)
        for again in (True, False):
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE))
            try:
                return self._open()
            except sqlite3.OperationalError:  # locked, or no room
                raise
            except sqlite3.DatabaseError:  # another program's, or broken by a power failure
                if not again:
                    raise
                self._path.unlink(missing_ok=True)
        raise AssertionError

    def _open(self) -> sqlite3.Connection:
        """Open a database that is there, with its tables. Raises sqlite3.Error."""
        connection = sqlite3.connect(self._path, timeout=LOCKED_SECONDS)
        try:
            # A transaction is whole whenever this program is killed. Only where the machine loses power are results
            # lost that could be had again; waiting for the disk after each costs more than many a submission.
            connection.execute("PRAGMA synchronous = OFF")
            connection.executescript(self._tables)
            self._opened = self._file()
        except BaseException:
            connection.close()
            raise
        return connection
