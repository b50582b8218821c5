"""compare: exact, approximate and maxdiff with numpy and torch as oracles, and all that it may be given."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.dojo.compare import Comparison, compare, compare_with_grad, difference_from, plain

floats = st.floats(-1e6, 1e6, width=32)
# Around the tolerance: rtol 1e-5 of the value plus atol 1e-8.
offsets = st.sampled_from([0.0, 0.5, 0.999, 1.001, 2.0, -0.5, -0.999, -1.001, -2.0]) | st.floats(-3, 3)


class SaysTrue(torch.Tensor):
    """Answers True to everything, as a way to make any comparison come out right."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True


class HidesShape(torch.Tensor):
    @property
    def shape(self):
        raise RuntimeError("no shape for you")


class ClaimsToBeATensor:
    __class__ = torch.Tensor


class RaisesOnIsinstance:
    @property
    def __class__(self):
        raise RuntimeError("who asks?")


@given(st.lists(st.tuples(floats, offsets), min_size=1, max_size=5))
def test_approximate_is_what_allclose_says(rows):
    grad = torch.tensor([value for value, _ in rows], dtype=torch.float64)
    dt = grad + torch.tensor([offset for _, offset in rows], dtype=torch.float64) * (1e-8 + 1e-5 * grad.abs())
    assert compare(dt, grad).approximate is torch.allclose(dt, grad)


@given(st.lists(st.tuples(floats, offsets), min_size=1, max_size=5))
def test_approximate_is_within_atol_plus_rtol_of_the_reference(rows):
    truth = np.array([value for value, _ in rows])
    mine = truth + np.array([offset for _, offset in rows]) * (1e-8 + 1e-5 * np.abs(truth))
    within = bool((np.abs(mine - truth) <= 1e-8 + 1e-5 * np.abs(truth)).all())
    assert compare(torch.from_numpy(mine), torch.from_numpy(truth)).approximate is within


@given(st.lists(st.tuples(floats, floats), min_size=1, max_size=5))
def test_exact_and_maxdiff_are_those_of_the_numbers(pairs):
    dt, grad = (torch.tensor(column, dtype=torch.float64) for column in zip(*pairs, strict=True))
    result = compare(dt, grad)
    assert result.exact is all(a == b for a, b in pairs)
    assert result.maxdiff == max(abs(a - b) for a, b in pairs)


def test_other_tolerances_can_be_asked_for():
    grad, dt = torch.tensor([1.0]), torch.tensor([1.05])
    assert not compare(dt, grad).approximate
    assert compare(dt, grad, rtol=0.1).approximate
    assert compare(dt, grad, atol=0.1).approximate


@pytest.mark.parametrize(
    ("found", "want", "serves"),
    [
        ((64,), (1, 64), True),
        ((1, 64), (32, 64), True),
        ((1, 64), (64,), True),
        ((1, 1, 64), (64,), True),
        ((32, 1), (32, 64), True),
        ((), (1,), True),
        ((1,), (), True),
        ((), (), True),
        ((), (2, 3), True),
        ((32,), (32, 1), False),
        ((32, 64), (1, 64), False),
        ((32, 64), (64,), False),
        ((64, 32), (32, 64), False),
        ((2,), (), False),
        ((3,), (4,), False),
        ((0,), (1,), False),
        ((0,), (), False),
        ((0, 64), (1, 64), False),
        ((32, 0), (32, 1), False),
        ((0,), (2, 3), False),
    ],
)
def test_a_shape_serves_where_both_broadcast_to_no_more_than_the_gradients_elements(found, want, serves):
    result = compare(torch.ones(found), torch.ones(want))
    assert (result.approximate, result.kind) == ((True, "ok") if serves else (False, "shape"))


@given(st.lists(st.integers(0, 3), max_size=3), st.lists(st.integers(1, 3), max_size=3))
def test_shapes_serve_exactly_where_torch_broadcasts_them_to_the_same_number_of_elements(found, want):
    try:
        serves = torch.broadcast_shapes(found, want).numel() == math.prod(want)
    except RuntimeError:
        serves = False
    assert compare(torch.ones(found), torch.ones(want)).approximate is serves


def test_the_reason_for_a_wrong_shape_labels_both_sides():
    assert compare(torch.ones(32), torch.ones(32, 1)).problem == "expected shape (32, 1), found (32,)"


@pytest.mark.parametrize(
    "dt",
    [
        torch.tensor([1, 2]),
        torch.tensor([1, 2], dtype=torch.uint8),
        torch.tensor([1.0, 2.0], dtype=torch.float16),
        torch.tensor([1.0, 2.0], dtype=torch.float64),
        torch.tensor([1.0, 2.0], requires_grad=True),
        torch.nn.Parameter(torch.tensor([1.0, 2.0])),
        torch.tensor([1.0, 2.0]).as_subclass(HidesShape),
    ],
    ids=lambda dt: f"{type(dt).__name__}-{torch.Tensor.dtype.__get__(dt)}",
)
def test_right_numbers_are_right_whatever_the_kind_of_tensor(dt):
    assert compare(dt, torch.tensor([1.0, 2.0])) == Comparison(True, True, 0.0)


