"""The page: what it shows, that it is whole and runs nothing of a submission's; tests/commands runs the command."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from autograder.classroom.overview import Overview, Row
from autograder.classroom.report import SIGNS, duration, histogram, page_link, report_page
from autograder.course.register import Register, Standing
from autograder.marking.verdict import Verdict
from tests.marking.test_result import ADA, RIGHT, WRONG

MADE = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
VOID = {"meta", "input", "rect", "path"}


class Page(HTMLParser):
    """Reads a page: its tags are balanced; text, attributes and scripts by themselves."""

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes, self.texts, self.code = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        (self.code if self.open and self.open[-1] in ("script", "style") else self.texts).append(data)


def page(exercise, *rows, link=lambda student, name: None, **more):
    overview = Overview("port", (exercise,), {exercise.name: 8.0}, rows, Register(**more))
    return report_page(overview, link, MADE)


def row(student="ada", *steps, **standing):
    result = replace(ADA, student=student, steps=steps or (RIGHT, WRONG))
    return Row(student, Standing(**standing), {"harbour": result})


def test_it_says_who_and_what(harbour):
    absent = Row("zoe", Standing("Zoe Z."), missing=("harbour",))
    rows = (row("ada", late=timedelta(hours=26), penalty=0.5), row("ben"), absent)
    text = " ".join(" ".join(Page(page(harbour, *rows, due=datetime(2026, 1, 1))).texts).split())
    for words in (
        "2 of 3 students graded, due 2026-01-01",
        "nothing graded 1 zoe",
        "late 1 ada (1 d 2 h)",
        "\u22120.5",
    ):
        assert words in text
    assert "flagged 2" in text
    assert re.search(r"2. expected shape \(2,\), found \(3,\) ada, ben", text)


def test_every_verdict_has_its_own_sign_beside_its_colour(harbour):
    steps = [replace(WRONG, name=f"d{n}", verdict=verdict) for n, verdict in enumerate(Verdict)]
    found = Page(page(harbour, row("ada", *steps)))
    assert SIGNS.keys() == set(Verdict)
    assert len(set(SIGNS.values())) == len(SIGNS) - 1  # exact and approximate are both right
    assert set(SIGNS.values()) <= set(found.texts)
    said = [value for _, name, value in found.attributes if name == "aria-label"]
    assert all(any(f": {verdict.value}, 0 of 2" in each for each in said) for verdict in Verdict)


def test_a_cell_leads_to_the_step_on_the_students_page(harbour):
    text = page(harbour, row(), link=lambda student, name: f"./feedback/{student}/{name}.html")
    links = [value for tag, name, value in Page(text).attributes if (tag, name) == ("a", "href")]
    assert "./feedback/ada/harbour.html#cmp_dmast" in links


def test_it_needs_nothing_from_anywhere(harbour):
    text = page(harbour, row())
    found = Page(text)
    assert not [value for _, name, value in found.attributes if name == "src"]
    assert "://" not in text
    (policy,) = [value for _, name, value in found.attributes if name == "content" and "default-src" in value]
    assert policy.startswith("default-src 'none'; ")
    for code in found.code:
        digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not [name for _, name, _ in found.attributes if name == "style" or name.startswith("on")]


EVIL = "</script></td><script>alert(1)</script><img src=x onerror=alert(2)>\"'`\x1b[2J\u202e\n{{ 7 * 7 }}"


@pytest.mark.parametrize("where", ["student", "name", "flag", "hint", "error", "step"])
def test_nothing_of_a_submission_runs(harbour, where):
    wrong = replace(WRONG, **{where: EVIL}) if where in ("hint", "error") else WRONG
    wrong = replace(wrong, hint=None) if where == "error" else wrong
    wrong = replace(wrong, name=EVIL) if where == "step" else wrong
    result = replace(ADA, steps=(wrong,), flags=(EVIL if where == "flag" else "a flag",))
    student = EVIL if where == "student" else "ada"
    result = replace(result, student=student)
    text = page(harbour, Row(student, Standing(EVIL if where == "name" else ""), {"harbour": result}))
    found = Page(text)
    assert "alert(1)" in "".join(found.texts)
    assert not any("alert" in code for code in found.code)
    assert not [name for _, name, _ in found.attributes if name in ("src", "onerror")]
    assert not set("\x1b\u202e") & set(text)


def test_an_address_begins_in_the_reports_own_folder_and_is_no_scheme(tmp_path):
    for path in ("feedback/javascript:a b/port/x.html", "autograded/ben/port/x.ipynb"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()
    link = page_link(tmp_path, tmp_path / "reports", "feedback", "autograded", "port")
    assert link("javascript:a b", "x") == "./../feedback/javascript%3Aa%20b/port/x.html"
    assert link("ben", "x") == "./../autograded/ben/port/x.ipynb"
    assert link("cleo", "x") is None


def test_a_histogram_says_its_numbers():
    text = str(histogram([0.0, 4.5, 5.0, 5.0], 5.0))
    assert "0 to 0.5: 1" in text
    assert "4.5 to 5: 3" in text
    assert text.count("<rect") == 10
    assert "nan" not in str(histogram([], 5.0))


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(days=2, hours=3), "2 d 3 h"),
        (timedelta(minutes=61), "1 h 1 min"),
        (timedelta(seconds=5), "less than a minute"),
    ],
)
def test_durations(time, words):
    assert duration(time) == words
