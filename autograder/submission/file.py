"""Read a submitted file into a notebook that every later step can work with, whatever is wrong with it.

What a student's editor, browser or converter has damaged is mended here, once, for both ways into the gradebook; a file
that is no notebook at all is refused with a sentence for the student.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.exercise.notebook import Cell

# A notebook without outputs is some 100 kB, a heavily plotted one a few MB. Text takes up to nine times its bytes here.
MAX_NOTEBOOK_BYTES = 24 * 2**20
# Values in its JSON; each becomes an object of some hundred bytes, so a file that is nothing else would fill memory.
MAX_PARTS = 1_000_000
MAX_CELLS = 5_000  # of any kind: nbformat and nbgrader take a millisecond for each, many times over
MAX_ATTACHMENTS = 100  # of one cell that are kept
MAX_METADATA = 20_000  # characters of a cell's metadata, or of the notebook's, that are kept
MAX_PRINTED = 1_000  # characters of what a cell has printed
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # as nbformat 4.5 has it
TYPES = ("code", "markdown", "raw")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class UnreadableError(ValueError):
    """The file is not a notebook that can be graded; the message tells the student what to do."""


def read_notebook(path: Path) -> NotebookNode:
    """Read a submitted notebook in format 4.5, mended. Raises UnreadableError; never blocks on a fifo."""
    return notebook_in(path.name, read_content(path))


def read_content(path: Path) -> bytes:
    """Return what a submitted notebook's file holds. Raises UnreadableError; never blocks on a fifo."""
    return read_plain_file(path, MAX_NOTEBOOK_BYTES)


def notebook_in(name: str, content: bytes) -> NotebookNode:
    """Return the notebook in what a submitted file of this name holds, mended. Raises UnreadableError."""
    parts = sum(map(content.count, (b"{", b"[", b",")))
    if parts > MAX_PARTS:
        raise UnreadableError(
            f"{name} has {parts} values, the limit is {MAX_PARTS}; "
            "clear its outputs (Edit > Clear Outputs of All Cells) and submit again"
        )
    try:
        notebook = _parsed(name, content)
        valid = isinstance(notebook["cells"], list) and all(map(_usable, notebook["cells"]))
    except UnreadableError:
        raise
    except Exception as error:  # nbformat raises far more than its own errors: KeyError, TypeError, RecursionError
        raise UnreadableError(
            f"{name} is not a Jupyter notebook ({type(error).__name__}); open it in Jupyter, save and submit again"
        ) from None
    if not valid:
        raise UnreadableError(f"{name} has broken cells; open it in Jupyter, save and submit again")
    return mended(notebook)


def read_plain_file(path: Path, limit: int) -> bytes:
    """Return what a regular file holds. Raises UnreadableError for a link, a device or one of more than `limit`."""
    try:
        opened = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115
    except OSError as error:
        if error.errno == errno.ELOOP:  # what O_NOFOLLOW says of a link
            raise UnreadableError(f"{path.name} is a link; submit the notebook itself, as a plain file") from None
        raise UnreadableError(f"{path.name} cannot be opened ({error.strerror}); submit it as a plain file") from None
    with opened as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError(f"{path.name} is not a plain file; submit the notebook itself")
        if status.st_size > limit:
            raise UnreadableError(
                f"{path.name} has {status.st_size // 2**20} MB, the limit is {limit // 2**20} MB; "
                "clear its outputs (Edit > Clear Outputs of All Cells) and submit again"
            )
        return file.read(limit)


def mended(notebook: dict[str, Any]) -> NotebookNode:
    """Return a valid notebook of format 4.5 with the cells of one that was read; what cannot be kept is left out.

    Metadata that is no mapping or is too large, ids that are none or doubled, outputs and attachments of the wrong
    form, halves of a character: each has stopped nbformat, nbgrader or the file system, and none of it is graded.
    """
    seen: set[str] = set()
    cells = [_mended_cell(cell, seen) for cell in notebook["cells"]]
    metadata = notebook.get("metadata")
    kept = metadata if isinstance(metadata, dict) else {}
    plain = {key: kept[key] for key in ("kernelspec", "language_info") if _of_text(kept.get(key))}
    if not isinstance(plain.get("kernelspec", {}).get("name", ""), str):
        del plain["kernelspec"]
    made = {"cells": cells, "metadata": _small(plain), "nbformat": 4, "nbformat_minor": 5}
    return _nodes(made)


