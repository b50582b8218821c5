"""From what was run to a result, with attempts made up: no sandbox is needed."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from autograder.dojo.explain.reason import SECONDS
from autograder.dojo.targets import RIGHT, UNTRIED, WRONG, Check, Checks
from autograder.marking import mark
from autograder.marking.attempts import Attempts
from autograder.marking.compare import Targets
from autograder.marking.mark import Marker
from autograder.marking.reasons import Explainer
from autograder.marking.verdict import CREDIT
from autograder.sandbox.host.received import RanCell, Recording, RunRecord, Unfinished, Value
from autograder.submission.notebook import submission_from_notebook
from autograder.submission.split import taken_apart
from tests import notebooks

ALL_RIGHT = Checks((RIGHT,), (RIGHT,))
PART = Checks((Check(False, ("total",)),), (Check(False, ("total",)),))


@pytest.fixture(scope="module")
def marker(harbour, harbour_references):
    return Marker(harbour, Targets(harbour, harbour_references), Explainer(harbour, harbour_references), CREDIT)


@pytest.fixture(scope="module")
def submission(harbour):
    return submission_from_notebook(notebooks.harbour(), harbour)


@pytest.fixture
def attempts(harbour, harbour_references, submission):
    """All of harbour right, in the notebook's own case bit for bit."""
    total = harbour_references.public.end.total
    values = {step.name: Value("tensor", total[step.tensor]) for step in harbour.steps}
    cells = {cell.index: RanCell("", None, False) for cell in submission.script}
    every = dict.fromkeys(values, ALL_RIGHT)
    hidden = [RunRecord() for _ in harbour_references.hidden]
    recording = Recording((RunRecord(values, cells), *hidden))
    return Attempts(recording, {}, every, dict.fromkeys(values, UNTRIED), taken_apart(submission))


def verdicts(result):
    return {step.name: step.verdict.value for step in result.steps}


def test_all_right_has_all_points_and_the_cells_of_the_public_run(marker, submission, attempts):
    result = marker.mark("ada", submission, attempts, 1.23456)
    assert set(verdicts(result).values()) == {"exact"}
    assert (result.student, result.exercise, result.status) == ("ada", "harbour", "graded")
    assert (result.score, result.max_score, result.seconds) == (8.0, 8.0, 1.235)
    assert result.cells == attempts.recording.runs[0].cells


def test_nothing_recorded_is_missing(marker, submission, attempts):
    nothing = dataclasses.replace(
        attempts,
        recording=Recording(tuple(RunRecord() for _ in attempts.recording.runs)),
        step=dict.fromkeys(attempts.step, UNTRIED),
    )
    result = marker.mark("ada", submission, nothing, 0.0)
    assert set(verdicts(result).values()) == {"missing"}
    assert (result.status, result.score) == ("graded", 0.0)


@pytest.mark.parametrize("credit", [0.5, 0.25, 0.0])
def test_a_verdict_earns_its_part_of_the_points(marker, submission, attempts, credit):
    other = dataclasses.replace(marker, credit={**CREDIT, "path-missing": credit})
    partly = dataclasses.replace(attempts, step=attempts.step | {"dswell": PART})
    result = other.mark("ada", submission, partly, 0.0)
    (lost,) = result.lost
    assert (lost.name, lost.verdict, lost.points, result.score) == ("dswell", "path-missing", credit, 7.0 + credit)


@pytest.mark.parametrize(("late", "status"), [(True, "timeout"), (False, "crashed")])
def test_a_run_that_did_not_reach_its_end_is_the_status(marker, submission, attempts, late, status):
    cut = dataclasses.replace(attempts.recording, unfinished=Unfinished("because", late))
    result = marker.mark("ada", submission, dataclasses.replace(attempts, recording=cut), 0.0)
    assert (result.status, result.error, result.score) == (status, "because", 8.0)


def test_a_cell_that_ended_the_process_is_flagged_and_shown_and_costs_its_own_step(marker, submission, attempts):
    (index,) = submission.indices["dkeel"]
    without = dataclasses.replace(
        attempts,
        ended={index: Unfinished("exit code 3")},
        step=attempts.step | {"dkeel": Checks((WRONG,), (WRONG,))},
    )
    result = marker.mark("ada", submission, without, 0.0)
    assert {name: verdict for name, verdict in verdicts(result).items() if verdict != "exact"} == {"dkeel": "crashed"}
    assert result.cells[index].error == "exit code 3"
    assert result.flags == ("a cell ended the Python process (exit code 3); the rest was graded without it",)


def test_a_reason_that_cannot_be_found_changes_no_mark(marker, submission, attempts):
    class Broken:
        def why(self, *args):
            raise ZeroDivisionError

    wrong = dataclasses.replace(attempts, step=attempts.step | {"dswell": PART, "dkeel": UNTRIED})
    with_reasons, without = (
        one.mark("ada", submission, wrong, 0.0) for one in (marker, dataclasses.replace(marker, explainer=Broken()))
    )
    assert verdicts(with_reasons) == verdicts(without)
    assert with_reasons.score == without.score == 6.5


def test_the_reasons_of_one_submission_share_their_time(marker, submission, attempts, monkeypatch):
    clock = itertools.count(step=1.5)  # what each look at the clock says: every reason takes 1.5 s
    monkeypatch.setattr(mark.time, "thread_time", lambda: next(clock))
    given = []

    class Slow:
        def why(self, step, values, sources, seconds):
            given.append(seconds)

    wrong = dict.fromkeys(attempts.step, Checks((WRONG,), (WRONG,)))
    slow = dataclasses.replace(marker, explainer=Slow())
    slow.judged(submission, dataclasses.replace(attempts, step=wrong, end=wrong))
    assert given[:5] == pytest.approx([SECONDS, SECONDS, SECONDS, 0.5, -1.0])
    assert all(seconds < 0 for seconds in given[4:])


def test_a_reason_is_looked_for_in_the_code_that_makes_the_step(marker, submission, attempts):
    asked = {}

    class Curious:
        def why(self, step, values, sources, seconds):
            asked[step.name] = "\n".join(sources)

    wrong = dict.fromkeys(attempts.step, Checks((WRONG,), (WRONG,)))
    curious = dataclasses.replace(marker, explainer=Curious())
    curious.judged(submission, dataclasses.replace(attempts, step=wrong, end=wrong))
    assert asked
    for name, source in asked.items():
        assert f"{name} =" in source
