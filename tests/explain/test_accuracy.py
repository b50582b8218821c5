"""The sentence names the true cause of 95 of 100 wrong answers, in atomic steps and in fused ones, and seldom another.

`make bench-explain` prints the figures.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.explain.measure import measured
from tests.explain.networks import COURSE, OTHERS, network
from tests.marks import later_answers
from tests.marks.right_answers import RIGHT

NAMED, OTHER = 0.95, 0.02

pytestmark = pytest.mark.filterwarnings("ignore:The use of `x.T`")
# One is quick enough for every run of the tests; `make test-marks` has all.
networks = [
    pytest.param(name, marks=() if name == next(iter(OTHERS)) else pytest.mark.marks) for name in (*COURSE, *OTHERS)
]


@pytest.mark.parametrize("where", ["marked", "shown"])
@pytest.mark.parametrize("name", networks)
def test_the_true_cause_is_named(name, where):
    outcomes = measured(network(name), where)
    counts = Counter(outcome.verdict for outcome in outcomes)
    assert len(outcomes) >= 100 or name in COURSE
    failures = "\n".join(f"{o.mistake.cells} -> {o.said}" for o in outcomes if o.verdict == "other")
    assert counts["named"] >= NAMED * len(outcomes), failures
    assert counts["other"] <= OTHER * len(outcomes), failures


@pytest.mark.parametrize("name", networks)
def test_the_solution_gets_no_sentence(name):
    for step in network(name).exercise.gradients:
        assert network(name).marked({}, step.name) is None
        assert network(name).shown({}, step.name) is None


RIGHT_ANSWERS = {COURSE[0]: RIGHT} | later_answers.RIGHT


@pytest.mark.marks
@pytest.mark.parametrize("where", ["marked", "shown"])
@pytest.mark.parametrize("name", RIGHT_ANSWERS)
def test_no_right_answer_gets_a_sentence(name, where):
    gradients = {step.name for step in network(name).exercise.gradients}
    found = []
    for cell, several in RIGHT_ANSWERS[name].items():
        step = cell.partition("_path")[0]
        # Lower precision is compared in that precision, and such code is right only there.
        # One leaves out a path that is zero, and is right end to end alone: marking explains only what is not right.
        plain = [code for code in several if not code.startswith("%") and "float" not in code and "to zero" not in code]
        for code in plain if step in gradients else ():
            said = getattr(network(name), where)({cell: code}, step)
            found += [(code, said)] if said is not None else []
    assert found == []
