"""Difficulty, discrimination and mistakes of steps, on classes small enough to be worked out by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest

from autograder.classroom.statistics import FEWEST, bins, mistakes, step_statistics
from autograder.marking.verdict import Verdict
from tests.marking.test_result import ADA, RIGHT, WRONG


def class_of(*rows):
    """Results with the steps a, b, ... worth 2 points each, of which a row says what was earned."""
    return [
        replace(
            ADA,
            student=f"s{number}",
            steps=tuple(
                replace(RIGHT if points == 2 else WRONG, name=name, points=float(points), max_points=2.0)
                for name, points in zip("abc", row, strict=True)
            ),
        )
        for number, row in enumerate(rows)
    ]


ROWS = [(2, 2, 2), (2, 2, 0), (2, 1, 0), (2, 0, 0), (2, 0, 2)]


def test_the_share_that_was_earned():
    assert [(each.step, each.points, each.earned) for each in step_statistics(class_of(*ROWS))] == [
        *(("a", 2.0, 1.0), ("b", 2.0, 0.5), ("c", 2.0, 0.4))
    ]


def test_a_step_tells_apart_where_it_goes_with_the_rest():
    a, b, c = step_statistics(class_of(*ROWS))
    assert a.discrimination is None  # all have it
    # b = 2 2 1 0 0 against a + c = 4 2 2 2 4: deviations 1 1 0 -1 -1 and 1.2 -0.8 -0.8 -0.8 1.2
    assert b.discrimination == pytest.approx(0.0, abs=1e-12)
    # c = 2 0 0 0 2 against a + b = 4 4 3 2 2: deviations 1.2 -.8 -.8 -.8 1.2 and 1 1 0 -1 -1
    assert c.discrimination == pytest.approx(0.0, abs=1e-12)
    same = step_statistics(class_of((2, 2, 2), (2, 2, 2), (2, 0, 0), (2, 0, 0), (2, 2, 2)))
    assert same[1].discrimination == pytest.approx(1.0)
    assert step_statistics(class_of((2, 2, 2), (2, 2, 2), (2, 0, 2), (2, 2, 0), (2, 0, 2)))[1].discrimination < 0


def test_of_few_it_says_nothing():
    few = [(2, 2, 2), (2, 0, 0)] * ((FEWEST - 1) // 2)
    assert step_statistics(class_of(*few))[1].discrimination is None
    assert step_statistics([]) == []


def test_a_step_worth_nothing_counts_as_right_or_wrong():
    steps = (replace(RIGHT, max_points=0.0, points=0.0), replace(WRONG, max_points=0.0))
    sail, mast = step_statistics([replace(ADA, steps=steps)])
    assert (sail.earned, mast.earned) == (1.0, 0.0)


def test_results_of_before_an_exercise_was_changed_count_for_the_steps_they_have():
    one, other = step_statistics([ADA, replace(ADA, student="ben", steps=(RIGHT,))])
    assert (one.step, one.earned, other.step, other.earned) == ("dsail", 1.0, "dmast", 0.0)


class TestMistakes:
    SIGN = replace(WRONG, name="dsail", hint="the sign is wrong")

    def test_each_with_who_made_it_the_most_frequent_first(self):
        made = mistakes(
            [
                replace(ADA, steps=(WRONG, self.SIGN)),
                replace(ADA, student="ben", steps=(self.SIGN,)),
                replace(ADA, student="cleo", steps=(replace(self.SIGN, hint=None),)),
                replace(ADA, student="dee", steps=(replace(self.SIGN, hint=None, error="NameError: x"),)),
            ]
        )
        assert [(m.step, m.reason, m.students) for m in made] == [
            ("dsail", "the sign is wrong", ("ada", "ben")),
            ("dmast", "expected shape (2,), found (3,)", ("ada",)),
            ("dsail", "shape", ("cleo",)),
            ("dsail", "shape: NameError: x", ("dee",)),
        ]

    @pytest.mark.parametrize("verdict", [Verdict.MISSING, Verdict.AUTOGRAD])
    def test_what_was_not_tried_is_none(self, verdict):
        result = replace(ADA, steps=(replace(WRONG, verdict=verdict),))
        assert mistakes([result]) == []
        assert step_statistics([result])[0].untouched == (verdict == Verdict.MISSING)


@pytest.mark.parametrize("points", [0.5, 1, 3, 5, 10, 26, 46, 100, 1000, 1234])
def test_every_mark_is_in_one_bin(points):
    marks = [0, points / 7, points / 2, points, points]
    found = bins(marks, points)
    assert sum(count for _, _, count in found) == len(marks)
    assert (found[0][0], found[-1][1], len(found) <= 12) == (0, points, True)
    assert found[-1][2] >= 2
    assert all(math.isclose(one[1], other[0]) for one, other in itertools.pairwise(found))
