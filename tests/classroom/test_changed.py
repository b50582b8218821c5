"""Marks of before against those of now."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from autograder.classroom.changed import changed_marks, print_changes
from autograder.marking.verdict import Verdict
from tests.marking.test_result import ADA, BEN, RIGHT, WRONG

BEFORE = {("ada", "harbour"): {"cmp_dsail": 0.5, "cmp_dmast": 0.0, "cmp_dgone": 2.0}}


def test_steps_that_changed_are_new_or_are_gone():
    new = replace(RIGHT, name="dnew", check="cmp_dnew")
    (found,) = changed_marks(BEFORE, [replace(ADA, score=2.0, steps=(RIGHT, WRONG, new)), BEN])
    assert (found.student, found.before, found.now) == ("ada", 2.5, 2.0)
    assert [(step.step, step.before, step.now) for step in found.steps] == [("dsail", 0.5, 1.0), ("dnew", None, 1.0)]
    assert found.gone == {"cmp_dgone": 2.0}


def test_the_same_marks_are_no_change_whatever_the_verdict():
    before = {("ada", "harbour"): {"cmp_dsail": 1.0, "cmp_dmast": 0.0}}
    assert changed_marks(before, [replace(ADA, steps=(RIGHT, replace(WRONG, verdict=Verdict.ERROR)))]) == []


def test_a_submission_that_is_missing_now_loses_its_marks():
    (found,) = changed_marks({("ben", "harbour"): {"cmp_dsail": 1.0, "cmp_dmast": 0.0}}, [BEN])
    assert (found.now, found.gone) == (0.0, {"cmp_dsail": 1.0})


def test_a_fault_of_ours_changes_nothing():
    assert changed_marks(BEFORE, [replace(ADA, fault=True, steps=())]) == []


def test_the_table_is_harmless_and_counts():
    evil = "[red]x[/red]\x1b[2J"
    before = {(evil, "harbour"): BEFORE["ada", "harbour"]}
    changes = changed_marks(before, [replace(ADA, student=evil, score=2.0)])
    out = io.StringIO()
    print_changes(changes, 7, Console(file=out, width=150, color_system=None))
    text = out.getvalue()
    assert "[red]x[/red]" in text
    assert "\x1b" not in text
    assert "dsail: 0.5 -> 1 (exact)" in text
    assert text.endswith("1 of 7 marked submissions change: 0 up, 1 down\n")
