"""Files that are handed in as notebooks and are none, or not what was given out; each with what comes of it."""

# ruff: noqa: E501 (one line a file)
from __future__ import annotations

import copy
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat

from tests.notebooks import HARBOUR_ANSWERS, by_id, code, markdown

Notebook = Any


def _solved(released: Notebook) -> Notebook:
    notebook = copy.deepcopy(released)
    for grade_id, source in HARBOUR_ANSWERS.items():
        by_id(notebook)[grade_id].source = source
    return notebook


def _text(released: Notebook) -> str:
    return str(nbformat.writes(_solved(released)))


def _changed(change: Callable[[Notebook], Any]) -> Callable[[Notebook], bytes]:
    """A solved notebook, changed in place."""

    def content(released: Notebook) -> bytes:
        notebook = _solved(released)
        change(notebook)
        return json.dumps(notebook).encode()

    return content


def _with_first_cell(**fields: Any) -> Callable[[Notebook], bytes]:
    return _changed(lambda notebook: notebook.cells[0].update(fields))


def _old(released: Notebook) -> bytes:
    return str(nbformat.writes(nbformat.convert(_solved(released), 3), version=3)).encode()


def _without_metadata(notebook: Notebook) -> None:
    notebook.metadata = {}
    for cell in notebook.cells:
        cell.metadata = {}


def _without_checks(notebook: Notebook) -> None:
    notebook.cells = [c for c in notebook.cells if not c.metadata.get("nbgrader", {}).get("grade")]


def _checks_first(notebook: Notebook) -> None:
    notebook.cells.sort(key=lambda cell: not cell.metadata.get("nbgrader", {}).get("grade"))


def _doubled(grade_id: str) -> Callable[[Notebook], None]:
    return lambda notebook: notebook.cells.append(copy.deepcopy(by_id(notebook)[grade_id]))


def _points(notebook: Notebook) -> None:
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata["nbgrader"]["points"] = 1000


def _set(grade_id: str, **fields: Any) -> Callable[[Notebook], None]:
    return lambda notebook: by_id(notebook)[grade_id].update(fields)


