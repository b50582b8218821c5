"""What a student has submitted is read, or there is a result that says why not; nothing is raised."""

from __future__ import annotations

import nbformat

from autograder.marking import take_in as module
from autograder.marking.result import REGRADE
from autograder.marking.take_in import at_fault, take_in
from autograder.submission.file import read_notebook
from autograder.submission.modules import read_modules
from autograder.submission.notebook import submission_from_notebook, submission_in, with_modules
from tests.notebooks import harbour as harbour_notebook


def test_the_files_are_read_and_not_looked_into(harbour, tmp_path):
    path = tmp_path / "harbour.ipynb"
    path.write_bytes(b"no notebook")
    (tmp_path / "helpers.py").write_text("x = 1\n")
    files = take_in("ada", path, harbour)
    assert (files.name, files.content, files.modules) == ("harbour.ipynb", b"no notebook", {"helpers.py": "x = 1\n"})


def test_what_is_read_in_two_places_is_what_is_read_in_one(harbour, tmp_path):
    path = tmp_path / "harbour.ipynb"
    nbformat.write(harbour_notebook(dkeel="import ctypes\ndkeel = sail.T @ dmast"), path)
    (tmp_path / "helpers.py").write_text("import gc as g\n")
    apart = module.read_files(path, harbour)
    submission = submission_from_notebook(read_notebook(path), harbour)
    assert submission_in(apart, harbour) == with_modules(submission, *read_modules(tmp_path, harbour), harbour)
    assert len(submission_in(apart, harbour).flags) == 2


def test_there_is_none_or_it_has_another_name(harbour, tmp_path):
    (tmp_path / "harbour (1).ipynb").write_text("{}")
    result = take_in("ada", tmp_path / "harbour.ipynb", harbour)
    assert (result.status, result.score, result.max_score) == ("missing", 0.0, 8.0)
    assert "only harbour (1).ipynb" in result.error


def test_a_link_is_unreadable(harbour, tmp_path):
    path = tmp_path / "harbour.ipynb"
    path.symlink_to(harbour.path)
    assert take_in("ada", path, harbour).status == "unreadable"


def test_whatever_else_happens_is_a_fault_of_ours(harbour, tmp_path, monkeypatch):
    def fail(path, exercise):
        raise MemoryError("no room")

    monkeypatch.setattr(module, "read_files", fail)
    path = tmp_path / "harbour.ipynb"
    path.touch()
    result = take_in("ada", path, harbour)
    assert result == at_fault("ada", harbour, f"MemoryError: no room; {REGRADE}")
    assert (result.fault, result.status) == (True, "crashed")
