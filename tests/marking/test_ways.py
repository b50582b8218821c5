"""Each step is run in the way that tells it apart from the others, and no further than it needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.marking.ways import Ways, compared, hidden_runs, until
from autograder.sandbox.host.received import Recording, RunRecord, Value
from autograder.sandbox.limits import Limits
from autograder.sandbox.messages import Run
from autograder.submission.notebook import submission_from_notebook
from autograder.submission.split import taken_apart
from tests import notebooks
from tests.notebooks import HARBOUR_ANSWERS, place, with_cells

STEPS = ["dpart", "dtotal", "dswell", "dflat", "dpeak", "dmast", "drope", "dkeel"]


class Noting:
    """A sandbox that runs nothing and keeps what it was asked for."""

    limits = Limits()

    def __init__(self):
        self.requests = []

    def run(self, request):
        self.requests.append(request)
        return Recording(tuple(RunRecord() for _ in request.runs))


def ways_of(notebook, exercise, skip=()):
    submission = submission_from_notebook(notebook, exercise)
    return Ways(submission, taken_apart(submission), Noting(), 4, skip)


def in_one_cell(*answers):
    empty = notebooks.harbour(**dict.fromkeys(HARBOUR_ANSWERS, ""))
    return with_cells("dpart", "\n".join(answers), of=empty)


@pytest.mark.parametrize(
    ("notebook", "way"),
    [
        (notebooks.harbour(), "cells"),
        (in_one_cell(*HARBOUR_ANSWERS.values()), "statements"),
        (in_one_cell("dflat, dtotal = make(dpart)"), "operations"),
        (in_one_cell("globals().update(all_of_them)"), "operations"),
    ],
)
def test_the_way_that_tells_a_step_apart(harbour, notebook, way):
    assert ways_of(notebook, harbour).way("dflat") == way


def test_hidden_runs():
    assert hidden_runs(2) == [Run(1, False), Run(2, False)]
    assert hidden_runs(2, first=3, stepwise=True) == [Run(3, True), Run(4, True)]
    assert hidden_runs(1, taped=True) == [Run(1, False, True)]


class TestOneByOne:
    def test_by_cell_it_stops_behind_the_last_step_that_is_asked_for(self, harbour):
        notebook = with_cells("drope", "later = 1")
        ways = ways_of(notebook, harbour)
        ways.one_by_one("cells", ["dtotal", "dflat"], {})
        (request,) = ways.sandbox.requests
        assert request.runs == tuple(hidden_runs(4, stepwise=True))
        assert "dflat" in request.script[-1].records
        assert place(notebook, "drope") - 1 not in {cell.index for cell in request.script}

    def test_by_statement_a_cell_that_was_left_out_whole_stays_out(self, harbour):
        notebook = with_cells("dpart", "while True: pass")
        endless = place(notebook, "dpart") - 1
        ways = ways_of(notebook, harbour, {endless})
        ways.one_by_one("statements", ["dpart"], {})
        assert set(ways.sandbox.requests[0].skip) == {endless}

    def test_operations_are_taped(self, harbour):
        ways = ways_of(in_one_cell("dflat, dtotal = make(dpart)"), harbour)
        ways.one_by_one("operations", ["dflat"], {1: {}}, 1)
        assert ways.sandbox.requests[0].runs == (Run(1, False, True),)


def test_until_nothing_is_recorded_nothing_is_run(harbour):
    submission = submission_from_notebook(notebooks.harbour(), harbour)
    assert until(submission, ["no step"]).script == ()
    assert until(submission, []).script == ()


def test_compared_keeps_the_notebooks_sizes_apart(harbour_grader):
    cases = harbour_grader._marker.targets.hidden
    held = [{name: Value("tensor", case.true[name]) for name in case.true} for case in cases]
    runs = [RunRecord(values) for values in held]
    checks = compared(cases, runs, stepwise=False)
    assert {name: check.right for name, check in checks.items()} == dict.fromkeys(STEPS, True)
    other = next(number for number, case in enumerate(cases) if not case.public_sizes)
    runs[other] = replace(runs[other], values={**held[other], "dflat": Value("none")})
    wrong = compared(cases, runs, stepwise=False)["dflat"]
    assert not wrong.right
    assert wrong.right_at_public_sizes
