"""The exporter that reads submissions for `nbgrader autograde`; tests/hostile runs the command itself."""

from __future__ import annotations

import copy
import json

import nbformat
import pytest
from nbconvert.preprocessors import Preprocessor
from traitlets.config import Config

from autograder.nbgrader import autograde
from autograder.nbgrader.autograde import SUBMITTED, SubmissionExporter
from autograder.nbgrader.gradebook import RecordMarks
from autograder.nbgrader.mark import INDEX
from autograder.nbgrader.submitted import digest
from tests.notebooks import harbour


@pytest.fixture
def course(tmp_path):
    (tmp_path / "solutions" / "port").mkdir(parents=True)
    nbformat.write(harbour(), tmp_path / "solutions" / "port" / "harbour.ipynb")
    return tmp_path


def exported(course, text):
    path = course / "harbour.ipynb"
    path.write_text(text)
    directory = {"root": str(course), "source_directory": "solutions"}
    config = Config(CourseDirectory=directory, Exporter={"default_preprocessors": []})
    resources = {"nbgrader": {"student": "ada", "assignment": "port", "notebook": "harbour"}}
    found, _ = SubmissionExporter(config=config).from_filename(str(path), resources=resources)
    return json.loads(found), digest(path)


def test_a_notebook_is_read_with_a_mark_of_what_it_was_made_from(course):
    notebook, made_from = exported(course, nbformat.writes(harbour()))
    assert len(notebook["cells"]) == len(harbour().cells)
    assert notebook["metadata"][SUBMITTED] == made_from
    assert [cell["metadata"][INDEX] for cell in notebook["cells"]] == list(range(len(notebook["cells"])))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}'])
def test_what_is_no_notebook_becomes_a_page_without_cells(course, text):
    notebook, _ = exported(course, text)
    assert notebook["cells"] == []


class _Spoils(Preprocessor):
    def preprocess(self, nb, resources):
        nb.cells[0].cell_type = "no such type"
        return nb, resources


class _Records(RecordMarks):
    called = 0

    def preprocess(self, nb, resources):
        type(self).called += 1
        return nb, resources


@pytest.mark.parametrize(("order", "recorded"), [((_Spoils, _Records), 0), ((_Records, _Spoils), 1), ((_Spoils,), 0)])
def test_no_marks_are_recorded_of_a_notebook_that_is_not_valid(course, order, recorded):
    exporter = SubmissionExporter(config=Config(Exporter={"default_preprocessors": []}))
    for each in order:
        exporter.register_preprocessor(each, enabled=True)
    _Records.called = 0
    with pytest.raises(nbformat.ValidationError):
        exporter.from_notebook_node(harbour())
    assert _Records.called == recorded


def test_the_notebook_that_was_given_stays_as_it_is(course):
    exporter = SubmissionExporter(config=Config(Exporter={"default_preprocessors": []}))
    before = copy.deepcopy(given := harbour())
    exporter.register_preprocessor(lambda nb, resources: (nb.cells.clear(), (nb, resources))[1], enabled=True)
    assert json.loads(exporter.from_notebook_node(given)[0])["cells"] == []
    assert given == before


def test_the_second_half_takes_the_notebook_as_the_first_has_left_it(course, monkeypatch):
    """And reads the file where that was another's."""
    exporter = SubmissionExporter(config=Config(Exporter={"default_preprocessors": []}))
    path = course / "harbour.ipynb"
    nbformat.write(harbour(), path)
    ada, ben = ({"nbgrader": {"student": who, "assignment": "port", "notebook": "harbour"}} for who in ("ada", "ben"))
    first, _ = exporter.from_filename(str(path), resources=dict(ada))
    autograded = course / "autograded" / "harbour.ipynb"
    autograded.parent.mkdir()
    autograded.write_text(first)
    monkeypatch.setattr(autograde, "_BEING_MARKED", {autograded.parent})
    read = []
    monkeypatch.setattr(nbformat, "read", lambda path, as_version: read.append(path) or nbformat.reads(first, 4))
    second, _ = exporter.from_filename(str(autograded), resources=dict(ada))
    assert json.loads(second)["metadata"] == json.loads(first)["metadata"]
    assert read == []
    again, _ = exporter.from_filename(str(autograded), resources=dict(ben))
    assert again == second
    assert read == [autograded]
