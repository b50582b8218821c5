"""Read a zip file of submissions, in which every name, size and byte may be a stranger's.

Nothing is unpacked by name: an entry is a path of plain parts and bytes that are counted while they are read.
"""

from __future__ import annotations

import contextlib
import io
import lzma
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from autograder.course.folder import CourseError, is_stray

MAX_ENTRIES = 100_000
MAX_ENTRY_BYTES = 100_000_000  # nbgrader's own limit of a submitted file
MAX_BYTES = 8_000_000_000  # of everything that is read from one archive
PIECE = 2**20
MAX_NAME_BYTES = 200  # of each part; a file system allows 255, and a name may get something in front
UTF8 = 0x800  # the flag of an entry whose name is UTF-8


class EntryError(ValueError):
    """Raised where an entry cannot be taken; the message says why."""


@dataclass(frozen=True)
class Entry:
    """A file in the archive. parts: its path, each part a plain name."""

    parts: tuple[str, ...]
    info: zipfile.ZipInfo

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.parts[-1]


class Archive:
    """An open zip file. A context manager.

    entries: its files, without what systems leave behind. refused: the names of the others, each with the reason.
    Raises CourseError on construction where the file is no zip, and OSError.
    """

    def __init__(self, source: Path | IO[bytes], name: str, left: int = MAX_BYTES) -> None:
        self._left = left
        try:
            self._zip = zipfile.ZipFile(source)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, IndexError) as error:
            raise CourseError(f"{name} is not a zip file ({error}); download it again") from None
        infos = self._zip.infolist()
        if len(infos) > MAX_ENTRIES:
            self._zip.close()
            raise CourseError(f"{name} has {len(infos)} entries, at most {MAX_ENTRIES} are read; is it the right file?")
        self.entries: list[Entry] = []
        self.refused: list[str] = []
        for info in infos:
            try:
                parts = _parts(info)
            except EntryError as error:
                self.refused.append(f"{_decoded(info)[:100]}: {error}")
                continue
            if not info.is_dir() and not any(map(is_stray, parts)):
                self.entries.append(Entry(parts, info))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._zip.close()

    def read(self, entry: Entry) -> bytes:
        """Return an entry's bytes. Raises EntryError where it is damaged, encrypted or larger than it may be."""
        limit = min(MAX_ENTRY_BYTES, self._left)
        found = io.BytesIO()
        try:
            with self._zip.open(entry.info) as file:
                while piece := file.read(PIECE):
                    if found.tell() + len(piece) > limit:
                        raise EntryError(f"it has more than {limit // 10**6} MB; it is not unpacked further")
                    found.write(piece)
        except EntryError:
            raise
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, IndexError) as error:
            raise EntryError(f"it is damaged ({error})") from None
        except (RuntimeError, NotImplementedError) as error:
            raise EntryError(f"it cannot be unpacked ({error})") from None
        self._left -= found.tell()
        return found.getvalue()

    def inner(self, data: bytes, name: str) -> Iterator[tuple[tuple[str, ...], bytes]]:
        """Yield (path, bytes) of the files of an archive that is an entry of this one; it counts against its limits.

        Raises CourseError where it is no zip file, EntryError.
        """
        with Archive(io.BytesIO(data), name, self._left) as archive:
            for entry in archive.entries:
                content = archive.read(entry)
                self._left -= len(content)
                yield entry.parts, content


def _decoded(info: zipfile.ZipInfo) -> str:
    """Return an entry's name; without the flag for UTF-8, zipfile has read it as an old code page."""
    name = info.filename
    if not info.flag_bits & UTF8:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name)


def _parts(info: zipfile.ZipInfo) -> tuple[str, ...]:
    """Return the parts of an entry's path. Raises EntryError where they are no plain names or it is no plain file."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise EntryError("it is a link or a device, not a plain file")
    name = _decoded(info).replace("\\", "/")
    if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        raise EntryError("its path does not begin in the archive")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if not parts or ".." in parts:
        raise EntryError("its path leads out of the archive")
    for part in parts:
        if not part.isprintable() or len(part.encode(errors="surrogatepass")) > MAX_NAME_BYTES:
            raise EntryError("its name is too long or has control characters")
    return parts
