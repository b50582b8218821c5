"""Broken files and evil texts in one small course, through both commands: each has its result, nobody else is lost."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import nbformat
import pytest

from demo.commands import CommandError, Course
from tests.end_to_end.harbour_course import ASSIGNMENT, EXERCISE, hand_in, new_harbour_course, rows, submitted
from tests.hostile.broken import CONTENT, OTHERS
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
# Those of the unreadable that nbgrader is given too; each takes it a second, and the largest a minute.
TO_NBGRADER = ("empty", "truncated", "in utf-16", "deeply nested", "a cell whose source is a number")


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
    return made


@pytest.fixture(scope="module")
def graded(course: Course) -> Run:
    """`autograder grade`, with what is no file as well, taken away afterwards."""
    for name, (make, _) in OTHERS.items():
        path = submitted(course, slug(name))
        path.parent.mkdir(parents=True)
        make(path)
    command = ("autograder", "grade", "submitted", "--assignment", ASSIGNMENT, "--json", "marks.json")
    said = course.instructor(*command)
    for name in OTHERS:
        shutil.rmtree(submitted(course, slug(name)).parents[1])
    document = (course.folder / "marks.json").read_text()
    return Run(course, {s["student"]: s for s in json.loads(document)["submissions"]}, said, document)


@pytest.fixture(scope="module")
def autograded(graded: Run) -> Run:
    """`nbgrader autograde`, which ends with an error for the files that it cannot read, and a page for a student."""
    for name, (_, expected) in CONTENT.items():
        if isinstance(expected, str) and name not in TO_NBGRADER:
            shutil.rmtree(submitted(graded.course, slug(name)).parents[1])
    with pytest.raises(CommandError) as ended:
        graded.course.instructor("nbgrader", "autograde", ASSIGNMENT)
    said = str(ended.value) + graded.course.instructor("nbgrader", "generate_feedback", ASSIGNMENT, f"--student={EVE}")
    return Run(graded.course, rows(graded.course), said, "")


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


@pytest.mark.parametrize("name", [name for name, (_, expected) in CONTENT.items() if not isinstance(expected, str)])
def test_nbgrader_gives_the_same_mark(graded, autograded, name):
    """Or none, for what it does not read itself; never another."""
    found = autograded.marks.get(slug(name))
    assert found is None or found["score"] in (graded.marks[slug(name)]["score"], 0.0)


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
