"""The exporter that reads submissions for `nbgrader autograde`; tests/hostile runs the command itself."""

from __future__ import annotations

import json

import nbformat
import pytest
from traitlets.config import Config

from autograder.nbgrader.autograde import SUBMITTED, SubmissionExporter
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
