"""`autograder extend`, with a real gradebook."""

from __future__ import annotations

from datetime import timedelta

import click
import pytest
from click.testing import CliRunner
from nbgrader.api import Gradebook

from autograder.cli import main
from autograder.commands.course import CourseFolder
from autograder.commands.extend import Duration
from autograder.marking.result import Late


def run(*args):
    return CliRunner().invoke(main, ["extend", *args])


@pytest.fixture
def course(port, keep):
    """Ada was a day and ten hours late and lost a quarter for each day; Zoe has submitted nothing."""
    path = keep("ada", timestamp="2024-05-03 22:00:00 UTC")
    with (port.folder / "nbgrader_config.py").open("a") as config:
        config.write("c.AssignLatePenalties.plugin_class = 'autograder.nbgrader.late.LatePolicy'\n")
        config.write("c.LatePolicy.percent_per_day = 25\n")
    here = CourseFolder.here()
    with here.gradebook("port") as gradebook:
        gradebook.write("ada", port.exercise, path, port.result())
        assert gradebook.finish() == ({"ada": Late(2, 0, 4.0)}, [])
    with Gradebook(port.db_url) as gradebook:
        gradebook.add_student("zoe")
    return port


def penalty(port, student="ada"):
    with Gradebook(port.db_url) as gradebook:
        row = gradebook.find_submission("port", student)
        return row.late_submission_penalty, row.extension


def test_the_due_date_moves_and_the_penalty_with_it(course):
    done = run("ada", "port", "24h")
    assert (done.exit_code, done.output) == (0, "ada: port is due 2024-05-03 12:00 UTC, late: 1 day, 2 taken off\n")
    assert penalty(course) == (2.0, timedelta(days=1))
    assert run("ada", "port", "1d12h").output == "ada: port is due 2024-05-04 00:00 UTC\n"
    assert penalty(course) == (0.0, timedelta(days=1.5))
    assert run("ada", "port", "0").output == "ada: port is due 2024-05-02 12:00 UTC, late: 2 days, 4 taken off\n"
    assert penalty(course) == (4.0, None)


def test_it_may_be_given_before_anything_is_submitted(course):
    assert run("zoe", "port", "2d").output == "zoe: port is due 2024-05-04 12:00 UTC\n"
    found = CourseFolder.here().overview("port").rows[1]
    assert (found.student, found.standing.extension, found.results) == ("zoe", timedelta(days=2), {})
    assert found.missing == ("harbour",)
    assert found.total == 0.0


@pytest.mark.parametrize(
    ("args", "says", "code"),
    [
        (("adda", "port", "1d"), "No such student: adda; nbgrader db student list", 2),
        (("ada", "starboard", "1d"), "No such assignment: starboard", 2),
        (("ada", "port", "soon"), "'soon' is no time; expected one such as 48h", 2),
    ],
)
def test_what_cannot_be_is_said(course, args, says, code):
    done = run(*args)
    assert done.exit_code == code
    assert says in " ".join(done.output.split())


def test_without_a_due_date_there_is_nothing_to_extend(course):
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_assignment("port").duedate = None
        gradebook.db.commit()
    assert "port has no due date" in run("ada", "port", "1d").output


@pytest.mark.parametrize(
    ("text", "hours"), [("48h", 48), ("2d", 48), ("1d12h", 36), ("90m", 1.5), ("1w", 168), ("0.5d", 12), ("0", 0)]
)
def test_times(text, hours):
    assert Duration().convert(text, None, None) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "h", "48", "-1h", "1h-", "2 days", "99999999999w"])
def test_what_is_no_time(text):
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)
