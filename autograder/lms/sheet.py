"""Read and write the CSV files that platforms and spreadsheets exchange."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.course.folder import CourseError
from autograder.text import in_a_spreadsheet

MAX_BYTES = 50_000_000
DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Sheet:
    """A table. header: the names of its columns. rows: of each its number in the file, from 1, and its cells."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]


def read_sheet(path: Path) -> Sheet:
    """Read a CSV file of any usual encoding and delimiter. Raises CourseError where it is none, OSError."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise CourseError(f"{path} has more than {MAX_BYTES // 10**6} MB; a CSV file of a class has less")
    text = _decoded(data)
    first = text.lstrip("\n\r").partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    try:
        lines = [(number, row) for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), 1)]
    except csv.Error as error:
        raise CourseError(f"{path} is not a CSV file: {error}; export it once more as CSV") from None
    filled = [(number, [cell.strip() for cell in row]) for number, row in lines if any(cell.strip() for cell in row)]
    if not filled:
        raise CourseError(f"{path} is empty; expected a CSV file with a header")
    (_, header), *rest = filled
    return Sheet(tuple(header), tuple((number, dict(zip(header, row, strict=False))) for number, row in rest))


def written(header: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> str:
    """Return a CSV document in which no text is a formula. None is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in (header, *rows):
        writer.writerow([in_a_spreadsheet(cell) if isinstance(cell, str) else cell for cell in row])
    return out.getvalue()


def _decoded(data: bytes) -> str:
    """Spreadsheets write UTF-16 or the Windows code page where they are not told otherwise."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
