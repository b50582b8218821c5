"""Pages are made for several students at a time; what happens to one student's keeps no other's back."""

from __future__ import annotations

import logging
import os
from types import SimpleNamespace

import pytest
from nbgrader.apps.baseapp import NbGrader
from nbgrader.converters.base import NbGraderException

from autograder.nbgrader import both_cores


@pytest.fixture
def converter(tmp_path, monkeypatch):
    """A converter of four students, run by a command; each one's page is a file that names the process."""

    def convert(self):
        ((folder, _),) = self.assignments.items()
        if "killed" in folder:
            os._exit(9)
        if "bad" in folder:
            raise NbGraderException("no page")
        (tmp_path / folder.partition("/")[0]).write_text(str(os.getpid()))

    monkeypatch.setitem(both_cores._THEIRS, "convert_notebooks", convert)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return SimpleNamespace(
        assignments={f"{name}/a": ["n.ipynb"] for name in ("ada", "bad", "ben", "killed", "zoe")},
        parent=NbGrader(),
        log=logging.getLogger("both_cores"),
        coursedir=SimpleNamespace(assignment_id="a", ignore=[".*"]),
    )


def test_others_have_their_pages_and_those_without_are_named(converter, tmp_path, caplog):
    with caplog.at_level(logging.INFO), pytest.raises(NbGraderException):
        both_cores._convert_notebooks(converter)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ada", "ben", "zoe"]
    assert "The pages of bad, killed could not be made; the others are there" in caplog.text
    assert "a: the pages of 3 students" in caplog.text


def test_why_there_is_no_page_is_said_in_one_line(converter, monkeypatch, caplog):
    def fail(self, path):
        raise ValueError("no head\nat all")

    monkeypatch.setitem(both_cores._THEIRS, "convert_single_notebook", fail)
    with pytest.raises(ValueError, match="no head"):
        both_cores._convert_single_notebook(converter, "autograded/bad/a/n.ipynb")
    assert [r.getMessage() for r in caplog.records] == ["autograded/bad/a/n.ipynb: no head at all"]


def test_pages_are_made_in_other_processes(converter, tmp_path):
    for name in ("bad", "killed"):
        del converter.assignments[f"{name}/a"]
    both_cores._convert_notebooks(converter)
    assert str(os.getpid()) not in {p.read_text() for p in tmp_path.iterdir()}
    assert len(converter.assignments) == 3


def test_a_server_makes_them_itself(converter, tmp_path):
    converter.parent = None
    for name in ("bad", "killed"):
        del converter.assignments[f"{name}/a"]
    both_cores._convert_notebooks(converter)
    assert {p.read_text() for p in tmp_path.iterdir()} == {str(os.getpid())}


def test_pictures_and_what_releasing_needs_are_copied_and_nothing_else(tmp_path, converter):
    source, target = tmp_path / "from", tmp_path / "to"
    (source / "dojo").mkdir(parents=True)
    wanted = ["dojo/graph.PNG", "plot.png", "submission_secret.txt", "timestamp.txt"]
    for name in (*wanted, "names.txt", "dojo/__init__.py", ".hidden.png"):
        (source / name).write_text("x")
    converter._format_source, converter._format_dest = (lambda *_: source), (lambda *_: target)
    both_cores._init_assignment(converter, "a", "ada")
    assert sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file()) == wanted
