"""The time that all runs of one submission have together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.marking.runs import Budgeted
from autograder.sandbox.host.received import Recording, RunRecord, Unfinished
from autograder.sandbox.limits import Limits
from autograder.sandbox.messages import Request, Run

RUNS = [Run(0, False), Run(1, True)]


class Counting:
    """A sandbox that is done at once."""

    def __init__(self, limits):
        self.limits = limits
        self.count = 0

    def run(self, request):
        self.count += 1
        return Recording(tuple(RunRecord() for _ in request.runs))


@pytest.mark.parametrize(("seconds", "complete"), [(1000.0, True), (-1.0, False)])
def test_nothing_is_begun_once_the_time_is_up(seconds, complete):
    sandbox = Counting(replace(Limits(), total_seconds=seconds))
    recording = Budgeted(sandbox).run(Request((), tuple(RUNS)))
    assert (recording.unfinished is None, sandbox.count, len(recording.runs)) == (complete, int(complete), 2)
    assert complete or recording.unfinished == Unfinished("stopped after -1 s in all", late=True)
