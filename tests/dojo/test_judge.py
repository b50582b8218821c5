"""The scoring rule as a truth table."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch

from autograder.dojo.judge import Evidence, judge
from autograder.dojo.targets import RIGHT, UNTRIED, WRONG, Check, Checks
from autograder.marking.verdict import CREDIT, Verdict
from autograder.sandbox.host.received import Value

TRUTH = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
ALL_RIGHT = Checks((RIGHT, RIGHT), (RIGHT,))
ALL_WRONG = Checks((WRONG, WRONG), (WRONG,))
ONLY_HERE = Checks((RIGHT, RIGHT), (WRONG,))
LEFT = Check(False, ("total",))
PART = Checks((LEFT, LEFT), (LEFT,))

EXACT = Value("tensor", TRUTH)
CLOSE = Value("tensor", TRUTH * (1 + 1e-6))
FAR = Value("tensor", TRUTH + 1)
SHAPELESS = Value("tensor", torch.ones(3))
NAN = Value("tensor", TRUTH * float("nan"))
NONE, UNDEFINED, OTHER = Value("none"), Value("undefined"), Value("other", type="list")


def evidence(public: Value | None = FAR, end: Checks = ALL_WRONG, step: Checks = ALL_WRONG, **more: object) -> Evidence:
    return Evidence(public, TRUTH, end, step, **{"earlier_wrong": ("dbefore",), **more})


class TestEveryVerdict:
    @pytest.mark.parametrize(
        ("found", "verdict", "says"),
        [
            (evidence(EXACT, end=ALL_RIGHT), "exact", None),
            (evidence(EXACT, step=ALL_RIGHT), "exact", None),
            (evidence(CLOSE, end=ALL_RIGHT), "approximate", None),
            (evidence(FAR, end=ALL_RIGHT), "approximate", "the difference is rounding"),
            (evidence(FAR, step=ALL_RIGHT), "follow-through", "an earlier one is wrong"),
            (evidence(FAR, true=ALL_RIGHT), "follow-through", "an earlier one is wrong"),
            (evidence(FAR, step=ALL_RIGHT, earlier_wrong=()), "approximate", "the difference is rounding in float32"),
            (evidence(NONE, step=ALL_RIGHT, earlier_wrong=()), "approximate", "right once its cell runs: still to do"),
            (evidence(EXACT, end=ALL_RIGHT, idle_path=True), "exact", "one of its paths is wrong"),
            (
                evidence(EXACT, end=ALL_RIGHT, numerical=True),
                "numerical",
                "evaluates the forward pass at shifted values",
            ),
            (evidence(EXACT, numerical=True), "numerical", "derive it by hand"),
            (evidence(FAR, numerical=True), "wrong", None),
            (evidence(NONE, unset="dx"), "missing", "dx was right until this cell set it to None"),
            (evidence(UNDEFINED, grads=("x",), tensor="x"), "autograd", "comes from autograd"),
            (evidence(UNDEFINED, grads=("y",), tensor="x"), "autograd", "use your own dy"),
            (evidence(UNDEFINED, grads=("",), tensor="x"), "autograd", "comes from autograd"),
            (evidence(NAN, step=ALL_RIGHT), "follow-through", "an earlier one is wrong"),
            (evidence(NONE, step=ALL_RIGHT), "follow-through", "an earlier one is wrong"),
            (evidence(CLOSE, step=ALL_RIGHT, vanishing=True), "approximate", "the true gradient is zero here"),
            (evidence(EXACT, end=ALL_RIGHT, step=PART), "exact", "total, which you left out, adds up to zero"),
            (evidence(step=PART), "path-missing", "the gradient through total is missing"),
            (evidence(end=PART), "path-missing", "the gradient through total is missing"),
            (evidence(step=ONLY_HERE), "hard-coded", "this notebook's sizes only"),
            (evidence(EXACT, end=ONLY_HERE), "hard-coded", "this notebook's sizes only"),
            (evidence(FAR), "wrong", None),
            (evidence(EXACT), "wrong", "right for this minibatch only"),
            (evidence(EXACT, unfinished="it was stopped"), "wrong", "it was stopped"),
            (evidence(EXACT, vanishing=True), "wrong", "zeros look right"),
            (evidence(EXACT, end=ALL_RIGHT, vanishing=True), "wrong", "zeros look right"),
            (evidence(NAN), "wrong", "NaN or inf"),
            (evidence(OTHER), "wrong", "found a list"),
            (evidence(SHAPELESS), "shape", "expected shape (2, 2), found (3,)"),
            (evidence(UNDEFINED, error="NameError: x"), "error", None),
            (evidence(SHAPELESS, error="NameError: x"), "error", None),
            (evidence(NONE), "missing", "still to do"),
            (evidence(UNDEFINED), "missing", "still to do"),
            (evidence(None), "missing", "still to do"),
            (evidence(UNDEFINED, late=True, error="stopped after 1 s"), "timeout", None),
            (evidence(None, ended="exit code 0"), "crashed", None),
            (evidence(None, ended="stopped after 1 s", late=True), "timeout", None),
            (evidence(EXACT, uses_autograd=True), "autograd", "comes from autograd"),
            (evidence(UNDEFINED, uses_autograd=True), "autograd", "comes from autograd"),
            (evidence(EXACT, end=ALL_RIGHT, evades=True), "autograd", "comes from autograd"),
            (evidence(FAR, step=ALL_RIGHT, evades=True), "autograd", "comes from autograd"),
            (evidence(EXACT, evades=True), "autograd", "comes from autograd"),
        ],
    )
    def test_it_is_reached(self, found, verdict, says):
        judgement = judge(found)
        assert judgement.verdict == verdict
        assert says in judgement.hint if says else judgement.hint is None

    def test_all_of_them_are_in_the_table(self):
        cases = type(self).test_it_is_reached.pytestmark[0].args[1]
        assert {verdict for _, verdict, _ in cases} == set(Verdict)

    @pytest.mark.parametrize(
        "found",
        [
            evidence(EXACT, end=ALL_RIGHT),
            evidence(FAR, step=ALL_RIGHT),
            evidence(step=PART),
            evidence(step=ONLY_HERE),
            evidence(EXACT),
            evidence(UNDEFINED, uses_autograd=True),
            evidence(SHAPELESS),
        ],
    )
    def test_a_cell_that_raised_is_never_silent(self, found):
        """Whatever the verdict, and a right value that stood before the exception keeps its marks."""
        raised = judge(replace(found, error="NameError: name 'plt' is not defined"))
        assert raised.error == "NameError: name 'plt' is not defined"
        if CREDIT.get(judge(found).verdict):
            assert raised.verdict == judge(found).verdict

    @pytest.mark.parametrize("field", ["error", "ended"])
    def test_the_reason_is_passed_on(self, field):
        assert judge(evidence(UNDEFINED, **{field: "because"})).error == "because"


# From the strongest on: whichever holds first decides.
RANKED = [
    ({"evades": True, "public": EXACT}, "autograd"),
    ({"step": ALL_RIGHT}, "follow-through"),
    ({"ended": "exit code 0"}, "crashed"),
    ({"step": PART}, "path-missing"),
    ({"step": ONLY_HERE}, "hard-coded"),
    ({"late": True}, "timeout"),
    ({"uses_autograd": True, "public": UNDEFINED}, "autograd"),
    ({"error": "NameError: x"}, "error"),
    ({"public": UNDEFINED}, "missing"),
    ({"public": SHAPELESS}, "shape"),
    ({}, "wrong"),
]


@pytest.mark.parametrize("stronger", range(len(RANKED)))
def test_the_stronger_decides(stronger):
    """Each against all below it that can hold at the same time."""
    facts, verdict = RANKED[stronger]
    for weaker, _ in RANKED[stronger:]:
        found = judge(replace(evidence(), **weaker | facts)).verdict
        # A cell that ended the process by taking too long is both.
        assert found == ("timeout" if verdict == "crashed" and "late" in weaker else verdict)


def every_evidence():
    """All combinations of what can be known of a step."""
    values = [EXACT, CLOSE, FAR, SHAPELESS, NAN, NONE, UNDEFINED, OTHER, None]
    checks = [ALL_RIGHT, ALL_WRONG, ONLY_HERE, PART, UNTRIED]
    flags = [False, True]
    for public, end, step in product(values, checks, checks):
        for vanishing, uses, evades in product(flags, flags, flags):
            # A cell that ran out of time says so in one of the two.
            for late, error, ended in (
                *((False, None, None), (False, "E: x", None), (False, None, "it ended")),
                *((True, "stopped", None), (True, None, "stopped")),
            ):
                yield Evidence(public, TRUTH, end, step, vanishing, error, late, ended, uses, evades)


def test_what_cmp_shows_and_the_mark_never_disagree_without_a_sentence():
    count = 0
    for found in every_evidence():
        judgement = judge(found)
        full = CREDIT.get(judgement.verdict, 0.0) == 1.0
        if judgement.comparison.approximate != full:
            count += 1
            assert judgement.hint or judgement.error or judgement.comparison.problem, found
    assert count > 1000


def test_full_credit_needs_all_cases_right_and_no_way_around_autograd():
    """Written again from the table, not from the code."""
    for found in every_evidence():
        right = found.step is ALL_RIGHT or (found.end is ALL_RIGHT and not found.vanishing)
        verdict = judge(found).verdict
        assert (CREDIT.get(verdict, 0.0) == 1.0) == (right and not found.evades)
        if verdict in ("path-missing", "hard-coded"):
            assert {PART, ONLY_HERE} & {found.step, found.end}
            assert not right


def test_bit_for_bit_is_not_claimed_of_what_is_not():
    for found in every_evidence():
        judgement = judge(found)
        assert (judgement.verdict == "exact") <= judgement.comparison.exact
        assert judgement.comparison == judge(replace(found, ended=None, error=None)).comparison


class TestAGradientThatVanishes:
    TINY = torch.tensor([[1e-9, -2e-9], [0.0, 3e-9]])

    @pytest.mark.parametrize("noise", [0.0, 5e-9, 5e-8, 9e-7])
    def test_rounding_does_not_follow_from_a_mistake(self, noise):
        found = Evidence(Value("tensor", self.TINY + noise), self.TINY, ALL_WRONG, ALL_RIGHT, vanishing=True)
        judgement = judge(found)
        assert judgement.verdict in ("exact", "approximate")
        assert "the true gradient is zero here" in judgement.hint

    def test_what_is_far_from_zero_does(self):
        found = evidence(Value("tensor", self.TINY + 0.01), step=ALL_RIGHT, vanishing=True)
        found = replace(found, truth=self.TINY)
        assert judge(found).verdict == "follow-through"
