"""Broken files and evil texts in one small course, through both commands: each has its result, nobody else is lost."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import nbformat
import pytest

from autograder.text import one_line
from demo.commands import Course
from tests.end_to_end.harbour_course import ASSIGNMENT, EXERCISE, hand_in, new_harbour_course, rows, submitted
from tests.hostile.broken import BESIDE, CONTENT, NAMES, NOBODY, OTHERS
from tests.notebooks import HARBOUR_ANSWERS

# Markup and control characters in all that a page or a terminal may show.
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>[red]x[/red]\x1b[2J\x1b]0;x\x07\x9b\u202e"
EVIL_ANSWERS = {
    "dpart": f"print({EVIL!r})\n{HARBOUR_ANSWERS['dpart']}",
    "dtotal": f"raise ValueError({EVIL!r})",
    "dflat": f"raise type({EVIL!r}, (Exception,), {{}})",
    "drope": f"drope = type({EVIL!r}, (), {{}})()",
    "dkeel": f"from IPython.display import HTML\n{HARBOUR_ANSWERS['dkeel']}\nHTML({EVIL!r})",
}
HONEST = ("aaron", "mia", "zoe")
EVE = "eve"


def slug(name: str) -> str:
    """A student's name for a broken file."""
    return name.replace(" ", "-")


