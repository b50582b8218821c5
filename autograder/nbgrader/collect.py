"""`nbgrader collect` that takes plain files only, and that no submission stops for the others.

What lies in the exchange is a student's to change at any moment, also while it is collected: links are not followed,
and a file is looked at only once it has been opened.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.exchange.default import ExchangeCollect
from nbgrader.utils import check_mode, parse_utc

from autograder.course.folder import is_stray, unusable_name
from autograder.nbgrader.handed_in import mend_time
from autograder.text import one_line

MAX_FILES, MAX_DEPTH = 1_000, 10  # of one submission
PIECE = 2**20


class CollectError(ValueError):
    """A submission that is not collected; the message says why and what to do."""


class SafeCollect(ExchangeCollect):
    """Collects every submission that is a folder of plain files, and names the others."""

    def init_src(self) -> None:
        """Find the submission to collect of every student, the last one, or the last before the due date."""
        if self.coursedir.course_id == "":
            self.fail("No course id specified. Re-run with --course flag.")
        inbound = Path(self.root, self.coursedir.course_id, "inbound")
        self.inbound_path = str(inbound)
        if not inbound.is_dir():
            self.fail(f"Course not found: {inbound}")
        if not check_mode(self.inbound_path, read=True, execute=True):
            self.fail(f"You don't have read permissions for the directory: {inbound}")
        self._names = 0
        records: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for entry in sorted(inbound.iterdir()):
            record = self._record(entry.name)
            if record is not None:
                records[record["username"]].append(record)
        due = self._due() if self.before_duedate else None
        self.src_records = [_chosen(each, due) for each in records.values()]

    def copy_files(self) -> None:
        """Collect one student after another; whoever cannot be collected is named."""
        self.log.info("Processing %d submissions of '%s'", len(self.src_records), self.coursedir.assignment_id)
        for record in self.src_records:
            try:
                self._collect(record)
            except (CollectError, OSError) as error:
                reason = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
                self.log.error("%s is not collected: %s", one_line(record["username"]), one_line(reason))

    def _record(self, name: str) -> dict[str, Any] | None:
        """Read a folder's name, student+assignment+time[+random]; None where it is another assignment's."""
        parts = name.rsplit("+", 3)
        if not name.startswith(f"{parts[0]}+{self.coursedir.assignment_id}+") or len(parts) < 3:
            parts = name.rsplit("+", 2)
        if len(parts) < 3 or parts[1] != self.coursedir.assignment_id:
            return None
        student = self.coursedir.student_id
        if student not in ("", "*", parts[0]):
            return None
        try:
            when: datetime = parse_utc(parts[2])
            if not 1970 <= when.year <= 9000:
                raise ValueError
        except Exception:  # whatever dateutil raises: ParserError, OverflowError, TypeError
            self.log.error("%s is not collected: its name holds no time; submit again", one_line(name))
            return None
        return {"username": parts[0], "filename": name, "timestamp": when}

    def _due(self) -> datetime | None:
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            try:
                due: datetime | None = gradebook.find_assignment(self.coursedir.assignment_id).duedate
            except MissingEntry:
                return None
        return due

    def _collect(self, record: dict[str, Any]) -> None:
        student, source = record["username"], Path(self.inbound_path, record["filename"])
        reason = unusable_name(student)
        if reason is not None or is_stray(student) or "/" in student or student in ("", ".", ".."):
            raise CollectError(reason or "the folder names no student; submit again under a name")
        target = Path(
            self.coursedir.format_path(self.coursedir.submitted_directory, student, self.coursedir.assignment_id)
        )
        if target.is_dir():
            had = self.coursedir.get_existing_timestamp(str(target))
            newer = self.update and (had is None or record["timestamp"] > had)
            if not newer and not (self.before_duedate and had != record["timestamp"]):
                hint = (
                    "No newer submission to collect" if self.update else "Already collected, --update takes newer ones"
                )
                self.log.info("%s: %s %s", hint, student, self.coursedir.assignment_id)
                return
        elif os.path.lexists(target):
            raise CollectError(f"{target} is in the way and no folder; move it away and collect again")
        self.log.info("Collecting submission: %s %s", student, self.coursedir.assignment_id)
        self.do_copy(str(source), str(target), student)
        mended = mend_time(source, target, record["timestamp"])
        if mended is not None:
            self.log.warning("%s: the time of the submission is %s UTC, by its files", one_line(student), mended)

    def do_copy(self, src: str, dest: str, student: str | None = None, log: Any = None) -> None:
        """Copy a submission whole or not at all; what was collected before stays until the new one is there."""
        target = Path(dest)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".collecting-"))
        try:
            limits = 1000 * self.coursedir.max_file_size, 1000 * self.coursedir.max_dir_size
            copy_submission(Path(src), temporary / "new", student if self.check_owner else None, *limits)
            if target.exists():
                target.rename(temporary / "old")
            (temporary / "new").rename(target)
            if self.coursedir.groupshared:
                for folder, _, names in os.walk(target):
                    Path(folder).chmod(0o2770)
                    for name in names:
                        Path(folder, name).chmod(0o660)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _chosen(records: list[dict[str, Any]], due: datetime | None) -> dict[str, Any]:
    """Return the last of a student's submissions, or the last in time where one is."""
    latest = sorted(records, key=lambda record: record["timestamp"], reverse=True)
    return next((record for record in latest if due is not None and record["timestamp"] <= due), latest[0])


