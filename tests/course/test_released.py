"""Whether students have what is marked."""

from __future__ import annotations

import shutil

import nbformat
import pytest

from autograder.course.released import differences
from tests.conftest import ROOT
from tests.notebooks import by_id, harbour


@pytest.fixture
def folders(tmp_path):
    """An exercise, and its released form: stubs in the place of the answers."""
    solutions, released = tmp_path / "solutions", tmp_path / "released"
    for folder in (solutions, released):
        (folder / "dojo").mkdir(parents=True)
        (folder / "dojo" / "__init__.py").write_text("# cmp")
    write(solutions, harbour())
    stub = harbour()
    for cell in stub.cells:
        cell.source = cell.source if "BEGIN SOLUTION" not in cell.source else "pass  # TODO"
    write(released, stub)
    return solutions, released


def write(folder, notebook):
    nbformat.write(notebook, folder / "harbour.ipynb")


def read(folder):
    return nbformat.read(folder / "harbour.ipynb", as_version=4)


def test_what_is_generated_fits(folders):
    assert differences(*folders) == []


@pytest.mark.parametrize("assignment", sorted(folder.name for folder in (ROOT / "solutions").iterdir()))
def test_so_do_the_kits_own(assignment):
    assert differences(ROOT / "solutions" / assignment, ROOT / "assignments" / assignment) == []


def change_points(folder):
    notebook = read(folder)
    by_id(notebook)["cmp_dkeel"].metadata["nbgrader"]["points"] = 7
    write(folder, notebook)


def change_forward(folder):
    notebook = read(folder)
    by_id(notebook)["forward"].source += "\n# and more"
    write(folder, notebook)


def add_a_step(folder):
    notebook = read(folder)
    cell = by_id(notebook)["dkeel"]
    cell.metadata["nbgrader"]["grade_id"] = "dother"
    write(folder, notebook)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s, r: change_points(s), "harbour.ipynb: cmp_dkeel has other points"),
        (lambda s, r: change_forward(s), "harbour.ipynb: the cell forward is another"),
        (lambda s, r: shutil.copy(s / "harbour.ipynb", r), "harbour.ipynb: dpart shows its solution"),
        (lambda s, r: (r / "harbour.ipynb").unlink(), "harbour.ipynb is missing"),
        (lambda s, r: (r / "dojo" / "__init__.py").unlink(), "dojo/__init__.py is missing in released"),
        (lambda s, r: (s / "dojo" / "__init__.py").write_text("# new"), "dojo/__init__.py is not the one in"),
        (lambda s, r: shutil.rmtree(r), "not generated so far"),
        (lambda s, r: (r / "harbour.ipynb").write_text("{"), "is not a notebook"),
    ],
)
def test_a_difference_is_said(folders, change, says):
    change(*folders)
    found = differences(*folders)
    assert says in found[0]


def test_a_step_more_or_less_is_said(folders, monkeypatch):
    solutions, released = folders
    notebook = read(solutions)
    notebook.cells = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") != "cmp_drope"]
    write(solutions, notebook)
    assert differences(solutions, released) == ["harbour.ipynb has a cell cmp_drope that the exercise has not"]
    assert differences(released, solutions)[0] == "harbour.ipynb: dpart shows its solution"
    assert "harbour.ipynb has no cell cmp_drope" in differences(released, solutions)
