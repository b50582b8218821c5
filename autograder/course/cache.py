"""Keep results, a row of a database for each submission: no way of grading does again what another has done.

`autograder grade` and `nbgrader autograde` share them, and the report reads them.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shlex
import stat
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from autograder.course.database import Database
from autograder.course.settings import Settings
from autograder.exercise.notebook import Exercise
from autograder.marking.result import SubmissionResult, result_from_json
from autograder.submission.file import MAX_NOTEBOOK_BYTES
from autograder.submission.modules import read_modules

MAX_PRINTED = 200_000  # characters of all that a submission's cells printed; who prints more is graded once more
SETTLED_NS = 2 * 10**9  # a file younger than this may change again without another time stamp
PACKAGE = Path(__file__).resolve().parent.parent
# The code that may change a mark: everything but the command line and the folders course, classroom and nbgrader.
ENGINE = ("marking", "submission", "reference", "sandbox", "exercise", "cells", "dojo", "text.py")
WORDS = {
    "submission": "the submission",
    "exercise": "the exercise",
    "secret": "the secret",
    "settings": "credits or limits",
    "engine": "the autograder itself",
}
# key: null where the submission is to be graded again. cells: null where they printed too much.
TABLES = """
CREATE TABLE IF NOT EXISTS kept (student BLOB PRIMARY KEY, key TEXT, recorded INTEGER, result BLOB, cells BLOB);
CREATE TABLE IF NOT EXISTS file (path BLOB PRIMARY KEY, stamp TEXT, digest TEXT) WITHOUT ROWID;
"""
COLUMNS = "key, recorded, result, cells"


@dataclass(frozen=True)
class Key:
    """All that a mark depends on, each part as a digest.

    submission: the notebook and the modules beside it. exercise: its notebook and the files beside it. settings:
    credits and limits. engine: the code that marks.
    """

    submission: str
    exercise: str
    secret: str
    settings: str
    engine: str

    def changed(self, other: Key) -> tuple[str, ...]:
        """Return the names of the parts that differ."""
        return tuple(part.name for part in fields(self) if getattr(self, part.name) != getattr(other, part.name))


@dataclass(frozen=True)
class Kept:
    """A stored result.

    key: None where it must be graded again: a crash or a time-out, which may pass. recorded: whether the gradebook has
    it. complete: whether what the cells printed is stored too, so that a page can be made of it.
    """

    result: SubmissionResult
    key: Key | None
    recorded: bool
    complete: bool


class Cache:
    """The stored results of one exercise, by student. All calls come from one thread.

    folder: where the results of the assignment lie. secret: the fingerprint of the course secret.
    """

    def __init__(self, folder: Path, exercise: Exercise, secret: str, settings: Settings) -> None:
        self._database = Database(folder / f"{exercise.name}.db", TABLES)
        self._exercise = exercise
        self._read: list[tuple[bytes, str, str]] = []  # rows of `file` that are not written yet
        course = {"credit": dict(settings.credit), "limits": asdict(settings.limits)}
        files = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (exercise.path, *exercise.files_beside())]
        self._base = Key("", _digest("/".join(files)), secret, _digest(json.dumps(course, sort_keys=True)), "")

    def key(self, submission: Path) -> Key | None:
        """Return the key of a submitted file; None where no plain file could be graded."""
        try:
            found = submission.lstat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_NOTEBOOK_BYTES:  # refused when it is read
                return None
            content = self._content(submission, found)
            beside = json.dumps(read_modules(submission.parent, self._exercise))
        except OSError:
            return None
        return replace(self._base, submission=_digest(f"{content}/{beside}"), engine=engine_digest())

    def get(self, student: str, key: Key | None) -> Kept | None:
        """Return the stored result if it has this key, else None."""
        if key is None:
            return None
        self._write_digests()
        return _first(
            self._database.rows(f"SELECT {COLUMNS} FROM kept WHERE student = ? AND key = ?", *_at(student, key))
        )

    def whole(self, student: str, key: Key | None) -> Kept | None:
        """Return the stored result if it has this key and all that a page is made of, else None."""
        found = self.get(student, key)
        return found if found is not None and found.complete else None

    def kept(self, student: str) -> Kept | None:
        """Return the stored result of a student, whatever it was made from, or None."""
        return _first(self._database.rows(f"SELECT {COLUMNS} FROM kept WHERE student = ?", _bytes(student)))

    def changed(self, student: str, key: Key | None) -> tuple[str, ...]:
        """Return which parts of a student's key are others than when the stored result was made; none without both."""
        if key is None:
            return ()
        query = "SELECT key FROM kept WHERE student = ? AND key != ?"
        for (stored,) in self._database.rows(query, *_at(student, key)):
            with contextlib.suppress(ValueError, TypeError):
                return Key(**json.loads(stored)).changed(key)
        return ()

    def all(self) -> Iterator[Kept]:
        """Yield all stored results, whatever they were made from."""
        for row in self._database.rows(f"SELECT {COLUMNS} FROM kept ORDER BY student"):
            found = _unpacked(row)
            if found is not None:
                yield found

    def put(self, result: SubmissionResult, key: Key | None, *, recorded: bool) -> None:
        """Store a result; one that ended in a crash or a time-out without a key, as that may pass. Raises OSError."""
        if key is None:
            return
        lasting = result.status in ("graded", "unreadable")
        few = sum(len(cell.text) for cell in result.cells.values()) <= MAX_PRINTED
        cells = _packed({index: vars(cell) for index, cell in result.cells.items()}) if few else None
        row = (_bytes(result.student), _text(key) if lasting else None, recorded, _packed(result.to_store()), cells)
        with self._database.writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?)", self._read)
            connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?)", row)
        self._read = []

    def recorded(self, student: str) -> None:
        """Note that the gradebook has a student's stored result. Raises OSError."""
        if self._database.rows("SELECT 1 FROM kept WHERE student = ? AND NOT recorded", _bytes(student)):
            with self._database.writing() as connection:
                connection.execute("UPDATE kept SET recorded = 1 WHERE student = ?", (_bytes(student),))

    def close(self) -> None:
        """Close the database, if it is open."""
        self._database.close()

    def _content(self, path: Path, found: os.stat_result) -> str:
        """Return the SHA-256 digest of a file, which is read only where it is another than when it was read last."""
        # The time of the last change of the inode is the system's own: nothing that writes to a file can set it.
        stamp = f"{found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
        name = os.fsencode(path)
        for (digest,) in self._database.rows("SELECT digest FROM file WHERE path = ? AND stamp = ?", name, stamp):
            return str(digest)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if time.time_ns() - found.st_ctime_ns > SETTLED_NS:
            self._read.append((name, stamp, digest))
        return digest

    def _write_digests(self) -> None:
        """Write what is known of files; looking at a course in which nothing was graded makes no database."""
        read, self._read = self._read, []
        if read and self._database.is_there():
            with contextlib.suppress(OSError), self._database.writing() as connection:
                connection.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?)", read)


