"""Write a file whole, first under a temporary name, then renamed; pack files so that the same make the same bytes."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

ZIP_TIME = (1980, 1, 1, 0, 0, 0)
PRIVATE = 0o600  # what belongs to a course is for its owner only


def write_whole(path: Path, content: str | bytes, mode: int = PRIVATE) -> None:
    """Write a file so that it is there whole or not at all. Raises OSError.

    The mode holds whatever the umask is. A character that UTF-8 has no bytes for is written as its escape.
    """
    # A name may be as long as the file system allows, the temporary one must not be longer.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode(errors="backslashreplace"))
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


def zipped(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    """Return a zip archive of files, each (content, mode) by its path; the same files always make the same bytes."""
    import zipfile  # most commands pack nothing

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (content, mode) in sorted(files.items()):
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.create_system, info.external_attr = 3, (0o100000 | mode) << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
