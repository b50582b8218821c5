"""Python files of the student's own: which are taken along, and that cells can import them in grading."""

from __future__ import annotations

import os

from autograder.submission.modules import MAX_BYTES, MAX_FILES, read_modules
from autograder.submission.notebook import submission_from_notebook, with_modules
from tests.notebooks import HARBOUR_ANSWERS
from tests.notebooks import harbour as harbour_notebook


def test_plain_modules_are_read(harbour, tmp_path):
    (tmp_path / "helpers.py").write_text("x = 1")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "not a name.py").write_text("x")
    assert read_modules(tmp_path, harbour) == ({"helpers.py": "x = 1"}, [])


def test_what_is_no_plain_text_is_named(harbour, tmp_path):
    os.mkfifo(tmp_path / "helpers.py")
    found, (flag,) = read_modules(tmp_path, harbour)
    assert found == {}
    assert flag.startswith("helpers.py and what follows it")


def test_there_are_only_so_many(harbour, tmp_path):
    for number in range(MAX_FILES + 5):
        (tmp_path / f"m{number:02}.py").write_text("x")
    found, flags = read_modules(tmp_path, harbour)
    assert (len(found), len(flags)) == (MAX_FILES, 1)
    (tmp_path / "a.py").write_text("x" * (MAX_BYTES + 1))
    assert read_modules(tmp_path, harbour)[0] == {}


def test_a_cell_can_import_one(harbour, harbour_grader, tmp_path):
    answers = HARBOUR_ANSWERS | {"drope": "from helpers import columns\ndrope = columns(dmast)"}
    notebook = harbour_notebook(**answers)
    (tmp_path / "helpers.py").write_text("def columns(t):\n    return t.sum(0)\n")
    submission = with_modules(submission_from_notebook(notebook, harbour), *read_modules(tmp_path, harbour), harbour)
    assert submission.flags == ()
    assert harbour_grader.grade("ada", lambda: submission).score == 8.0
    without = submission_from_notebook(notebook, harbour)
    result = harbour_grader.grade("ada", lambda: without)
    assert (result.score, "helpers" in str(result.to_json())) == (7.0, True)


def test_strange_code_is_flagged_in_cells_and_in_modules(harbour, tmp_path):
    notebook = harbour_notebook(drope="import ctypes\ndrope = dmast.sum(0)")
    (tmp_path / "helpers.py").write_text("import gc as g\n")
    flags = with_modules(submission_from_notebook(notebook, harbour), *read_modules(tmp_path, harbour), harbour).flags
    assert [flag.partition(", which")[0].partition(", ")[2] for flag in flags] == [
        "line 2, has the module ctypes",
        "line 1, has the module gc",
    ]