@dataclass(frozen=True)
class Run:
    """What one command made of the class."""

    course: Course
    marks: dict[str, Any]
    said: str
    document: str
    rows: dict[str, Any]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Honest students before, between and after the others."""
    made = new_harbour_course(tmp_path_factory.mktemp("broken"))
    for student in HONEST:
        hand_in(made, student, HARBOUR_ANSWERS)
    hand_in(made, EVE, HARBOUR_ANSWERS | EVIL_ANSWERS)
    released = nbformat.read(made.folder / "assignments" / ASSIGNMENT / f"{EXERCISE}.ipynb", as_version=4)
    for name, (content, _) in CONTENT.items():
        path = submitted(made, slug(name))
        path.parent.mkdir(parents=True)
        path.write_bytes(content(released))
    for name, make in BESIDE.items():
        hand_in(made, slug(name), HARBOUR_ANSWERS)
        make(submitted(made, slug(name)).parent)
    for name in NAMES:
        hand_in(made, name, HARBOUR_ANSWERS)
    for name, (make, _) in OTHERS.items():
        path = submitted(made, slug(name))
        path.parent.mkdir(parents=True)
        make(path)
    for stray in (".ipynb_checkpoints", "__MACOSX"):
        (made.folder / "submitted" / stray / ASSIGNMENT).mkdir(parents=True)
    return made


@pytest.fixture(scope="module")
def graded(course: Course) -> Run:
    """`autograder grade --gradebook`; it ends with 0, or this raises."""
    command = ("autograder", "grade", "submitted", "--assignment", ASSIGNMENT, "--gradebook")
    said = course.instructor(*command, "--json", "marks.json", "--csv", "marks.csv")
    document = (course.folder / "marks.json").read_text()
    marks = {s["student"]: s for s in json.loads(document)["submissions"]}
    return Run(course, marks, said, document, rows(course))


@pytest.fixture(scope="module")
def autograded(graded: Run) -> Run:
    """`nbgrader autograde` of all of them again; it ends with 0, or this raises. And a page for a student."""
    said = graded.course.instructor("nbgrader", "autograde", ASSIGNMENT, "--force")
    found = rows(graded.course)
    said += graded.course.instructor("nbgrader", "generate_feedback", ASSIGNMENT, f"--student={EVE}")
    graded.course.instructor("nbgrader", "export")
    return Run(graded.course, found, said, "", found)


@pytest.mark.parametrize("student", HONEST)
def test_honest_students_keep_all_marks(graded, autograded, student):
    assert (graded.marks[student]["status"], graded.marks[student]["score"]) == ("graded", 8.0)
    assert autograded.marks[student]["score"] == 8.0


@pytest.mark.parametrize("name", CONTENT)
def test_a_broken_file_ends_as_a_mark_or_with_what_to_do(graded, name):
    expected, result = CONTENT[name][1], graded.marks[slug(name)]
    if isinstance(expected, str):
        assert (result["status"], result["score"]) == ("unreadable", 0.0)
        assert expected in result["error"]
        assert "submit" in result["error"]
    else:
        assert (result["status"], result["error"]) == ("graded", None)
        assert (result["score"], result["max_score"]) == (expected, 8.0)


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_file_ends_with_what_to_do(graded, name):
    expected, result = OTHERS[name][1], graded.marks[slug(name)]
    assert result["status"] == ("missing" if expected is None else "unreadable")
    assert (expected or "submit it under this name") in result["error"]


def test_there_are_enough_of_them():
    assert len(CONTENT) + len(OTHERS) >= 20


@pytest.mark.parametrize("name", BESIDE)
def test_what_lies_beside_a_notebook_costs_nothing(graded, autograded, name):
    assert (graded.marks[slug(name)]["status"], graded.marks[slug(name)]["score"]) == ("graded", 8.0)
    assert graded.rows[slug(name)]["score"] == autograded.rows[slug(name)]["score"] == 8.0


@pytest.mark.parametrize("name", NAMES)
def test_no_name_stops_anybody(graded, autograded, name):
    result = graded.marks[one_line(name)]
    if name in NOBODY:
        assert (result["status"], result["score"]) == ("unreadable", 0.0)
        assert "rename it" in result["error"]
        assert name not in graded.rows
    else:
        assert result["score"] == graded.rows[name]["score"] == autograded.rows[name]["score"] == 8.0


def test_both_ways_into_the_gradebook_give_the_same_rows(graded, autograded):
    """But for those without any notebook, whom nbgrader does not see."""
    assert set(graded.rows) - set(autograded.rows) == set()
    for student, row in autograded.rows.items():
        assert graded.rows[student]["grades"].keys() == row["grades"].keys()
        assert {n: g[0] for n, g in graded.rows[student]["grades"].items()} == {
            n: g[0] for n, g in row["grades"].items()
        }


def test_what_systems_leave_behind_is_nobody(graded, autograded):
    assert not {".ipynb_checkpoints", "__MACOSX"} & (set(graded.rows) | set(autograded.rows) | set(graded.marks))


@pytest.mark.parametrize("file", ["marks.csv", "grades.csv"])
def test_a_spreadsheet_has_a_line_for_each_and_runs_none_of_them(graded, autograded, file):
    with (graded.course.folder / file).open(newline="") as lines:
        table = list(csv.reader(lines))
    assert len({len(row) for row in table}) == 1
    expected = graded.marks if file == "marks.csv" else autograded.rows
    assert len(table) == 1 + len(expected)
    assert not [cell for row in table for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r") or "\n" in cell]


def test_the_course_is_for_its_owner_only(graded, autograded):
    private = ("gradebook.db", "marks.json", "marks.csv", "grades.csv", "course-secret", ".autograder", "autograded")
    assert {name: (graded.course.folder / name).stat().st_mode & 0o077 for name in private} == dict.fromkeys(private, 0)


class TestEvilTexts:
    def test_the_mark_is_that_of_the_rest(self, graded, autograded):
        lost = {step["name"] for step in graded.marks[EVE]["steps"] if step["points"] == 0}
        assert lost == {"dtotal", "dflat", "drope"}
        assert autograded.marks[EVE]["score"] == graded.marks[EVE]["score"] == 5.0

    def test_the_terminal_shows_no_control_characters(self, graded, autograded):
        for said in (graded.said, autograded.said):
            assert all(character.isprintable() or character in "\n\t\r" for character in said)

    def test_the_document_holds_them_as_text(self, graded):
        texts = json.dumps(json.loads(graded.document), ensure_ascii=False)
        assert "alert(1)" in texts
        assert all(character.isprintable() for character in texts)

    def test_the_pages_run_nothing(self, graded, autograded):
        page = graded.course.folder / "feedback" / EVE / ASSIGNMENT / f"{EXERCISE}.html"
        text = page.read_text()
        reader = _Reader()
        reader.feed(text)
        assert "alert(1)" in text  # as text
        assert not [found for found in reader.active if "alert" in found]
        assert not {c for c in text if c in "\x1b\x07\x9b\u202e"}


class _Reader(HTMLParser):
    """Collects what a browser would run: scripts, and attributes that hold code or addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script"
        self.active += [value or "" for name, value in attrs if name.startswith("on") or name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if self._script:
            self.active.append(data)
