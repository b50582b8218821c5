"""`nbgrader generate_assignment` refuses what grading would refuse, in lines and without a traceback."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from nbconvert.exporters.exporter import ResourcesDict
from traitlets.config import Config

from autograder.nbgrader.refuse import RefuseFaults
from tests import notebooks
from tests.notebooks import by_id, notebook, solution


def refuse(book, folder: Path, config=None):
    resources = ResourcesDict(metadata={"path": str(folder)}, nbgrader={"notebook": "x", "assignment": "line"})
    settings = Config({"CourseDirectory": {"root": str(folder), **(config or {})}})
    return RefuseFaults(config=settings).preprocess(book, resources)


def test_a_sound_exercise_stays_as_it_is(tmp_path):
    book = notebooks.harbour()
    before = copy.deepcopy(book)
    assert refuse(book, tmp_path)[0] == before


def test_a_notebook_of_nbgrader_s_own_kind_is_none_of_ours(tmp_path):
    refuse(notebook(solution("x", "x = 1")), tmp_path)


@pytest.mark.parametrize(
    ("cell", "before", "after", "says"),
    [
        ("sizes", "SEED = 5\n", "NUMBER = SEED = 5\n", "no parameter is a seed"),
        ("autograd", "t.retain_grad()", "pass", "no .grad, so cmp cannot compare"),
        ("cmp_dpart", "cmp(", "compare(", "is not of the form cmp("),
    ],
)
def test_a_fault_ends_the_program_with_its_line(tmp_path, caplog, cell, before, after, says):
    book = notebooks.harbour()
    assert before in by_id(book)[cell].source
    by_id(book)[cell].source = by_id(book)[cell].source.replace(before, after)
    half = tmp_path / "release" / "line"
    half.mkdir(parents=True)
    with pytest.raises(SystemExit, match="1"):
        refuse(book, tmp_path)
    assert any(says in record.getMessage() for record in caplog.records)
    assert "autograder check line" in caplog.records[-1].getMessage()
    assert not half.exists()


def test_answers_that_an_old_configuration_would_release_are_refused(tmp_path, caplog):
    (tmp_path / "answers").mkdir()
    with pytest.raises(SystemExit):
        refuse(notebooks.harbour(), tmp_path)
    assert "would go to the students" in caplog.text
    refuse(notebooks.harbour(), tmp_path, {"ignore": ["answers"]})