def _parsed(name: str, content: bytes) -> dict[str, Any]:
    """Return the notebook as nbformat reads it, but without validating it and converting all: it takes most time.

    Raises UnreadableError where it has too many cells, before an old format is converted, which is slow for each.
    """
    text = content.removeprefix(BYTE_ORDER_MARK).decode("utf-8")  # Windows' editors put the mark there
    read = json.loads(text)
    sheets = [part.get("cells") for part in (read, *read.get("worksheets", ()))]
    cells = sum(len(sheet) for sheet in sheets if isinstance(sheet, list))
    if cells > MAX_CELLS:
        raise UnreadableError(
            f"{name} has {cells} cells, the limit is {MAX_CELLS}; "
            "take out those that the exercise does not need and submit again"
        )
    if int(read["nbformat"]) != 4:
        return dict(nbformat.convert(nbformat.reader.reads(text), 4))
    return dict(read)


def _nodes(value: Any) -> Any:
    """Return the value as nbformat.from_dict does, with halves of a character, which no file can hold, replaced.

    Only for what is kept. In one pass over it: a notebook has thousands of values.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        node = NotebookNode()
        for key, part in value.items():
            dict.__setitem__(node, _nodes(key), _nodes(part))  # its own would look for mappings that are no nodes yet
        return node
    return [_nodes(part) for part in value] if isinstance(value, list) else value


def _usable(cell: Any) -> bool:
    if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
        return False
    source = cell.get("source")
    return isinstance(source, str) or (isinstance(source, list) and all(isinstance(line, str) for line in source))


def _mended_cell(cell: Cell, seen: set[str]) -> dict[str, Any]:
    kind = cell["cell_type"] if cell["cell_type"] in TYPES else "raw"
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    metadata = cell.get("metadata")
    found = cell.get("id")
    fine = isinstance(found, str) and CELL_ID.fullmatch(found) and found not in seen
    cell_id = found if fine else _new_id(seen)
    seen.add(cell_id)
    made: dict[str, Any] = {"id": cell_id, "cell_type": kind, "source": source.replace("\r\n", "\n")}
    made["metadata"] = _metadata(metadata) if isinstance(metadata, dict) else {}
    if kind == "code":
        outputs = cell.get("outputs")
        made["execution_count"] = None
        made["outputs"] = list(map(_printed, filter(_prints, outputs))) if isinstance(outputs, list) else []
    elif attachments := _attachments(cell.get("attachments")):
        made["attachments"] = attachments
    return made


def _new_id(seen: set[str]) -> str:
    return next(name for number in range(len(seen), 2**62) if (name := f"cell-{number}") not in seen)


def _metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata, or only the keys that grading reads where there is far more than an editor writes."""
    kept = _small(metadata) or {key: _small(metadata.get(key)) for key in ("nbgrader", "tags") if key in metadata}
    if not isinstance(kept.get("tags", []), list) or not all(isinstance(tag, str) for tag in kept.get("tags", [])):
        kept = {key: value for key, value in kept.items() if key != "tags"}
    return kept


def _small(value: Any) -> Any:
    """Return the value where its JSON is short and nothing else can make of it, an empty mapping otherwise."""
    try:
        return value if len(json.dumps(value, allow_nan=False)) <= MAX_METADATA else {}
    except (ValueError, RecursionError):
        return {}


def _of_text(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def _prints(output: Any) -> bool:
    """Return whether it is what a cell has printed, all that is looked at of a submission's outputs."""
    if not isinstance(output, dict) or output.get("output_type") != "stream" or output.get("name") != "stdout":
        return False
    text = output.get("text")
    return isinstance(text, str) or (isinstance(text, list) and all(isinstance(line, str) for line in text))


def _printed(output: dict[str, Any]) -> dict[str, str]:
    text = output["text"] if isinstance(output["text"], str) else "".join(output["text"])
    return {"output_type": "stream", "name": "stdout", "text": text[:MAX_PRINTED]}


def _attachments(found: Any) -> dict[str, Any]:
    """Return the attachments of the form {name: {media type: text}}."""
    kept = {}
    for name, bundle in found.items() if isinstance(found, dict) else ():
        if isinstance(bundle, dict) and bundle and all(isinstance(data, str) for data in bundle.values()):
            kept[name] = bundle
    return dict(itertools.islice(kept.items(), MAX_ATTACHMENTS))


def _open_without_waiting(path: str, flags: int) -> int:
    """For `open`: a fifo does not block, and a link is not followed."""
    return os.open(path, flags | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
