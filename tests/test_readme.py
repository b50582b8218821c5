"""The README names only what there is, and its example is an exercise."""

import re
import runpy
import shutil

import pytest
from click import Option

from autograder.cli import grade
from autograder.exercise.notebook import read_exercise
from autograder.marking.verdict import CREDIT, Verdict
from autograder.nbgrader.stubs import stubs
from autograder.reference.compute import forward_shapes
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHARES = {"1": 1.0, "½": 0.5, "0": 0.0}


def code():
    """What the README shows as code: its blocks and spans."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL))
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()] + spans


def rows(heading):
    """The rows of the table whose first column has this heading."""
    table = re.search(rf"^\| {heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert table is not None, f"the README has no table of {heading}"
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table[1].splitlines()]


def test_every_make_target_named_is_in_the_makefile():
    named = {target for line in code() for target in re.findall(r"^make ([a-z][a-z-]*)", line)}
    there = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= named
    assert named <= there


def test_the_table_has_every_verdict_with_its_credit():
    table = {name.strip("`"): SHARES[credit] for name, credit, _ in rows("verdict")}
    assert table == {verdict.value: CREDIT.get(verdict, 0.0) for verdict in Verdict}


def test_every_option_of_autograder_grade_named_is_one():
    named = {option for cells in rows("option") for option in re.findall(r"--[a-z]+", cells[0])}
    named |= {o for line in code() if line.startswith("autograder grade") for o in re.findall(r"--[a-z]+", line)}
    there = {name for parameter in grade.params if isinstance(parameter, Option) for name in parameter.opts}
    assert named == there


def test_the_number_of_names_is_that_of_the_file():
    lines = (ROOT / "names.txt").read_text().splitlines()
    assert f"{len(lines):,} lines" in " ".join(README.split())


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """The authors' example, made by the README's own script."""
    script = re.search(r"^```python\n(from pathlib.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert script is not None
    folder = tmp_path_factory.mktemp("course")
    (folder / "make_line.py").write_text(script[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        runpy.run_path("make_line.py")
    beside = folder / "solutions" / "line"
    shutil.copytree(ROOT / "autograder" / "dojo", beside / "dojo")
    return read_exercise(beside / "1_line.ipynb")


def test_the_example_is_an_exercise_of_two_steps(line):
    assert [(step.name, step.points) for step in line.steps] == [("dpred", 1.0), ("dw", 1.0)]


def test_the_stub_of_the_example_is_the_one_shown(line):
    assert stubs(line, forward_shapes(line))["dpred"] in code()
