"""An operation is refused before it makes anything large."""

from __future__ import annotations

import pytest
import torch

from autograder.dojo.explain.operations import UnknownError, check, check_index, check_product

WIDE = torch.zeros(1).expand(3000)


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("load", ["file"], {}),
        ("exp", [WIDE], {"out": WIDE}),
        ("mul", [WIDE[:, None], WIDE], {}),
        ("outer", [WIDE, WIDE], {}),
        ("zeros", [3000, 3000], {}),
        ("arange", [1e9], {}),
        ("repeat", [WIDE, 3000], {}),
        ("one_hot", [torch.tensor([10**8])], {}),
        ("repeat_interleave", [WIDE, torch.tensor([10**8])], {}),
        ("einsum", ["i,j->ij", WIDE, WIDE], {}),
        ("einsum", ["i,j,k->", WIDE, WIDE, WIDE], {}),
    ],
)
def test_what_is_unknown_or_large_is_refused(name, args, words):
    with pytest.raises(UnknownError):
        check(name, args, words)


def test_ordinary_operations_pass():
    check("sum", [WIDE, 0], {"keepdim": True})
    check("einsum", ["ij,ik->jk", torch.zeros(32, 64), torch.zeros(32, 27)], {})
    check("zeros", [32, 64], {})
    check_product(torch.zeros(32, 64), torch.zeros(64, 27))
    check_index(torch.zeros(27, 10), torch.zeros(32, 3, dtype=torch.int64))


def test_large_products_and_picks_are_refused():
    with pytest.raises(UnknownError):
        check_product(WIDE[:, None], WIDE[None])
    with pytest.raises(UnknownError):
        check_index(torch.zeros(10, 3000), torch.zeros(3000, dtype=torch.int64))
