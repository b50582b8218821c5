"""The README names only what there is. Its commands for authors are run in tests/end_to_end/test_authors.py."""

import re

from click import Option

from autograder.cli import grade
from autograder.commands.authors import check, new
from autograder.marking.verdict import CREDIT, Verdict
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
    assert named == there - {"help"}


def test_the_table_has_every_verdict_with_its_credit():
    table = {name.strip("`"): SHARES[credit] for name, credit, _ in rows("verdict")}
    assert table == {verdict.value: CREDIT.get(verdict, 0.0) for verdict in Verdict}


def test_every_option_of_autograder_grade_named_is_one():
    named = {option for cells in rows("option") for option in re.findall(r"--[a-z]+", cells[0])}
    named |= {o for line in code() if line.startswith("autograder grade") for o in re.findall(r"--[a-z]+", line)}
    there = {name for parameter in grade.params if isinstance(parameter, Option) for name in parameter.opts}
    assert named == there


def test_every_option_of_autograder_check_and_new_named_is_one():
    section = README[README.index("## For authors") : README.index("## Data and licence")]
    named = set(re.findall(r"--[a-z]+", section)) - {"--force"}  # that one is nbgrader's
    there = {name for command in (check, new) for p in command.params if isinstance(p, Option) for name in p.opts}
    assert named <= there
    assert {"--watch", "--exercise", "--forward"} <= named


def test_the_number_of_names_is_that_of_the_file():
    lines = (ROOT / "names.txt").read_text().splitlines()
    assert f"{len(lines):,} lines" in " ".join(README.split())
