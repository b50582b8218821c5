"""When a submission was handed in: what it says itself, where the file system does not say otherwise.

A student owns the submission in the exchange and can write any time into it. Nothing in an honest one was written after
the time that it names: `nbgrader submit` copies files with their own times and writes timestamp.txt last.
"""

from __future__ import annotations

import os
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from autograder.files import write_whole
from autograder.nbgrader.submitted import submitted_at

FORMAT = "%Y-%m-%d %H:%M:%S.%f %Z"  # of nbgrader's timestamp.txt
TOLERANCE = timedelta(minutes=15)  # of clocks on several machines, and for copying


def mend_time(source: Path, collected: Path, named: datetime) -> datetime | None:
    """Write the true time into a collected submission, where it has none or one that is too early.

    source: its folder in the exchange. named: the time in that folder's name, in UTC. Return the time that was written,
    or None where the submission's own stays. Raises OSError.
    """
    says = submitted_at(collected, lambda _: None)
    last = max(named, _last_written(source))
    if says is not None and last <= says + TOLERANCE:
        return None
    path = collected / "timestamp.txt"
    if path.is_dir() and not path.is_symlink():
        return None  # what lies there is said when it is graded
    write_whole(path, last.replace(tzinfo=UTC).strftime(FORMAT))
    return last


def _last_written(folder: Path) -> datetime:
    """Return when the last of a folder's plain files was written, in UTC; no time is in the future."""
    times = [0.0]
    with os.scandir(folder) as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                times.append(status.st_mtime)
    return datetime.fromtimestamp(min(max(times), time.time()), UTC).replace(tzinfo=None)
