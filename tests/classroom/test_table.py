from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from autograder.classroom.table import MAX_LOST, MAX_STUDENTS, print_class
from autograder.marking.result import Late
from autograder.marking.verdict import Verdict
from tests.marking.test_result import ADA, BEN, CLASS, WRONG


def printed(*submissions, terminal=False, long=True, width=300):
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system=None)
    print_class(replace(CLASS, submissions=submissions), console, long=long)
    return out.getvalue()


class TestShort:
    """A line a student, and never more than a screen or two."""

    def test_a_line_for_each_student_with_the_total(self):
        other = replace(ADA, exercise="pier", flags=(), score=2.0)
        (ada,) = [line for line in printed(ADA, other, BEN, long=False).splitlines() if "ada" in line]
        for words in ("3 / 6", "harbour shape: dmast; pier shape: dmast", "harbour: a flag"):
            assert words in ada

    def test_numbers_stand_for_exercises_that_have_one(self):
        one, two = replace(ADA, exercise="1_harbour"), replace(ADA, exercise="2_pier", flags=())
        assert "1 shape: dmast; 2 shape: dmast" in printed(one, two, long=False)
        assert "1: a flag" in printed(one, two, long=False)

    def test_being_late_and_missing_are_said(self):
        out = io.StringIO()
        late = {"ada": Late(2, 1, 0.5)}
        print_class(replace(CLASS, late=late, absent=("zoe",)), Console(file=out, width=200))
        (ada,) = [line for line in out.getvalue().splitlines() if "ada" in line]
        assert "late: 2 days, 1 of them free, 0.5 taken off" in ada
        assert "missing: 1 student of the gradebook has handed in nothing: zoe" in out.getvalue()

    @pytest.mark.parametrize("width", [40, 80, 200])
    @pytest.mark.parametrize("students", [1, 40, 41, 1000])
    def test_it_fits_whatever_the_class(self, students, width):
        wrong = [replace(WRONG, name=f"d{n}", hint=f"{n} is wrong " * 20) for n in range(30)]
        flags = ("a flag\n" * 200,)
        class_ = [
            replace(ADA, student=f"student{n:04}" + "x" * (n % 240), flags=flags, steps=tuple(wrong[n % 7 :]))
            for n in range(students)
        ]
        lines = printed(*class_, long=False, width=width).splitlines()
        assert len(lines) <= 60
        assert ("are not shown" in "\n".join(lines)) == (students > MAX_STUDENTS)

    def test_of_a_large_class_those_are_shown_whom_somebody_must_look_at(self):
        fine = [replace(ADA, student=f"fine{n:03}", flags=(), score=3.0) for n in range(100)]
        text = printed(*fine[:50], replace(ADA, student="few", flags=(), score=0.5), ADA, BEN, *fine[50:], long=False)
        assert all(f"│ {name} " in text for name in ("ada", "ben", "few"))
        assert "103 students: mean" in text


def test_a_row_for_each():
    text = printed(ADA, BEN)
    assert "port: 2 submissions" in text
    (ada,) = [line for line in text.splitlines() if "ada" in line]
    (ben,) = [line for line in text.splitlines() if "ben" in line]
    for word in ("harbour", "1 / 3", "shape: dmast", "a flag"):
        assert word in ada
    assert "missing: there is no harbour.ipynb" in ben
    assert text.endswith("2 submissions in 1.9 s, isolation: process\n")


def test_many_steps_are_counted():
    few, many = (tuple(replace(WRONG, name=f"d{n}") for n in range(count)) for count in (MAX_LOST, MAX_LOST + 1))
    assert f"shape: {', '.join(step.name for step in few)}" in printed(replace(ADA, steps=few))
    assert f"shape: {MAX_LOST + 1} steps" in printed(replace(ADA, steps=many))


def test_a_class_that_nobody_can_read_is_cut(monkeypatch):
    monkeypatch.setattr("autograder.classroom.table.MAX_ROWS", 2)
    text = printed(ADA, BEN, replace(BEN, student="cleo"), replace(BEN, student="dee"))
    assert "and 2 more; --csv FILE has a row for each" in text
    assert "port: 4 submissions" in text
    assert ("ben" in text, "cleo" in text) == (True, False)
    assert "more;" not in printed(ADA, BEN)


@pytest.mark.parametrize("long", [True, False])
@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("column", ["student", "flags", "error"])
def test_control_characters_do_nothing(column, terminal, long):
    evil = "\x1b[2J\x1b]0;title\x07\r\x9b1A\u202e"
    ben = replace(BEN, **{column: (evil,) if column == "flags" else evil})
    text = printed(ben, terminal=terminal, long=long)
    assert not set("\x1b\x07\r\x9b\u202e") & set(text)
    assert "\N{REPLACEMENT CHARACTER}[2J" in text


@pytest.mark.parametrize("long", [True, False])
@pytest.mark.parametrize("column", ["student", "flags", "error"])
@pytest.mark.parametrize("markup", ["[red]x[/red]", "[/]", "[link=http://a]b[/link]", "[bold", r"\[red]"])
def test_markup_is_shown_as_it_is(column, markup, long):
    text = printed(replace(BEN, **{column: (markup,) if column == "flags" else markup}), long=long)
    assert markup in text


class TestWhatWentWrong:
    SIGN = replace(WRONG, name="dsail", hint="the sign is wrong")

    def test_the_reason_stands_beside_the_step(self):
        assert "dsail: the sign is wrong" in printed(replace(ADA, steps=(self.SIGN,)))

    def test_the_most_frequent_mistakes_with_their_counts(self):
        rare, sums = replace(WRONG, name="drare", hint="rare"), replace(WRONG, name="drope", hint="the sum is missing")
        twice, left = replace(WRONG, name="dtwice", hint="twice"), replace(WRONG, name="dleft", verdict=Verdict.MISSING)
        steps = [(self.SIGN, sums, twice, left), (self.SIGN, sums, left), (self.SIGN, rare, left), (twice, left)]
        text = printed(*(replace(ADA, student=str(n), steps=each) for n, each in enumerate(steps)))
        said = text.partition("most frequent mistakes\n")[2].splitlines()[:3]
        assert said[0] == "  3 of 4: dsail: the sign is wrong"
        assert {"  2 of 4: drope: the sum is missing", "  2 of 4: dtwice: twice"} == set(said[1:])

    def test_no_heading_without_mistakes(self):
        assert "frequent" not in printed(replace(ADA, steps=()))
