"""The rule for when a mistake fits: thresholds from both sides."""

from __future__ import annotations

import math

import pytest
import torch

from autograder.dojo.explain.fit import (
    CLOSE_32,
    CLOSE_64,
    ENOUGH,
    Close,
    Guess,
    distance,
    is_far_larger,
    largest,
    multiple,
    serves,
)

FINE, COARSE = Close(CLOSE_64, math.inf), Close(CLOSE_32, math.inf)
VALUE = torch.tensor([1.0, -2.0, 4.0, 3.0], dtype=torch.float64)


@pytest.mark.parametrize(("close", "relative"), [(FINE, CLOSE_64), (COARSE, CLOSE_32)])
def test_the_tolerance_is_relative_to_the_largest_element(close, relative):
    nudge = torch.tensor([4 * relative, 0, 0, 0], dtype=torch.float64)
    assert close.fits(VALUE + 0.9 * nudge, Guess("sign", "", VALUE))
    assert not close.fits(VALUE + 1.1 * nudge, Guess("sign", "", VALUE))


def test_a_guess_must_be_closer_than_the_truth_allows():
    assert not Close(CLOSE_32, 1e-7).fits(VALUE + 1e-6, Guess("sign", "", VALUE))


def test_a_multiple_fits_only_where_the_guess_allows_any_factor():
    assert FINE.fits(-2.5 * VALUE, Guess("function", "", VALUE, any_factor=True))
    assert not FINE.fits(-2.5 * VALUE, Guess("function", "", VALUE))


def test_a_constant_tensor_is_a_multiple_of_nothing():
    flat = torch.ones(4, dtype=torch.float64)
    assert not FINE.fits(3 * flat, Guess("function", "", flat, any_factor=True))
    assert not FINE.fits(3 * flat, Guess("wrong-axis", "", flat, any_factor=True))
    assert FINE.fits(flat, Guess("wrong-axis", "", flat, any_factor=True))


def test_in_float32_a_few_numbers_prove_nothing_unless_they_are_a_sum():
    few = torch.zeros(5, dtype=torch.float64)
    few[: ENOUGH - 1] = 2.0
    assert FINE.fits(few, Guess("sign", "", few))
    assert not COARSE.fits(few, Guess("sign", "", few))
    assert COARSE.fits(few, Guess("not-summed", "", few))


@pytest.mark.parametrize("value", [torch.zeros(4), torch.full((4,), math.nan), torch.ones(3), torch.ones(2, 4)])
def test_zeros_nan_and_other_shapes_fit_nothing(value):
    assert not FINE.fits(VALUE, Guess("sign", "", value.double()))


def test_multiple_is_the_least_squares_factor():
    assert multiple(3 * VALUE, VALUE) == pytest.approx(3)
    assert multiple(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.0])) == pytest.approx(0.5)


def test_serves_is_broadcasting_without_growing():
    for found, want, expected in [((4,), (1, 4), True), ((1, 4), (3, 4), True), ((3, 4), (1, 4), False)]:
        assert serves(torch.ones(found), torch.ones(want)) is expected
    assert not serves(torch.ones(3), torch.ones(4))


def test_distance_and_size_of_nothing_are_zero():
    assert distance(torch.ones(0), torch.ones(0)) == largest(torch.ones(0)) == 0.0
    assert distance(VALUE, -VALUE) == 8.0
    assert largest(-VALUE) == 4.0


@pytest.mark.parametrize(
    ("found", "larger"),
    [
        ((32, 27), False),
        ((4, 32, 27), False),
        ((27, 32), False),
        ((200_000, 1, 1), True),  # 170 million elements together
        ((1_000_000,), True),
        ((0, 2**40), False),
    ],
)
def test_what_is_far_larger_than_any_gradient_is_told_before_it_is_subtracted(found, larger):
    value = torch.ones(32, 27)
    assert is_far_larger(torch.ones(()).expand(found), value, [torch.ones(64, 32)]) == larger
