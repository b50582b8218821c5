"""A step differentiates numerically where two cases say so."""

from __future__ import annotations

import pytest

from autograder.marking.shifting import shifting_twice
from autograder.marking.ways import hidden_runs
from autograder.sandbox.host.received import RunRecord


class Finding:
    """Ways of a submission in which these d-variables are found, case by case."""

    def __init__(self, *found):
        self.found = found
        self.asked = []

    def by_cell(self, names, runs, numerical):
        assert numerical
        self.asked += [run.case for run in runs]
        return [record(*self.found[run.case - 1]) for run in runs]


def record(*names):
    return RunRecord(numerical=set(names))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([(), (), ()], set()),
        ([(), (), ("dmast",)], set()),  # by chance
        ([(), ("dmast",), ("dmast",)], {"dmast"}),
        ([("dmast",), (), ("dmast", "dkeel")], {"dmast"}),
        ([("dmast", "dkeel"), ("dkeel",), ()], {"dkeel"}),
    ],
)
def test_one_case_may_be_chance(found, expected):
    every = hidden_runs(len(found), taped=True)
    ways = Finding(*found)
    assert shifting_twice(every, [record(*names) for names in found], len(found), ways) == expected
    assert ways.asked == []
    last = every[-1:]
    only = expected & set(found[-1])
    assert shifting_twice(last, [record(*found[-1])], len(found), ways) >= only
    assert ways.asked == ([run.case for run in every[:-1]] if found[-1] else [])


def test_one_case_is_enough_where_there_is_no_other():
    runs = hidden_runs(1, taped=True)
    assert shifting_twice(runs, [record("dmast")], 1, Finding(("dmast",))) == {"dmast"}
