"""Notebooks that bring their files along: run where nothing else is, and graded like the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from autograder.author.alone import alone, write_alone
from autograder.exercise.notebook import read_exercise
from autograder.submission.notebook import submission_from_notebook
from tests.conftest import ROOT

RELEASED = ROOT / "assignments" / "backprop"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    return {path.stem: path for path in write_alone(RELEASED, folder / "backprop")}


def test_each_notebook_once_and_the_same_each_time(written, tmp_path):
    assert sorted(written) == sorted(path.stem for path in RELEASED.glob("*.ipynb"))
    again = write_alone(RELEASED, tmp_path)
    assert [path.read_bytes() for path in again] == [written[path.stem].read_bytes() for path in again]


def test_in_an_empty_folder_its_first_cell_brings_all_that_was_released(written, tmp_path):
    cell = nbformat.read(written["1_manual_backprop"], as_version=4).cells[0]
    assert cell.metadata["jupyter"]["source_hidden"]
    assert cell.metadata["cellView"] == "form"
    assert len(cell.source.splitlines()) < 12  # VS Code shows them all
    program = tmp_path.parent / "first_cell.py"
    program.write_text(cell.source)
    subprocess.run([sys.executable, program], cwd=tmp_path, check=True)
    found = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    beside = [path for path in RELEASED.rglob("*") if path.is_file() and path.suffix not in (".ipynb", ".pyc")]
    assert found == {str(path.relative_to(RELEASED)): path.read_bytes() for path in beside}
    (tmp_path / "names.txt").write_text("mine")
    subprocess.run([sys.executable, program], cwd=tmp_path, check=True)
    assert (tmp_path / "names.txt").read_text() == "mine"


def test_graded_it_is_the_same_submission(written):
    exercise = read_exercise(ROOT / "solutions" / "backprop" / "1_manual_backprop.ipynb")
    plain = submission_from_notebook(nbformat.read(RELEASED / "1_manual_backprop.ipynb", as_version=4), exercise)
    single = submission_from_notebook(nbformat.read(written["1_manual_backprop"], as_version=4), exercise)
    assert [cell.source for cell in single.script] == [cell.source for cell in plain.script]
    assert single.flags == plain.flags


def test_the_notebook_itself_is_left_as_it_is():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    assert len(alone(notebook, {"a.txt": b"a"}).cells) == 2
    assert len(notebook.cells) == 1


def test_the_command(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from autograder.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "solutions").mkdir()
    done = CliRunner().invoke(main, ["alone", "backprop"])
    assert done.exit_code == 2
    assert "has no notebooks; run: nbgrader generate_assignment backprop" in done.output
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    (tmp_path / "release" / "backprop").mkdir(parents=True)
    nbformat.write(notebook, tmp_path / "release" / "backprop" / "one.ipynb")
    done = CliRunner().invoke(main, ["alone", "backprop"])
    assert (done.exit_code, done.output) == (0, f"{Path('alone/backprop/one.ipynb')}\n")
