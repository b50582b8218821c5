"""`autograder report`, with a real gradebook."""

from __future__ import annotations

import csv

import pytest
from click.testing import CliRunner
from nbgrader.api import Gradebook

from autograder.cli import main


def run(*args):
    return CliRunner().invoke(main, ["report", *args])


@pytest.fixture
def course(port, keep):
    with Gradebook(port.db_url) as gradebook:
        gradebook.add_student("ada", first_name="Ada", last_name="Sample")
        gradebook.add_student("zoe")
    keep("ada", {"dkeel": 0.25}, "2024-05-03 12:00:00 UTC")
    keep("ben", flags=("a flag",))
    page = port.folder / "feedback" / "ben" / "port" / "harbour.html"
    page.parent.mkdir(parents=True)
    page.touch()
    return port.folder


def test_the_page_and_the_table(course):
    done = run("port", "--csv", "marks.csv")
    assert (done.exit_code, done.output) == (0, "report-port.html: 2 of 3 students\n")
    text = (course / "report-port.html").read_text()
    assert 'href="./feedback/ben/port/harbour.html#cmp_dkeel"' in text
    assert "ada (1 d)" in text
    with (course / "marks.csv").open() as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert [rows["ada"][name] for name in ("name", "total", "hours_late", "harbour:dkeel")] == [
        *("Ada Sample", "7.25", "24.0", "0.25")
    ]
    assert (rows["zoe"]["missing"], rows["ben"]["flags"]) == ("harbour", "harbour: a flag")
    assert not {path.stat().st_mode & 0o077 for path in (course / "report-port.html", course / "marks.csv")} - {0}


def test_only_some_students_elsewhere(course):
    (course / "reports").mkdir()
    assert run("port", "--student", "b*", "--out", "reports/b.html").output == "reports/b.html: 1 of 1 students\n"
    text = (course / "reports" / "b.html").read_text()
    assert "./../feedback/ben/" in text
    assert "ada" not in text


@pytest.mark.parametrize(
    ("args", "says", "code"),
    [
        (("port", "--student", "q*"), "nobody matches 'q*'", 2),
        (("starboard",), "no exercise in solutions/starboard", 2),
        (("port", "--out", "no/where.html"), "No such file or directory", 1),
    ],
)
def test_what_cannot_be_done_is_one_line(course, args, says, code):
    done = run(*args)
    assert done.exit_code == code
    (line,) = done.output.splitlines()
    assert says in line


def test_where_nothing_has_been_graded_it_says_what_to_run(port, keep):
    port.hand_in("ada")
    done = run("port")
    assert done.exit_code == 2
    assert done.output.endswith("run: autograder grade submitted --assignment port\n")
    assert not (port.folder / "report-port.html").exists()