def why_again(exercise: str, assignment: str, changed: Iterable[tuple[str, ...]]) -> str | None:
    """Return a sentence that says why submissions that nobody has changed are graded again; None where none are.

    changed: what Cache.changed returns, for each submission.
    """
    again = [parts for parts in changed if parts and "submission" not in parts]
    if not again:
        return None
    named = " and ".join(WORDS[part] for part in WORDS if any(part in parts for parts in again))
    return (
        f"{exercise}: {len(again)} are graded again, for {named} changed since; old marks against new ones: "
        f"autograder regrade {shlex.quote(assignment)} --dry-run"
    )


def _first(rows: list[tuple[Any, ...]]) -> Kept | None:
    return _unpacked(rows[0]) if rows else None


def _unpacked(row: tuple[Any, ...]) -> Kept | None:
    """Return what a row says; None where it is another program's: the submission is graded."""
    from autograder.sandbox.host.received import RanCell  # imports torch

    key, recorded, packed, printed = row
    try:
        cells = {} if printed is None else json.loads(zlib.decompress(printed))
        result = replace(
            result_from_json(json.loads(zlib.decompress(packed))),
            cells={int(index): RanCell(**cell) for index, cell in cells.items()},
        )
        return Kept(result, None if key is None else Key(**json.loads(key)), bool(recorded), printed is not None)
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError):
        return None


def _packed(content: object) -> bytes:
    # The same words for every step of every submission: a tenth of the size.
    return zlib.compress(json.dumps(content).encode(), 1)


def _at(student: str, key: Key) -> tuple[bytes, str]:
    return _bytes(student), _text(key)


def _text(key: Key) -> str:
    return json.dumps(vars(key))


def _bytes(student: str) -> bytes:
    """Return a name that may be none in UTF-8 as bytes."""
    return student.encode(errors="surrogatepass")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def engine_digest() -> str:
    """Return a SHA-256 digest of the code that decides marks, so that changed code grades everything again."""
    found = hashlib.sha256()
    for part in ENGINE:
        path = PACKAGE / part
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            found.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()
