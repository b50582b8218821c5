"""Put what was handed in through a platform into submitted/, each submission whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from autograder.course.folder import KEPT, CourseError, is_stray
from autograder.files import private_folder, write_whole
from autograder.lms.archive import Archive, Entry, EntryError
from autograder.lms.handed_in import HandedIn

MAX_FILES = 1_000  # of one submission
MAX_BYTES = 100_000_000  # of one submission, nbgrader's own limit
TIMESTAMP = "timestamp.txt"
NOTEBOOK = ".ipynb"
# What browsers and platforms put behind a name that they have met before: "x (1).ipynb", "x-2.ipynb".
COPY = re.compile(r"(?: ?\(\d+\)|-\d+)$")
RETURNS = "returns"  # folder below KEPT with what feedback needs, so that the platform takes it back
Outcome = Literal["new", "newer", "unchanged", "older"]
Parts = tuple[str, ...]


@dataclass(frozen=True)
class Received:
    """What became of one submission. late: whether it counts as late now. notes: what the instructor should know."""

    outcome: Outcome
    late: bool
    notes: tuple[str, ...] = ()


def receive(
    handed_in: HandedIn, archive: Archive, target: Path, exercises: Collection[str], due: datetime | None
) -> Received:
    """Write one submission to `target`, submitted/STUDENT/ASSIGNMENT, in the place of an earlier one.

    exercises: names of the assignment's notebooks, under which files are kept whose names a browser has changed. due:
    the due date, in UTC. What is newer there, and what is the same, stays. Raises EntryError, OSError.
    """
    files, notes = _contents(handed_in, archive, exercises)
    if not files:
        raise EntryError("; ".join(notes) or "there is no file in it")
    when = handed_in.when
    late = handed_in.late or (when is not None and due is not None and when > due)
    if when is None and late and due is not None:
        # The platform says that it is late and not how late: a moment after the due date.
        when = due + timedelta(seconds=1)
    if late and when is None:
        notes.append("the platform says that it is late; without a due date in the gradebook nothing follows from that")
    stamp = "" if when is None else f"{when:%Y-%m-%d %H:%M:%S} UTC"
    had = _stamp(target)
    outcome: Outcome = "newer" if target.exists() else "new"
    if target.exists() and _digests(target) == {path: hashlib.sha256(data).digest() for path, data in files.items()}:
        outcome = "unchanged"
        if stamp == had:
            return Received(outcome, late, tuple(notes))
    elif had and stamp and handed_in.when is not None and stamp < had:
        return Received("older", late, tuple(notes))
    _write(target, files, stamp)
    return Received(outcome, late, tuple(notes))


def remember(folder: Path, assignment: str, platform: str, returns: Mapping[str, Mapping[str, str]]) -> None:
    """Keep, by student and file, what feedback must be called to be taken back; later imports add to it.

    Raises OSError.
    """
    known = recall(folder, assignment, platform)
    path = _returns(folder, assignment, platform)
    private_folder(path.parent)
    write_whole(path, json.dumps(known | {student: dict(names) for student, names in returns.items()}))


def recall(folder: Path, assignment: str, platform: str) -> dict[str, dict[str, str]]:
    """Return what `remember` has kept, empty where nothing was imported from the platform."""
    try:
        found: Any = json.loads(_returns(folder, assignment, platform).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise CourseError(f"{_returns(folder, assignment, platform)} is damaged; import the zip once more") from None
    return found if isinstance(found, dict) else {}


def kept_name(name: str, exercises: Collection[str]) -> str:
    """Return the exercise's own name for a notebook that a browser or platform has numbered, else the name."""
    stem = name.removesuffix(NOTEBOOK)
    if stem == name or stem in exercises:
        return name
    bare = COPY.sub("", stem)
    return f"{bare}{NOTEBOOK}" if bare in exercises else name


def _returns(folder: Path, assignment: str, platform: str) -> Path:
    return folder / KEPT / RETURNS / f"{assignment}-{platform}.json"


def _contents(
    handed_in: HandedIn, archive: Archive, exercises: Collection[str]
) -> tuple[dict[Parts, bytes], list[str]]:
    """Return (the files to write by path, notes). A zip is opened where no notebook was handed in beside it."""
    notes: list[str] = []
    has_notebook = any(path[-1].endswith(NOTEBOOK) for path in handed_in.files)
    found: dict[Parts, bytes] = {}
    left = MAX_BYTES
    if len(handed_in.files) > MAX_FILES:
        raise EntryError(f"it has more than {MAX_FILES} files")
    for path, entry in handed_in.files.items():
        try:
            data = archive.read(entry)
            left -= len(data)
            if left < 0:  # what is read of one submission is held in memory
                break
            if path[-1].lower().endswith(".zip") and not has_notebook:
                found |= _unpacked(archive, data, entry)
            else:
                found[path] = data
        except (EntryError, CourseError) as error:
            notes.append(f"{path[-1]} is left out: {error}")
    files: dict[Parts, bytes] = {}
    for path, data in found.items():
        # Of two that become one name the later stands: "x.ipynb", then "x-1.ipynb".
        here = (*path[:-1], kept_name(path[-1], exercises))
        if here[-1] in (TIMESTAMP, "submission_secret.txt"):
            continue  # nbgrader's own; nobody but the platform says when it was handed in
        if here in files:
            notes.append(f"{'/'.join(here)} was handed in more than once; the last one counts")
        files[here] = data
    if left < 0 or sum(map(len, files.values())) > MAX_BYTES:
        raise EntryError(f"it has more than {MAX_FILES} files or {MAX_BYTES // 10**6} MB")
    return files, notes


def _unpacked(archive: Archive, data: bytes, entry: Entry) -> dict[Parts, bytes]:
    """Return the files of a zip that a student handed in, without the folder that all of them lie in."""
    files: dict[Parts, bytes] = {}
    size = 0
    for path, content in archive.inner(data, entry.name):
        size += len(content)
        if len(files) >= MAX_FILES or size > MAX_BYTES:
            raise EntryError(f"it has more than {MAX_FILES} files or {MAX_BYTES // 10**6} MB")
        files[path] = content
    while files and len({path[0] for path in files}) == 1 and all(len(path) > 1 for path in files):
        files = {path[1:]: content for path, content in files.items()}
    return files


def _digests(folder: Path) -> dict[Parts, bytes]:
    """Return the digests of the files that are there, as they would be handed in."""
    found = {}
    for here, _, names in os.walk(folder):
        for name in names:
            path = Path(here, name)
            if name not in (TIMESTAMP, "submission_secret.txt") and path.is_file() and not path.is_symlink():
                found[path.relative_to(folder).parts] = hashlib.sha256(path.read_bytes()).digest()
    return found


def _stamp(folder: Path) -> str:
    try:
        return (folder / TIMESTAMP).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _write(target: Path, files: Mapping[Parts, bytes], stamp: str) -> None:
    """Write a submission beside its place, then put it there; what was there stays until then."""
    private_folder(target.parent)
    if target.exists() and (target.is_symlink() or not target.is_dir()):
        raise EntryError(f"{target} is in the way and no folder; move it away and import again")
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".importing-"))
    try:
        new = temporary / "new"
        new.mkdir(mode=0o700)
        for path, data in files.items():
            if any(map(is_stray, path)):
                continue
            place = new.joinpath(*path)
            place.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
        if stamp:
            (new / TIMESTAMP).write_text(stamp, encoding="utf-8")
        if target.exists():
            target.rename(temporary / "old")
        try:
            new.rename(target)
        except OSError:
            if (temporary / "old").exists():
                (temporary / "old").rename(target)
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
