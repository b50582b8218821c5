"""The whole way of a Canvas zip and a Moodle zip: roster, import, grade, feedback, and both back to their platform."""

from __future__ import annotations

import contextlib
import csv
import io
import zipfile
from dataclasses import dataclass
from datetime import datetime

import nbformat
import pytest
from click.testing import CliRunner

from autograder.cli import main
from demo.commands import Course
from tests.lms.zips import CANVAS_GRADES, WORKSHEET, zipped
from tests.notebooks import harbour

from .harbour_course import new_harbour_course, open_gradebook, rows


@dataclass(frozen=True)
class Term:
    """The course at its end, and what each command printed."""

    course: Course
    said: dict[str, str]


def notebook(**answers: str) -> str:
    return str(nbformat.writes(harbour(**answers)))


@pytest.fixture(scope="module")
def term(tmp_path_factory):
    """Three come through Canvas, one of them late; two through Moodle, one of them late. Late takes all."""
    course = new_harbour_course(tmp_path_factory.mktemp("course"))
    config = course.folder / "nbgrader_config.py"
    config.write_text(config.read_text().replace('penalty_method = "none"', 'penalty_method = "zero"'))
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_assignment("port", duedate=datetime(2030, 1, 31, 12))
    (course.folder / "canvas.csv").write_text(CANVAS_GRADES)
    (course.folder / "moodle.csv").write_text(
        WORKSHEET.replace("Ada Sample", "Dora Else").replace("Ben Sample", "Eve Else")
    )
    zipped(
        course.folder / "canvas.zip",
        {
            "sampleada_101_9001_harbour.ipynb": notebook(),
            "oneilmüllerben_LATE_102_9002_harbour-1.ipynb": notebook(),
            "samplecleo_103_9003_harbour.ipynb": notebook(dkeel="dkeel = -sail.T @ dmast"),
        },
    )
    zipped(
        course.folder / "moodle.zip",
        {
            "Dora Else_501_assignsubmission_file/harbour.ipynb": notebook(drope="drope = dmast"),
            "Eve Else_502_assignsubmission_file/harbour.ipynb": notebook(),
        },
    )
    said = {}

    def run(name, *args):
        with contextlib.chdir(course.folder):
            done = CliRunner().invoke(main, args)
        said[name] = done.output

    run("canvas roster", "roster", "canvas.csv")
    run("moodle roster", "roster", "moodle.csv")
    run("canvas", "import", "canvas", "canvas.zip", "--assignment", "port")
    run("moodle", "import", "moodle", "moodle.zip", "--assignment", "port", "--worksheet", "moodle.csv")
    run("again", "import", "canvas", "canvas.zip", "--assignment", "port")
    said["grade"] = course.instructor("autograder", "grade", "submitted", "--assignment", "port", "--gradebook")
    said["feedback"] = course.instructor("nbgrader", "generate_feedback", "port")
    for platform in ("canvas", "moodle"):
        run(f"export {platform}", "export", platform)
        run(f"return {platform}", "return", platform, "--assignment", "port")
    return Term(course, said)


def test_everybody_is_taken_with_their_lateness(term):
    assert term.said["canvas"] == "port: 3 of 3 submissions: 3 new, 1 late\n"
    assert term.said["moodle"] == "port: 2 of 2 submissions: 2 new, 1 late\n"
    assert term.said["again"] == "port: 3 of 3 submissions: 3 unchanged, 1 late\n"


def test_late_flags_become_penalties(term):
    found = {student: (row["score"], row["penalty"] or 0.0) for student, row in rows(term.course).items()}
    assert found == {
        **{"ada": (8.0, 0.0), "ben": (8.0, 8.0), "103": (7.0, 0.0)},
        **{"ada@example.org": (7.0, 0.0), "ben@example.org": (8.0, 8.0)},
    }


def test_grades_go_back_with_the_ids_that_each_platform_needs(term):
    canvas = list(csv.DictReader((term.course.folder / "grades-canvas.csv").open()))
    assert {row["ID"]: row["port (4711)"] for row in canvas if row["ID"]} == {
        **{"101": "8.0", "102": "0.0", "103": "7.0"},
        **{"501": "7.0", "502": "0.0", "503": ""},  # Moodle's; two platforms in one course are this test's own
    }
    moodle = list(csv.DictReader((term.course.folder / "grades-moodle.csv").open()))
    assert {row["Email address"]: row["port"] for row in moodle} == {
        **{"ada@example.org": "7.0", "ben@example.org": "0.0", "cleo@example.org": ""},
    }


@pytest.mark.parametrize(
    ("platform", "names"),
    [
        (
            "canvas",
            [
                *("samplecleo_103_9003_harbour.html", "sampleada_101_9001_harbour.html"),
                "oneilmüllerben_LATE_102_9002_harbour.html",
            ],
        ),
        (
            "moodle",
            [
                "Dora Else_501_assignsubmission_file/harbour.html",
                "Eve Else_502_assignsubmission_file/harbour.html",
            ],
        ),
    ],
)
def test_feedback_goes_back_under_the_names_it_came_with(term, platform, names):
    data = (term.course.folder / f"feedback-port-{platform}.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert sorted(archive.namelist()) == sorted(names)
        pages = {name: archive.read(name).decode() for name in archive.namelist()}
    wrong = next(page for name, page in pages.items() if "103" in name or "501" in name)
    assert "wrong" in wrong or "shape" in wrong
