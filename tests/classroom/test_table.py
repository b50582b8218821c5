from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from autograder.classroom.table import MAX_LOST, print_class
from autograder.marking.verdict import Verdict
from tests.marking.test_result import ADA, BEN, CLASS, WRONG


def printed(*submissions, terminal=False):
    out = io.StringIO()
    console = Console(file=out, width=300, force_terminal=terminal, color_system=None)
    print_class(replace(CLASS, submissions=submissions), console)
    return out.getvalue()


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


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("column", ["student", "flags", "error"])
def test_control_characters_do_nothing(column, terminal):
    evil = "\x1b[2J\x1b]0;title\x07\r\x9b1A\u202e"
    ben = replace(BEN, **{column: (evil,) if column == "flags" else evil})
    text = printed(ben, terminal=terminal)
    assert not set("\x1b\x07\r\x9b\u202e") & set(text)
    assert "\N{REPLACEMENT CHARACTER}[2J" in text


@pytest.mark.parametrize("column", ["student", "flags", "error"])
@pytest.mark.parametrize("markup", ["[red]x[/red]", "[/]", "[link=http://a]b[/link]", "[bold", r"\[red]"])
def test_markup_is_shown_as_it_is(column, markup):
    text = printed(replace(BEN, **{column: (markup,) if column == "flags" else markup}))
    assert markup in text


class TestWhatWentWrong:
    SIGN = replace(WRONG, name="dsail", hint="the sign is wrong")

    def test_the_reason_stands_beside_the_step(self):
        assert "dsail: the sign is wrong" in printed(replace(ADA, steps=(self.SIGN,)))

    def test_the_three_most_frequent_mistakes_with_their_counts(self):
        rare, sums = replace(WRONG, name="drare", hint="rare"), replace(WRONG, name="drope", hint="the sum is missing")
        twice, left = replace(WRONG, name="dtwice", hint="twice"), replace(WRONG, name="dleft", verdict=Verdict.MISSING)
        steps = [(self.SIGN, sums, twice, left), (self.SIGN, sums, left), (self.SIGN, rare, left), (twice, left)]
        text = printed(*(replace(ADA, student=str(n), steps=each) for n, each in enumerate(steps)))
        said = text.partition("most frequent mistakes\n")[2].splitlines()[:3]
        assert said[0] == "  3 of 4: dsail: the sign is wrong"
        assert {"  2 of 4: drope: the sum is missing", "  2 of 4: dtwice: twice"} == set(said[1:])

    def test_no_heading_without_mistakes(self):
        assert "frequent" not in printed(replace(ADA, steps=()))
