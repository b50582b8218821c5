"""What lies in a submission's folder beside its notebooks: read and copied so that nothing in it stops a class."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from nbgrader.utils import parse_utc
from traitlets.log import get_logger

from autograder.course.folder import is_stray
from autograder.submission.file import UnreadableError, read_plain_file

MAX_TIMESTAMP_BYTES = 1000
MAX_IN_MEMORY = 2**20  # bytes of one of the exercise's files that is read once for all students
MAX_FILES = 1000  # of one submission that are copied along with it
# What a browser would run, or take for a page of ours, where the folder's pages are handed out.
ACTIVE = frozenset({".html", ".htm", ".xhtml", ".xht", ".shtml", ".svg", ".svgz", ".xml", ".js", ".mjs", ".mhtml"})
Notes = Callable[[str], object]


def submitted_at(folder: Path, note: Notes | None = None) -> datetime | None:
    """Return when a submission was handed in, in UTC; None where timestamp.txt does not say. note: is told why not."""
    note = note or get_logger().warning
    path = folder / "timestamp.txt"
    if not os.path.lexists(path):
        return None
    try:
        text = read_plain_file(path, MAX_TIMESTAMP_BYTES).decode("utf-8-sig").strip()
        found: datetime | None = parse_utc(text) if text else None
        if found is not None and 1970 <= found.year <= 9000:
            return found
        reason = "is empty" if found is None else f"has the year {found.year}"
    except UnreadableError:
        reason = "is no plain file"
    except Exception:  # UnicodeDecodeError, and what dateutil raises: ParserError, OverflowError, TypeError
        reason = "is not a time such as 2030-01-31 12:00:00 UTC"
    note(f"{path} {reason}; the submission counts as in time until that is mended")
    return None


def copy_beside(
    source: Path,
    target: Path,
    ignored: Callable[[Path], bool],
    note: Notes,
    *,
    active: bool = True,
    mode: int | None = None,
) -> None:
    """Copy the plain files of a folder to another, without notebooks; what cannot be copied is named and left out.

    ignored: says of a file or folder that it is not to be copied. active: copy also what a browser would run. mode: as
    of copy_exercise_files.
    """
    for count, path in enumerate(_files(source, ignored)):
        if count == MAX_FILES:
            note(f"{source} has more than {MAX_FILES} files; the rest is not copied")
            return
        if not active and path.suffix.lower() in ACTIVE:
            continue
        copy = target / path.relative_to(source)
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                note(f"{path} is not a plain file; it is not copied")
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.unlink(missing_ok=True)
            shutil.copyfile(path, copy, follow_symlinks=False)
            if mode is not None:
                copy.chmod(mode)
        except OSError as error:
            note(f"{path} is not copied: {error.strerror}")


def copy_exercise_files(source: Path, target: Path, ignored: Callable[[Path], bool], mode: int | None = None) -> None:
    """Copy the exercise's own files, over whatever a student has in their places. Raises OSError.

    There are a hundred for each student, so each is read once and written with as few calls of the system as it takes.
    mode: of the copies; None leaves it to the process's umask.
    """
    made: set[Path] = set()
    start = len(f"{source}/")
    for path in _files(source, ignored):
        copy = target / f"{path}"[start:]
        if copy.parent not in made:
            for folder in reversed(copy.relative_to(target).parents[:-1]):
                if os.path.lexists(target / folder) and not (target / folder).is_dir():
                    (target / folder).unlink()
            copy.parent.mkdir(parents=True, exist_ok=True)
            made.add(copy.parent)
        status = path.stat()
        small = stat.S_ISREG(status.st_mode) and status.st_size <= MAX_IN_MEMORY
        content = _content(path, status.st_mtime_ns, status.st_size) if small else None
        try:
            _make(path, copy, content, mode)
        except FileExistsError:
            if copy.is_dir() and not copy.is_symlink():
                shutil.rmtree(copy)
            else:
                copy.unlink()
            _make(path, copy, content, mode)


@functools.lru_cache(maxsize=256)
def _content(path: Path, changed: int, size: int) -> bytes:
    """Return what a file holds. changed, size: as part of the cache's key."""
    return path.read_bytes()


def _make(path: Path, copy: Path, content: bytes | None, mode: int | None) -> None:
    """Make a copy of a file, of which this is the content where it is small. Raises FileExistsError, OSError."""
    with copy.open("xb", buffering=0) as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        if content is not None:
            while content:
                content = content[file.write(content) :]
            return
        with path.open("rb") as large:
            shutil.copyfileobj(large, file)


def digest(path: Path) -> str:
    """Return a digest of a submitted file and its folder's modules; "" where it cannot be read."""
    found = hashlib.sha256()
    try:
        for file in [path, *sorted(path.parent.glob("*.py"))]:
            found.update(file.name.encode(errors="replace") + b"\0" + read_plain_file(file, 2**27))
    except UnreadableError:
        return ""
    return found.hexdigest()


def _files(folder: Path, ignored: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield what is no folder and no notebook below a folder. Links to folders are not followed."""
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_stray(name) and not ignored(Path(here, name)))
        for name in sorted(names):
            if not is_stray(name) and not name.endswith(".ipynb") and not ignored(path := Path(here, name)):
                yield path
