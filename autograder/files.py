"""Write a file whole: first under a temporary name, then renamed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

PRIVATE = 0o600  # what belongs to a course is for its owner only


def write_whole(path: Path, text: str, mode: int = PRIVATE) -> None:
    """Write a text file so that it is there whole or not at all. Raises OSError.

    The mode holds whatever the umask is. A character that UTF-8 has no bytes for is written as its escape.
    """
    # A name may be as long as the file system allows, the temporary one must not be longer.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        os.chmod(temporary, mode)  # noqa: PTH101
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for its owner only. Raises OSError."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(0o700)
