"""What a cell may hold: tensors, numbers and short lists of them."""

from __future__ import annotations

import math

import pytest
import torch

from autograder.dojo.explain.operations import LARGEST, UnknownError
from autograder.dojo.explain.values import ENTRIES, FEW, ROUNDS, attribute, called, constant, held, items, own

OAR = torch.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    "value", [OAR, 1, 2.0, True, None, [1, [2, 3]], (1, 2), OAR.shape, "sum", range(3), OAR.max(1)]
)
def test_values_that_a_cell_may_hold(value):
    assert held(value) is value


@pytest.mark.parametrize(
    "value", [[[[1]]], [0] * (ENTRIES + 1), [[0] * ENTRIES] * 2, "x" * (FEW + 1), {}, print, torch, 1j]
)
def test_values_that_it_may_not_hold(value):
    with pytest.raises(UnknownError):
        held(value)


def test_what_is_given_is_copied_all_through():
    given = [OAR, [OAR]]
    mine = own(given)
    mine[0].zero_()
    mine[1][0].zero_()
    assert float(OAR.sum()) == 15
    for value in (print, "text", [0] * (FEW + 1), torch.zeros(1).expand(LARGEST + 1), OAR.max(1)):
        with pytest.raises(UnknownError):
            own(value)


def test_a_long_tensor_is_not_taken_apart():
    assert items(OAR) is OAR
    for value in (torch.zeros(ROUNDS + 1), torch.tensor(1.0), "text", 3):
        with pytest.raises(UnknownError):
            items(value)


def test_attributes_and_constants_are_those_of_a_list():
    assert torch.equal(attribute(OAR, "T"), OAR.T)
    assert torch.equal(attribute(OAR.max(1), "values"), OAR.max(1).values)
    assert constant("math", "pi") == math.pi
    assert constant("os", "pi") is None
    for owner, name in ((OAR, "grad"), (OAR, "__class__"), ([1], "append"), (1, "real"), (OAR.max(1), "count")):
        with pytest.raises(UnknownError):
            attribute(owner, name)


def test_functions_of_python():
    assert called("max", [1, 2]) == 2
    assert called("reversed", [[1, 2]]) == [2, 1]
    assert list(called("enumerate", [[5, 6], 1])) == [(1, 5), (2, 6)]
    for name, args in (("max", [OAR]), ("range", [10**9]), ("len", ["x"]), ("getattr", [OAR, "T"]), ("int", ["1"])):
        with pytest.raises(UnknownError):
            called(name, args)


def test_a_tensor_is_given_as_students_code_gets_it_in_one_piece():
    assert own(torch.zeros(2, 3).T).is_contiguous()