def test_bools_are_ones_and_zeros():
    assert compare(torch.tensor([True, False]), torch.tensor([1.0, 0.0])).exact


def test_the_wider_of_two_dtypes_decides():
    fine = torch.tensor([1.0 + 1e-12], dtype=torch.float64)
    assert not compare(fine, torch.tensor([1.0], dtype=torch.float32)).exact
    assert not compare(torch.tensor([0.1], dtype=torch.float32), torch.tensor([0.1], dtype=torch.float64)).exact


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_nan_and_inf_are_wrong_and_named(value):
    result = compare(torch.tensor([1.0, value]), torch.tensor([1.0, value]))
    assert (result.exact, result.approximate, result.maxdiff, result.kind) == (False, False, None, "nonfinite")


def test_a_stub_is_still_to_do():
    result = compare(None, torch.ones(2, 3))
    assert (result.kind, result.problem) == ("todo", "still to do: a tensor of shape (2, 3)")


@pytest.mark.parametrize("dt", [1.0, 1, np.float32(1.0), np.array(1.0), np.array(1)], ids=repr)
def test_a_number_serves_where_a_tensor_of_it_would(dt):
    """`dnll = 1.0` is right for a loss of shape ()."""
    assert compare(dt, torch.tensor(1.0)) == Comparison(True, True, 0.0)
    assert not compare(dt, torch.tensor(2.0)).approximate


def test_numpy_arrays_are_compared_as_tensors():
    assert compare(np.array([1.0, 2.0]), torch.tensor([1.0, 2.0])) == Comparison(True, True, 0.0)
    assert compare(np.ones((3, 2)), torch.ones(2)).kind == "shape"
    assert compare(np.array(["x"]), torch.ones(1)).kind == "type"


@pytest.mark.parametrize("dt", [True, "x", [1.0, 1.0], object(), torch.Tensor, torch.ones])
def test_what_is_no_tensor_is_named_by_its_type(dt):
    result = compare(dt, torch.ones(2))
    assert (result.approximate, result.kind) == (False, "type")
    assert result.problem == f"expected a tensor of shape (2,), found a {type(dt).__name__}"


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.ones(2, dtype=torch.complex64),
        lambda: torch.ones(2).to_sparse(),
        lambda: torch.ones(2, device="meta"),
        lambda: torch.ones(2).to(torch.float8_e4m3fn),
        lambda: torch.empty(2, dtype=torch.bits8),
        lambda: torch.nested.nested_tensor([torch.ones(1), torch.ones(1)]),
        ClaimsToBeATensor,
        RaisesOnIsinstance,
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_tensor_of_another_kind_is_refused_without_an_exception(make):
    result = compare(make(), torch.ones(2))
    assert (result.exact, result.approximate, result.kind) == (False, False, "type")
    assert result.problem.startswith("expected an ordinary real tensor")


def test_a_tensor_that_says_it_is_right_is_compared_by_its_numbers():
    result = compare(torch.zeros(2).as_subclass(SaysTrue), torch.ones(2))
    assert result == Comparison(False, False, 1.0)


def test_comparing_leaves_both_sides_as_they_were():
    dt, grad = torch.tensor([1, 2]), torch.tensor([1.0, 2.5])
    compare(dt, grad)
    assert dt.equal(torch.tensor([1, 2]))
    assert grad.equal(torch.tensor([1.0, 2.5]))


class TestWithATensorsOwnGradient:
    def test_it_is_compared_with_grad(self):
        tensor = torch.zeros(2, requires_grad=True)
        tensor.grad = torch.tensor([1.0, 3.0])
        assert compare_with_grad(torch.tensor([1.0, 2.0]), tensor).maxdiff == 1.0

    def test_without_one_nothing_is_compared(self):
        result = compare_with_grad(torch.ones(2), torch.zeros(2, requires_grad=True))
        assert (result.kind, result.approximate, result.maxdiff) == ("reference", False, None)


class TestPlain:
    def test_a_subclass_is_taken_off_and_the_graph_too(self):
        found = plain(torch.ones(2, requires_grad=True).as_subclass(SaysTrue))
        assert type(found) is torch.Tensor
        assert not found.requires_grad

    def test_what_is_no_tensor_stays(self):
        assert plain("text") == "text"


def test_the_difference_has_the_gradients_shape_and_counts_what_is_outside_the_tolerances():
    grad = torch.tensor([[1.0, 2.0, 3.0]])
    difference, wrong = difference_from(torch.tensor([1.0, 2.00001, 3.5]), grad)
    assert difference.shape == wrong.shape == grad.shape
    assert difference.dtype == torch.float64
    assert wrong.tolist() == [[False, False, True]]
    assert difference[0, 2] == 0.5


def test_what_a_check_allows_is_not_counted():
    _, wrong = difference_from(torch.tensor([1.2, 2.0]), torch.tensor([1.0, 1.0]), rtol=0.0, atol=0.5)
    assert wrong.tolist() == [False, True]
