"""A whole check: one line on what was tried, the findings, and whether it passes."""

import nbformat
import pytest

from autograder.author.check import check_exercise
from autograder.course.open_grader import open_course
from autograder.course.settings import load_config, settings_from_config
from autograder.sandbox.places import PROCESS
from tests.notebooks import by_id, notebook


@pytest.fixture
def checked(course):
    opened = open_course(settings_from_config(load_config(course), course), course, PROCESS)

    def check(path=course / "solutions" / "line" / "1_first.ipynb", **pieces):
        book = nbformat.read(path, as_version=4)
        for cell, (before, after) in pieces.items():
            by_id(book)[cell].source = by_id(book)[cell].source.replace(before, after)
        nbformat.write(book, path)
        return check_exercise(path, opened)

    return check


def test_errors_have_their_cell_s_number_and_what_follows_is_not_tried(checked):
    found = checked(dh=("dz2 @ W2.T", "dz2 @ W2.T * 2"))
    finding = found.findings[0]
    assert not found.passes
    assert finding.line().startswith("error   cell 20 (cmp_dh): the solution earns 0 of 1: wrong, ")
    assert "1 error" in found.summary
    assert "seeds" not in found.summary


def test_an_answer_that_fails_in_one_way_of_running_it_is_a_finding_too(checked):
    """Step by step dz2 is random; such an answer is wrong for grading as well, but must not end the check."""
    found = checked(dh=("dh = ", "assert dz2.abs().max() < 1\ndh = "))
    assert not found.passes
    assert any("AssertionError" in finding.text for finding in found.findings), found.findings


def test_what_is_no_exercise_is_a_finding(course):
    broken, ordinary = course / "broken.ipynb", course / "ordinary.ipynb"
    broken.write_text("{")
    nbformat.write(notebook(), ordinary)
    assert not check_exercise(broken, None).passes
    assert check_exercise(ordinary, None).summary.startswith("nbgrader's own")
