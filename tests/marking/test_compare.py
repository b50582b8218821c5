"""What every step should hold in every case: all steps at once, and what is known of an exercise."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.dojo.targets import IN_FLOAT64, RIGHT, Check, Target
from autograder.marking.compare import RunTargets, Targets
from autograder.sandbox.host.received import Value


@st.composite
def recorded(draw):
    """Targets of three steps, and a value for each: right, almost, wrong, of another dtype or shape, or none."""
    totals = {name: torch.arange(1.0, 5.0, dtype=torch.float64).reshape(2, 2) * n for n, name in enumerate("abc", 1)}
    kinds = st.sampled_from(["right", "almost", "wrong", "nan", "float32", "row", "absent", "none"])
    values = {}
    for name, total in totals.items():
        match draw(kinds):
            case "absent":
                continue
            case "none":
                values[name] = Value("none")
            case "float32":
                values[name] = Value("tensor", total.float())
            case "row":
                values[name] = Value("tensor", total[0])
            case kind:
                factor = {"right": 1.0, "almost": 1 + 1e-10, "wrong": 1.1, "nan": float("nan")}[kind]
                values[name] = Value("tensor", total * factor)
    return {name: Target(total, {}, IN_FLOAT64) for name, total in totals.items()}, values


@given(recorded())
def test_all_steps_at_once_are_each_by_itself(drawn):
    """Where all are right, one comparison of all elements decides."""
    targets, values = drawn
    assert RunTargets(targets).check(values) == {name: t.check(values.get(name)) for name, t in targets.items()}


@pytest.fixture(scope="module")
def targets(harbour, harbour_references):
    return Targets(harbour, harbour_references)


class TestTargets:
    """Those of `harbour`."""

    @pytest.mark.parametrize("precision", ["hidden", "rounded"])
    def test_the_reference_itself_is_right_and_its_double_wrong(self, targets, harbour, harbour_references, precision):
        for case, reference in zip(getattr(targets, precision), getattr(harbour_references, precision), strict=True):
            for run, gradients in ((case.end, reference.end), (case.step, reference.step)):
                own = {s.name: Value("tensor", gradients.total[s.tensor]) for s in harbour.steps}
                assert set(run.check(own).values()) == {RIGHT}
                double = {name: Value("tensor", 2 * value.tensor) for name, value in own.items()}
                assert not [check for check in run.check(double).values() if check.right]

    def test_of_two_paths_the_one_that_is_there_leaves_out_the_other(self, targets, harbour_references):
        paths = harbour_references.hidden[0].step.paths["swell"]
        assert set(paths) == {"part", "total"}
        found = targets.hidden[0].step.check({"dswell": Value("tensor", paths["part"])})
        assert found["dswell"] == Check(False, ("total",))

    def test_what_vanishes_is_known_by_its_d_variable(self, targets):
        assert targets.vanishing == {"dpeak"}