def _deep(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


# Files by their content. Graded ones: the points of eight that are left. Of the others: a word of the sentence.
CONTENT: dict[str, tuple[Callable[[Notebook], bytes], float | str]] = {
    "empty": (lambda _: b"", "not a Jupyter notebook"),
    "truncated": (lambda released: _text(released)[:3000].encode(), "not a Jupyter notebook"),
    "not JSON": (lambda _: b"import torch\n", "not a Jupyter notebook"),
    "a picture": (lambda _: b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not a Jupyter notebook"),
    "null": (lambda _: b"null", "not a Jupyter notebook"),
    "a list": (lambda _: b"[]", "not a Jupyter notebook"),
    "deeply nested": (lambda _: b"[" * 10**6, "Jupyter"),
    "in utf-16": (lambda released: _text(released).encode("utf-16"), "not a Jupyter notebook"),
    "in latin-1": (lambda released: _text(released).replace("Harbour", "Häfen").encode("latin-1"), "not a Jupyter"),
    "with a byte order mark": (lambda released: _text(released).encode("utf-8-sig"), 8),
    "without cells": (lambda _: b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "not a Jupyter notebook"),
    "cells that are no list": (_changed(lambda notebook: notebook.update(cells={})), "broken cells"),
    "a cell without a source": (_changed(lambda notebook: notebook.cells[0].pop("source")), "Jupyter"),
    "a cell whose source is a number": (_with_first_cell(source=7), "broken cells"),
    "a format of the future": (_changed(lambda notebook: notebook.update(nbformat=99)), "not a Jupyter notebook"),
    "millions of values": (_changed(lambda notebook: notebook.metadata.update(x=[[]] * 2_000_000)), "clear its outputs"),
    "far too many cells": (
        _changed(lambda notebook: notebook.cells.extend([code("x")] * 6000)), "take out those that"
    ),
    "far too much code": (_changed(lambda notebook: notebook.cells.append(code("a\n" * 10**6))), "take out"),
    "in an old format": (_old, 8),
    "of another kernel": (_changed(lambda n: n.metadata.update(kernelspec={"name": "ir", "display_name": "R"})), 8),
    "without metadata": (_changed(_without_metadata), 8),
    "without check cells": (_changed(_without_checks), 8),
    "with check cells first": (_changed(_checks_first), 8),
    "a check cell doubled": (_changed(_doubled("cmp_dkeel")), 8),
    "a check cell edited": (_changed(_set("cmp_dkeel", source="print('right')")), 8),
    "a solution cell doubled": (_changed(_doubled("dkeel")), 8),
    "a solution cell as text": (_changed(_set("dkeel", cell_type="markdown")), 8),
    "points raised": (_changed(_points), 8),
    "a deep value": (_changed(lambda notebook: notebook.metadata.update(x=_deep(400))), 8),
    "odd metadata": (_changed(lambda n: n.cells[0].metadata.update(tags={"a": [1]}, nbgrader=[3])), 8),
    "a null byte": (_changed(_set("drope", source="drope = 0 \0")), 7),
    "a lone surrogate": (_changed(_set("drope", source="drope = '\ud800'")), 7),
    "code that nests deeply": (_changed(_set("drope", source="drope = " + "-" * 200_000 + "1")), 7),
    "code that is very long": (_changed(_set("drope", source="drope = " + "+".join(["1"] * 100_000))), 7),
    "a long line with a magic": (_changed(_set("drope", source=f"!ls\ndrope = [{'1, ' * 20_000}]")), 7),
    "half an emoji in a text": (_changed(lambda n: n.cells.insert(4, markdown("half: \ud83d"))), 8),
    "half an emoji that is printed": (_changed(lambda n: n.cells.insert(4, code("print('\\ud83d')"))), 8),
    "no metadata of the notebook": (_changed(lambda notebook: notebook.pop("metadata")), 8),
    "null as metadata": (_changed(lambda notebook: notebook.update(metadata=None)), 8),
    "metadata of a cell that is text": (_with_first_cell(metadata="x"), 8),
    "a minor version that is text": (_changed(lambda notebook: notebook.update(nbformat_minor="5")), 8),
    "a minor version that is null": (_changed(lambda notebook: notebook.update(nbformat_minor=None)), 8),
    "a version with a point": (_changed(lambda notebook: notebook.update(nbformat=4.0)), 8),
    "null as outputs": (_changed(_set("drope", outputs=None)), 8),
    "odd outputs": (_changed(_set("drope", outputs=[3, {"output_type": "stream"}, {"a": "b"}])), 8),
    "odd attachments": (_with_first_cell(attachments={"a": 1, "b": {"image/png": 3}}), 8),
    "ids that are none": (_changed(lambda n: [cell.update(id="x" * 200) for cell in n.cells]), 8),
    "an unknown type of cell": (_changed(lambda n: n.cells.insert(0, {"cell_type": "heading", "source": "x"})), 8),
    "a picture that is not attached": (_changed(lambda n: n.cells.insert(0, markdown("![x](attachment:x.png)"))), 8),
    "4 MB of metadata": (_changed(lambda n: n.cells[0].metadata.update(x=[{"a": []}] * 300_000)), 8),
    "line ends of Windows": (lambda released: _text(released).replace("\\n", "\\r\\n").encode(), 8),
    "square time for a page": (_changed(lambda n: n.cells.insert(0, markdown("\\\\[" * 20_000))), 8),
    "endless numbers": (_changed(lambda n: n.metadata.update(x=10**4000, y=float("nan"), z=float("inf"))), 8),
}  # fmt: skip


def _unreadable(folder: Path) -> None:
    (folder / "notes.txt").write_text("x")
    (folder / "notes.txt").chmod(0)


def _stray(folder: Path) -> None:
    for name in ("._harbour.ipynb", ".~harbour.ipynb", "harbour (1).ipynb"):
        (folder / name).write_text("{")
    for name in ("__MACOSX", ".ipynb_checkpoints"):
        (folder / name).mkdir()
        (folder / name / "harbour.ipynb").write_text("{")


def _loop(folder: Path) -> None:
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "harbour.html").symlink_to("/etc/passwd")


# What may lie beside a notebook that is all right.
BESIDE: dict[str, Callable[[Path], Any]] = {
    "a file in the place of a folder": lambda folder: (folder / "chart.txt").mkdir(),
    "a file that nobody can read": _unreadable,
    "a time in words": lambda folder: (folder / "timestamp.txt").write_text("yesterday evening"),
    "a time in utf-16": lambda folder: (folder / "timestamp.txt").write_bytes("2030-01-31".encode("utf-16")),
    "a folder for a time": lambda folder: (folder / "timestamp.txt").mkdir(),
    "a time without end": lambda folder: (folder / "timestamp.txt").write_text("9" * 900),
    "a fifo for a time": lambda folder: os.mkfifo(folder / "timestamp.txt"),
    "what systems leave behind": _stray,
    "links to itself": _loop,
    "a page of the student's own": lambda folder: (folder / "harbour.html").write_text("<script>alert(1)</script>"),
    "a module that cannot be read": lambda folder: (folder / "helpers.py").write_bytes(b"\xff\xfe"),
}
# Folders that are no student's, or a very odd one's.
NAMES = ["x" * 250, "a,b", "=1+1", "<img src=x onerror=alert(1)>", "it's [me] {0} %s", "a\nb", "caf\udce9"]
NOBODY = NAMES[-2:]


def _socket(path: Path) -> None:
    there = Path.cwd()
    os.chdir(path.parent)  # the whole path may be too long for a socket's name
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(there)


def _link_outside(path: Path) -> None:
    elsewhere = path.parents[3] / "elsewhere.ipynb"
    elsewhere.write_text("{}")
    path.symlink_to(elsewhere)


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200 * 2**20)


# What is no file, or one that nbgrader itself would wait for or copy at length. None: the status is `missing`.
OTHERS: dict[str, tuple[Callable[[Path], Any], str | None]] = {
    "a folder": (lambda path: path.mkdir(), "submit it as a plain file"),
    "a fifo": (os.mkfifo, "not a plain file"),
    "a socket": (_socket, "submit it as a plain file"),
    "a link to a device": (lambda path: path.symlink_to("/dev/zero"), "is a link"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "is a link"),
    "a link to itself": (lambda path: path.symlink_to(path), "is a link"),
    "a link outside": (_link_outside, "is a link"),
    "200 MB": (_large, "clear its outputs"),
    "another name": (lambda path: path.with_name("harbour-final.ipynb").write_text("{}"), None),
}
