"""`autograder bundle` as a person gives it; tests/lms/test_bundle.py looks into what it makes."""

from __future__ import annotations

import contextlib

import nbformat
import pytest
from click.testing import CliRunner

from autograder.cli import main
from tests.notebooks import harbour


@pytest.fixture
def course(tmp_path):
    """A course whose assignment has been generated; nothing was graded so far."""
    for name in ("solutions", "release"):
        (tmp_path / name / "port").mkdir(parents=True)
        notebook = harbour()
        for cell in notebook.cells if name == "release" else ():
            cell.source = cell.source if "BEGIN SOLUTION" not in cell.source else "pass  # TODO"
        nbformat.write(notebook, tmp_path / name / "port" / "harbour.ipynb")
    return tmp_path


def run(folder, *args):
    with contextlib.chdir(folder):
        return CliRunner().invoke(main, ("bundle", *args))


def test_it_says_what_it_made(course):
    done = run(course, "github", "--assignment", "port", "--out", "grader.zip")
    assert done.exit_code == 0
    assert done.stdout.startswith("harbour: grader.zip, 0.")
    assert "course-secret is new" in done.stderr
    assert run(course, "github", "--assignment", "port").stderr == ""


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("gradescope", "--assignment", "starboard"), 2, "no exercise in solutions/starboard"),
        (("gradescope", "--assignment", "port", "--exercise", "pier"), 2, "no exercise pier"),
        (("gradescope", "--assignment", "port", "--out", "no/x.zip"), 1, "No such file or directory"),
        (("canvas", "--assignment", "port"), 2, "'canvas' is not one of"),
    ],
)
def test_what_cannot_be_ends_in_one_line(course, args, code, says):
    done = run(course, *args)
    assert done.exit_code == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