def copy_submission(source: Path, target: Path, student: str | None, max_file: int, max_all: int) -> None:
    """Copy a folder of plain files. Raises CollectError for anything else in it, and OSError.

    student: who it claims to be from, compared with its owner where there is an account of that name. max_file,
    max_all: bytes of a file and of all. A file with another owner than the folder, or with two names, is not its own.
    """
    files, left, owner = 0, max_all, None
    for here, folders, names, descriptor in os.fwalk(source, follow_symlinks=False):
        below = Path(here).relative_to(source)
        status = os.fstat(descriptor)
        if owner is None:
            owner = status.st_uid
            _check_owner(owner, student)
        if len(below.parts) > MAX_DEPTH:
            raise CollectError(f"its folders are more than {MAX_DEPTH} deep; submit the notebooks and their files only")
        folders[:] = [name for name in folders if not is_stray(name)]
        (target / below).mkdir(mode=0o700)
        for name in (name for name in names if not is_stray(name)):
            files += 1
            if files > MAX_FILES:
                raise CollectError(f"it has more than {MAX_FILES} files; submit the notebooks and their files only")
            left -= _copy_file(descriptor, name, target / below / name, owner, min(left, max_file))
        for name in folders:
            if not stat.S_ISDIR(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
                raise CollectError(f"{below / name} is a link; submit the folder itself")
    if owner is None:
        raise CollectError("it is not a folder of its own (a link or a file); submit again")


def _check_owner(owner: int, student: str | None) -> None:
    """Raise CollectError where an account of the student's name exists and the folder is somebody else's."""
    if student is None or owner == os.getuid():
        return
    try:
        account = pwd.getpwnam(student)
    except KeyError:  # students of a hub have no accounts of their own
        return
    if account.pw_uid != owner:
        raise CollectError(f"it belongs to the account {_account(owner)}, not to {student}; ask both who submitted it")


def _account(owner: int) -> str:
    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return str(owner)


def _copy_file(folder: int, name: str, target: Path, owner: int, limit: int) -> int:
    """Copy one plain file and return its size."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError as error:
        raise CollectError(f"{name} cannot be read ({error.strerror}); submit plain files only, no links") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise CollectError(f"{name} is not a plain file; submit plain files only")
        if status.st_uid != owner or status.st_nlink > 1:
            raise CollectError(f"{name} is another name of a file that is elsewhere; submit a copy of it")
        if status.st_size > limit:
            raise CollectError(
                f"{name} has {status.st_size // 10**6} MB, which is too much; clear outputs, submit again"
            )
        size = 0
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
            while piece := file.read(PIECE):
                size += len(piece)
                if size > limit:
                    raise CollectError(f"{name} grows while it is copied; submit again")
                copy.write(piece)
    os.utime(target, ns=(status.st_atime_ns, max(0, min(status.st_mtime_ns, 2**62))))
    return size
