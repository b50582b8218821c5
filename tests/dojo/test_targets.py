"""The comparison with a target, against `compare` as the oracle."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.dojo import compare
from autograder.dojo.targets import IN_FLOAT32, IN_FLOAT64, RIGHT, UNTRIED, WRONG, Check, Checks, Target, Tolerance
from autograder.sandbox.host.received import Value

TRUTH = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
LEFT = Check(False, ("total",))


class TestChecks:
    def test_a_path_counts_as_missing_only_where_it_is_the_same_everywhere(self):
        other = Check(False, ("part",))
        assert Checks((LEFT, LEFT), (LEFT,)).left_out == ("total",)
        assert Checks((LEFT, other), (LEFT,)).left_out == ()
        assert Checks((LEFT, LEFT), (RIGHT,)).left_out == ()

    def test_right_is_right_on_all(self):
        everywhere, only_here = Checks((RIGHT, RIGHT), (RIGHT,)), Checks((RIGHT, RIGHT), (WRONG,))
        assert everywhere.right
        assert everywhere.right_at_public_sizes
        assert only_here.right_at_public_sizes
        for checks in (only_here, UNTRIED, Checks((RIGHT, WRONG), (RIGHT,)), Checks((LEFT, LEFT), (LEFT,))):
            assert not checks.right


# Numbers around the truth, some within the tolerance and some not, and those that compare as nothing else does.
numbers = st.sampled_from([0.0, -0.0, 1.0, -3.0, 1e-300, 1e300, float("nan"), float("inf"), -float("inf")])
factors = st.sampled_from(
    [1.0, 1 + 1e-15, 1 + 1e-10, 1 + 1e-9, 1 + 1e-8, 1 + 1e-6, 0.0, -1.0, float("nan"), float("inf")]
)
shapes = st.sampled_from([(), (1,), (3,), (1, 3), (2, 3), (2, 1), (0,), (0, 3), (2, 0), (6,), (1, 1, 3)])
dtypes = st.sampled_from([torch.float64, torch.float32, torch.float16, torch.int64, torch.bool, torch.complex64])


def tensors(shape, elements):
    size = 1
    for n in shape:
        size *= n
    return st.lists(elements, min_size=size, max_size=size).map(
        lambda values: torch.tensor(values, dtype=torch.float64).reshape(shape)
    )


class TestTarget:
    @given(st.data(), shapes, st.sampled_from([IN_FLOAT64, IN_FLOAT32, Tolerance(0.0, 0.0)]))
    def test_the_fast_way_is_compare(self, data, shape, tolerance):
        """Of one shape and dtype: right in exactly the cases in which `compare` calls it approximate."""
        truth = data.draw(tensors(shape, numbers.filter(lambda x: x - x == 0)))
        mine = truth * data.draw(tensors(shape, factors))
        largest = float(truth.abs().max()) if truth.numel() else 0.0
        oracle = compare(mine, truth, tolerance.rtol, tolerance.atol * largest)
        assert Target(truth, {}, tolerance).check(Value("tensor", mine)).right == oracle.approximate

    @given(st.data(), shapes, shapes, dtypes)
    def test_of_any_shape_and_dtype_it_is_compare(self, data, wanted, found, dtype):
        truth = data.draw(tensors(wanted, st.sampled_from([0.0, 1.0, 2.0])))
        mine = data.draw(tensors(found, st.sampled_from([0.0, 1.0, 2.0]))).to(dtype)
        largest = float(truth.abs().max()) if truth.numel() else 0.0
        oracle = compare(mine, truth, IN_FLOAT64.rtol, IN_FLOAT64.atol * largest)
        assert Target(truth, {}, IN_FLOAT64).check(Value("tensor", mine)).right == oracle.approximate

    def test_an_empty_tensor_is_not_equal_to_anything(self):
        target = Target(TRUTH, {}, IN_FLOAT64)
        for shape in ((0,), (0, 2), (2, 0), (0, 2, 2), (1, 0)):
            assert target.check(Value("tensor", torch.empty(shape))) == WRONG

    @pytest.mark.parametrize(
        "value", [None, Value("none"), Value("undefined"), Value("other", type="list")], ids=lambda v: v and v.kind
    )
    def test_without_a_tensor_it_is_wrong(self, value):
        assert Target(TRUTH, {}, IN_FLOAT64).check(value) == WRONG

    def test_a_forgotten_epsilon_is_not_rounding(self):
        assert Target(TRUTH.double(), {}, IN_FLOAT64).check(Value("tensor", TRUTH.double() * (1 + 1e-6))) == WRONG

    @pytest.mark.parametrize("there", [("a",), ("b",), ("a", "b"), ("a", "c"), ("b", "c")])
    def test_it_names_the_paths_that_are_left_out(self, there):
        paths = {name: torch.randn(2, 2, dtype=torch.float64) for name in "abc"}
        target = Target(sum(paths.values()), paths, IN_FLOAT64)
        mine = sum(paths[name] for name in there)
        assert target.check(Value("tensor", mine)) == Check(False, tuple(n for n in paths if n not in there))

    @pytest.mark.parametrize("wrong", ["nothing", "twice", "sign", "all of one path of one"])
    def test_what_is_no_sum_of_paths_is_just_wrong(self, wrong):
        a, b = (torch.randn(2, 2, dtype=torch.float64) for _ in range(2))
        mine = {"nothing": 0 * a, "twice": 2 * a + b, "sign": a - b, "all of one path of one": a}[wrong]
        paths = {"a": a} if wrong.startswith("all") else {"a": a, "b": b}
        assert Target(a + b, paths, IN_FLOAT64).check(Value("tensor", mine)) == WRONG

    def test_all_paths_are_right_and_not_a_subset(self):
        a, zero = torch.randn(2, 2), torch.zeros(2, 2)
        assert Target(a, {"a": a, "zero": zero}, IN_FLOAT32).check(Value("tensor", a.clone())) == RIGHT

    def test_a_path_is_a_target_of_its_own(self):
        whole = Target(2 * TRUTH, {"part": TRUTH / 2, "rest": 1.5 * TRUTH}, IN_FLOAT64)
        assert whole.only("part").check(Value("tensor", TRUTH / 2)) == RIGHT
        assert whole.only("part").check(Value("tensor", 2 * TRUTH)) == WRONG
        with pytest.raises(KeyError):
            whole.only("other")

    def test_of_very_many_paths_no_subset_is_looked_for(self):
        paths = {str(n): torch.randn(2, dtype=torch.float64) for n in range(7)}
        some = sum(part for name, part in paths.items() if name != "0")
        assert Target(sum(paths.values()), paths, IN_FLOAT64).check(Value("tensor", some)) == WRONG
