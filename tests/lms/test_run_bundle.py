"""An unpacked bundle, run as the platform runs it: submission/ in, results/ out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from xml.etree import ElementTree

import nbformat
import pytest

from autograder.lms.run_bundle import Manifest, find_notebooks, grade_bundle
from autograder.marking.verdict import CREDIT
from tests.notebooks import harbour


@pytest.fixture
def root(tmp_path):
    """An unpacked bundle with the exercise harbour."""
    course = tmp_path / "source" / "course"
    (course / "solutions" / "port").mkdir(parents=True)
    nbformat.write(harbour(), course / "solutions" / "port" / "harbour.ipynb")
    credit = {str(verdict): part for verdict, part in CREDIT.items()}
    (course / "bundle.json").write_text(Manifest("port", ("harbour",), credit, {}, "auto").to_json())
    (course / "course-secret").write_text("0123456789abcdef" * 4)
    (tmp_path / "submission").mkdir()
    return tmp_path


def run(root):
    command = [sys.executable, "-I", "-m", "autograder.lms.run_bundle", str(root)]
    around = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=around)


def test_a_submission_is_graded(root):
    nbformat.write(harbour(dkeel="dkeel = -sail.T @ dmast"), root / "submission" / "harbour (1).ipynb")
    done = run(root)
    assert done.returncode == 0, done.stderr
    found = json.loads((root / "results" / "results.json").read_text())
    assert found["score"] == 7.0
    assert [t["name"] for t in found["tests"] if t["status"] == "failed"] == ["harbour: dkeel"]
    assert "the sign is wrong" in next(t["output"] for t in found["tests"] if t["status"] == "failed")
    assert ElementTree.parse(root / "results" / "junit.xml").getroot()[0].get("failures") == "1"
    assert (root / "results" / "summary.md").read_text().startswith("# 7 of 8 points")


def test_cases_that_the_bundle_does_not_hold_are_prepared(root):
    command = [sys.executable, "-I", "-m", "autograder.lms.run_bundle", "--prepare", str(root)]
    subprocess.run(command, cwd=root, check=True, env={"PATH": os.environ["PATH"]})
    (made,) = (root / "source" / "course" / ".autograder" / "cases").iterdir()
    before = made.stat().st_mtime_ns
    nbformat.write(harbour(), root / "submission" / "harbour.ipynb")
    assert run(root).returncode == 0
    assert made.stat().st_mtime_ns == before


def test_a_fault_of_the_graders_is_no_mark(root):
    (root / "source" / "course" / "course-secret").write_text("short")
    done = run(root)
    assert done.returncode == 1
    assert done.stderr.startswith("autograder: the submission could not be graded: SecretError")
    assert "Traceback" not in done.stderr
    assert not (root / "results").exists()


def test_an_empty_submission_has_a_result(root):
    (result,) = grade_bundle(root)
    assert (result.status, result.score) == ("missing", 0.0)
    assert result.error == "there is no harbour.ipynb in the submission; submit it under this name"


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (["harbour.ipynb"], "harbour.ipynb"),
        (["backprop/harbour.ipynb"], "backprop/harbour.ipynb"),
        (["a/harbour.ipynb", "harbour.ipynb"], "harbour.ipynb"),
        (["harbour-1.ipynb", "harbour-2.ipynb"], "harbour-2.ipynb"),
        (["harbour-1.ipynb", "x/harbour.ipynb"], "x/harbour.ipynb"),
        (["__MACOSX/harbour.ipynb", ".git/harbour.ipynb", "mine.ipynb"], "harbour.ipynb"),
        ([], "harbour.ipynb"),
    ],
)
def test_the_notebook_is_found(tmp_path, there, found):
    for name in there:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_notebooks(tmp_path, ["harbour"]) == {"harbour": tmp_path / found}


def test_a_link_is_no_notebook(tmp_path):
    (tmp_path / "submission").mkdir()
    (tmp_path / "secret.ipynb").touch()
    (tmp_path / "submission" / "harbour-1.ipynb").symlink_to(tmp_path / "secret.ipynb")
    assert find_notebooks(tmp_path / "submission", ["harbour"])["harbour"].name == "harbour.ipynb"
