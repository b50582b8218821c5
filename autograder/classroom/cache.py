"""Keep results, one JSON file for each submission, so that a run grades only what has changed."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autograder.course.settings import Settings
from autograder.exercise.notebook import Exercise
from autograder.files import private_folder, write_whole
from autograder.marking.result import SubmissionResult, result_from_json
from autograder.submission.file import MAX_NOTEBOOK_BYTES
from autograder.submission.modules import read_modules

MAX_NAME = 150  # characters of a student's name that may be part of a file's name
PACKAGE = Path(__file__).resolve().parent.parent
# The code that may change a mark: everything but the command line and the folders course, classroom and nbgrader.
ENGINE = ("marking", "submission", "reference", "sandbox", "exercise", "cells", "dojo", "text.py")


class Cache:
    """The stored results of one exercise, by student, each under a key that covers everything its mark depends on.

    folder: where the results of the assignment lie. secret: the fingerprint of the course secret.
    """

    def __init__(self, folder: Path, exercise: Exercise, secret: str, settings: Settings) -> None:
        self._folder = folder / exercise.name
        self._exercise = exercise
        course = {"credit": dict(settings.credit), "limits": asdict(settings.limits)}
        parts = [engine_digest(), secret, json.dumps(course, sort_keys=True)]
        parts += [hashlib.sha256(path.read_bytes()).hexdigest() for path in (exercise.path, *exercise.files_beside())]
        self._base = "/".join(parts)

    def key(self, submission: Path) -> str | None:
        """Return the key of a submitted file, as 64 hexadecimal digits; None where no plain file could be graded."""
        try:
            if submission.is_symlink() or not submission.is_file():
                return None
            if submission.stat().st_size > MAX_NOTEBOOK_BYTES:  # refused when it is read
                return None
            content = hashlib.sha256(submission.read_bytes()).hexdigest()
            beside = json.dumps(read_modules(submission.parent, self._exercise))
        except OSError:
            return None
        return hashlib.sha256(f"{self._base}/{content}/{beside}".encode()).hexdigest()

    def get(self, student: str, key: str | None, *, recorded: bool) -> SubmissionResult | None:
        """Return the stored result if it has this key, else None; with `recorded`, only if the gradebook has it."""
        try:
            entry: dict[str, Any] = json.loads(self._path(student).read_text())
            if key is None or entry["key"] != key or (recorded and not entry["recorded"]):
                return None
            return result_from_json(entry["result"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # the file is missing or another program's: grade the submission

    def put(self, result: SubmissionResult, key: str | None, *, recorded: bool) -> None:
        """Store a result, unless a crash or a time-out ended it, which may pass. Raises OSError."""
        if key is None or result.status not in ("graded", "unreadable"):
            return
        private_folder(self._folder)
        entry = {"key": key, "recorded": recorded, "result": result.to_store()}
        write_whole(self._path(result.student), json.dumps(entry))

    def _path(self, student: str) -> Path:
        # A name that fills a file's name, or is none in UTF-8, has a digest in its place.
        plain = student if len(student) <= MAX_NAME and student.isascii() else ""
        digest = hashlib.sha256(student.encode(errors="surrogatepass")).hexdigest()
        return self._folder / f"{plain or digest}.json"


@functools.cache
def engine_digest() -> str:
    """Return a SHA-256 digest of the code that decides marks, so that changed code grades everything again."""
    found = hashlib.sha256()
    for part in ENGINE:
        path = PACKAGE / part
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            found.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()
