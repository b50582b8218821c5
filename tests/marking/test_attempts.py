"""The ways in which one submission is run: as few as its steps need, and no true gradient where it could be copied."""

from __future__ import annotations

import pytest

from autograder.marking.attempts import attempt
from autograder.submission.notebook import submission_from_notebook
from tests.notebooks import HARBOUR_ANSWERS, harbour, with_cells


class Listening:
    """A sandbox that keeps what it was asked for."""

    def __init__(self, line):
        self.limits = line.limits
        self.requests = []
        self._line = line

    def run(self, request):
        self.requests.append(request)
        return self._line.run(request)

    @property
    def given(self):
        """The true gradients that each request brings along, by d-variable."""
        return [set().union(*request.upstream.values()) for request in self.requests if request.upstream]


@pytest.fixture
def tried(harbour_grader):
    """All attempts at a notebook, and what the sandbox was asked for."""

    def attempts(notebook):
        grader = harbour_grader
        submission = submission_from_notebook(notebook, grader.exercise)
        with grader._line() as line:
            listening = Listening(line)
            return attempt(grader.exercise, grader._marker.targets, submission, listening), listening

    return attempts


def test_a_right_answer_is_run_once(tried):
    found, listening = tried(harbour())
    assert [len(request.runs) for request in listening.requests] == [5]  # the notebook's own case, and four hidden ones
    assert all(checks.right for checks in found.step.values())


def test_a_wrong_step_is_run_from_end_to_end_too(tried):
    found, listening = tried(harbour(dflat="dflat = -dswell * swell"))
    assert [[run.stepwise for run in request.runs] for request in listening.requests] == [
        [False, True, True, True, True],
        [False] * 4,
    ]
    assert [name for name, checks in found.step.items() if not checks.right] == ["dflat"]
    assert not listening.given


def test_wrong_steps_are_tried_with_all_true_gradients_together(tried):
    wrong = {name: HARBOUR_ANSWERS[name] + " * 2" for name in ("dflat", "drope", "dkeel")}
    found, listening = tried(harbour(**wrong))
    assert listening.given == [{"dpart", "dtotal", "dswell", "dflat", "dpeak", "dmast", "drope"}]
    assert not any(checks.right for checks in found.true.values())
    assert found.true.keys() == {"drope", "dkeel"}


def test_what_is_right_then_is_tried_again_without_its_own(tried):
    """Some process has seen each true gradient; so the mark is that of a process which has not seen this one."""
    wrong = {
        "dflat": HARBOUR_ANSWERS["dflat"] + " * 2",
        # Right for the true dmast only, which adds up to zero.
        "drope": "drope = dmast.sum(0) + dmast.sum()",
        "dkeel": HARBOUR_ANSWERS["dkeel"] + " + dmast.sum()",
    }
    found, listening = tried(harbour(**wrong))
    together, *alone = listening.given
    made = {"dpart", "dtotal", "dswell", "dflat", "dpeak", "dmast"}
    # One line reads rope and keel, and drope comes first in the exercise: dkeel may be made from it.
    assert together == made | {"drope"}
    assert [given - made for given in alone] == [set(), {"drope"}]
    assert {name: checks.right for name, checks in found.true.items()} == {"drope": True, "dkeel": True}


def test_the_same_by_statement(tried):
    answers = HARBOUR_ANSWERS | {
        "dflat": "dflat = dswell * swell * 2",
        "drope": "drope = dmast.sum(0) + dmast.sum()",
    }
    empty = harbour(**dict.fromkeys(HARBOUR_ANSWERS, ""))
    found, _ = tried(with_cells("dpart", "\n".join(answers.values()), of=empty))
    assert found.true["drope"].right


@pytest.mark.parametrize(("sign", "right"), [("-", True), ("", False)])
def test_an_earlier_gradient_by_another_name(tried, sign, right):
    """The true dpeak vanishes: only another dflat shows whether it is right, and that one is called `up` here."""
    found, _ = tried(harbour(dflat="up = dswell * swell\ndflat = up", dpeak=f"dpeak = {sign}up.sum(1, keepdim=True)"))
    assert found.step["dpeak"].right == right
    assert found.step["dmast"].right


@pytest.mark.parametrize(("sign", "right"), [("-", True), ("", False)])
def test_each_step_in_a_cell_of_ones_own(tried, sign, right):
    answers = HARBOUR_ANSWERS | {"dpeak": f"dpeak = {sign}dflat.sum(1, keepdim=True)"}
    empty = harbour(**dict.fromkeys(HARBOUR_ANSWERS, ""))
    found, _ = tried(with_cells("dpart", *answers.values(), of=empty))
    assert found.step["dpeak"].right == right
    assert found.end["dkeel"].right


@pytest.mark.parametrize("made", ["dflat = ({})", "globals().update(dflat={})"])
def test_shifted_values_are_seen_whatever_makes_the_name(tried, made):
    """A central difference of the loss, spread over the tensor: numerical, whether or not it is right."""
    loss = "def loss_of(x):\n    s = x.exp()\n    return -(s / s.sum(1, keepdim=True))[range(rows), goal].log().mean()"
    slope = (
        "torch.stack([(loss_of(flat + 1e-6 * e.view_as(flat)) - loss_of(flat - 1e-6 * e.view_as(flat))) / 2e-6 "
        "for e in torch.eye(flat.numel())]).view_as(flat)"
    )
    found, _ = tried(harbour(dflat=f"{loss}\n{made.format(slope)}"))
    assert found.numerical == {"dflat"}
