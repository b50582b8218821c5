"""What damage is mended when a notebook is read, and that what comes out is a notebook."""

from __future__ import annotations

import json

import nbformat
import pytest

from autograder.submission import file as module
from autograder.submission.file import UnreadableError, mended, read_notebook
from tests import notebooks

CELL = {"cell_type": "code", "id": "a", "metadata": {}, "source": "x = 1", "outputs": [], "execution_count": None}


def read(tmp_path, content):
    path = tmp_path / "x.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    found = read_notebook(path)
    nbformat.validate(found)
    json.dumps(found, ensure_ascii=False).encode()  # as it is written
    return found


def whole(**changes):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [dict(CELL)]} | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": None},
        {"metadata": 3},
        {"metadata": {"kernelspec": 3, "language_info": "x"}},
        {"metadata": {"kernelspec": {"name": 3}}},
        {"nbformat_minor": None},
        {"nbformat_minor": "5"},
        {"nbformat": 4.0},
        {"cells": [CELL | {"metadata": None}]},
        {"cells": [CELL | {"metadata": {"tags": "x", "nbgrader": 3}}]},
        {"cells": [CELL | {"outputs": None}]},
        {"cells": [CELL | {"outputs": [3, {"output_type": "stream", "name": "stdout", "text": [3]}]}]},
        {"cells": [CELL | {"id": "x" * 65}, CELL, CELL]},
        {"cells": [CELL | {"attachments": {"a": 1}}]},
        {"cells": [CELL | {"source": ["x = ", "1"]}]},
    ],
    ids=str,
)
def test_damage_is_mended_and_the_code_stays(tmp_path, changes):
    found = read(tmp_path, whole(**changes))
    assert {cell.source for cell in found.cells} == {"x = 1"}
    assert len({cell.id for cell in found.cells}) == len(found.cells)


def test_a_byte_order_mark_and_line_ends_of_windows_are_no_damage(tmp_path):
    content = json.dumps(whole(cells=[CELL | {"source": "x = 1\r\ny = 2"}]))
    assert read(tmp_path, b"\xef\xbb\xbf" + content.encode()).cells[0].source == "x = 1\ny = 2"


def test_half_a_character_is_replaced(tmp_path):
    found = read(tmp_path, whole(cells=[CELL | {"source": "x = '\ud83d' + '\U0001f600'"}]))
    assert found.cells[0].source == "x = '\ufffd' + '\U0001f600'"


def test_metadata_without_end_is_left_out_but_for_what_grading_reads(tmp_path):
    info = {"grade_id": "dx"}
    metadata = {"x": [[]] * 20_000, "nbgrader": info, "tags": ["forward"]}
    found = read(tmp_path, whole(cells=[CELL | {"metadata": metadata}]))
    assert found.cells[0].metadata == {"nbgrader": info, "tags": ["forward"]}


def test_of_outputs_what_was_printed_is_kept(tmp_path):
    outputs = [{"output_type": "stream", "name": "stdout", "text": "loss 3.3\n"}, {"output_type": "error"}]
    found = read(tmp_path, whole(cells=[CELL | {"outputs": outputs}]))
    assert [output.text for output in found.cells[0].outputs] == ["loss 3.3\n"]


def test_of_very_many_attachments_the_first_are_kept(tmp_path):
    cell = {"cell_type": "markdown", "metadata": {}, "source": "x"}
    cell["attachments"] = {f"{number}.png": {"image/png": ""} for number in range(1_000)}
    assert list(read(tmp_path, whole(cells=[cell])).cells[0].attachments)[-1] == "99.png"


def test_only_what_is_kept_is_looked_through_for_halves_of_a_character(tmp_path, monkeypatch):
    """A file of 64 MB that was nothing but outputs took 1 GB, a copy and its encoded form for each."""
    seen = []
    nodes = module._nodes
    monkeypatch.setattr(module, "_nodes", lambda value: seen.append(value) or nodes(value))
    outputs = [{"output_type": "display_data", "data": {"text/plain": "\ud83d" * 9_000}, "metadata": {}}]
    read(tmp_path, whole(cells=[CELL | {"outputs": outputs}]))
    assert seen
    assert not [value for value in seen if isinstance(value, str) and len(value) > 1_000]


def test_it_is_the_notebook_that_nbformat_makes(tmp_path):
    attachments = {"a.png": {"image/png": "\ud83dAA=="}}
    cells = [CELL | {"metadata": {"tags": ["forward"], "nbgrader": {"points": 1}}}, CELL | {"cell_type": "markdown"}]
    found = read(tmp_path, whole(cells=[*cells, cells[1] | {"attachments": attachments}]))
    assert found == nbformat.from_dict(json.loads(json.dumps(found)))
    assert type(found.cells[0].metadata.nbgrader) is nbformat.NotebookNode
    assert found.cells[2].attachments["a.png"]["image/png"] == "\ufffdAA=="


def test_an_undamaged_notebook_keeps_its_cells():
    before = notebooks.harbour()
    after = mended(before)
    assert [(c.cell_type, c.source, c.metadata) for c in after.cells] == [
        (c.cell_type, c.source, c.metadata) for c in before.cells
    ]


@pytest.mark.parametrize("content", [b"", b"null", b"{}", json.dumps(whole(nbformat=None)).encode()])
def test_what_is_no_notebook_is_refused(tmp_path, content):
    with pytest.raises(UnreadableError, match="open it in Jupyter, save and submit again"):
        read(tmp_path, content)


def test_the_cells_of_an_old_format_are_counted_before_it_is_converted(tmp_path, monkeypatch):
    monkeypatch.setattr("nbformat.convert", lambda *args: pytest.fail("converted"))
    cell = {"cell_type": "code", "input": "1", "outputs": [], "language": "python", "metadata": {}}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [cell] * 3000}] * 2}
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps(old), encoding="utf-8")
    with pytest.raises(UnreadableError, match="has 6000 cells, the limit is 5000"):
        read_notebook(path)
