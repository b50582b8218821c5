"""What nbgrader makes in the course folder is for its owner only: the gradebook, submissions, marks and pages."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

FILES = ("gradebook.db", "grades.csv", "roster.csv", "course-secret")
FOLDERS = (".autograder", "submitted", "autograded", "feedback")


def seal(folder: Path | None = None, **about: Any) -> None:
    """Take everybody else's rights from a course's private files and folders; others' files stay as they are.

    nbgrader calls it after each conversion, in the course folder (c.BaseConverter.post_convert_hook). about: what
    nbgrader says of the conversion.
    """
    folder = folder or Path()
    for name in (*FILES, *FOLDERS):
        path = folder / name
        with contextlib.suppress(OSError):  # not there, or another member's of a shared course
            if not path.is_symlink() and path.stat().st_mode & 0o077:
                path.chmod(0o700 if path.is_dir() else 0o600)
