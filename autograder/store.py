"""What has been graded already, so that a re-run need not do it again: one small JSON file a submission."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder.course import write_whole
from autograder.exercise import Exercise
from autograder.results import SubmissionResult, result_from_json
from autograder.submission import MAX_NOTEBOOK_BYTES

FOLDER = Path(".autograder")
CASES = "cases"  # below it, what setup made of the hidden cases
# Part of every key: raise it where a change of the engine may change a mark.
ENGINE = "1"


class Store:
    """Results by (student, exercise), each under the key of everything that its mark depends on."""

    def __init__(self, folder: Path, exercise: Exercise, secret: str, credit: Mapping[str, float]) -> None:
        self._folder = folder / exercise.name
        parts = [ENGINE, secret, json.dumps(dict(credit), sort_keys=True)]
        parts += [hashlib.sha256(path.read_bytes()).hexdigest() for path in (exercise.path, *exercise.files_beside())]
        self._base = "/".join(parts)

    def key(self, submission: Path) -> str | None:
        """The key of a submitted file; None where there is no plain file that could be graded."""
        try:
            if submission.is_symlink() or not submission.is_file():
                return None
            if submission.stat().st_size > MAX_NOTEBOOK_BYTES:  # refused when it is read
                return None
            content = hashlib.sha256(submission.read_bytes()).hexdigest()
        except OSError:
            return None
        return hashlib.sha256(f"{self._base}/{content}".encode()).hexdigest()

    def get(self, student: str, key: str | None, *, recorded: bool) -> SubmissionResult | None:
        """The stored result, if it has this key; with `recorded`, only if it is in the gradebook too."""
        try:
            entry: dict[str, Any] = json.loads(self._path(student).read_text())
            if key is None or entry["key"] != key or (recorded and not entry["recorded"]):
                return None
            return result_from_json(entry["result"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # not there, or not ours: grade it

    def put(self, result: SubmissionResult, key: str | None, *, recorded: bool) -> None:
        """Keep a result; one that ended for reasons that may pass (a crash, a time-out) is not kept."""
        if key is None or result.status not in ("graded", "unreadable"):
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        entry = {"key": key, "recorded": recorded, "result": result.to_store()}
        write_whole(self._path(result.student), json.dumps(entry))

    def _path(self, student: str) -> Path:
        return self._folder / f"{student}.json"
