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
        ("linear", [WIDE[:, None], WIDE[:, None]], {}),
        ("addmm", [WIDE[0], WIDE[:, None], WIDE[None]], {}),
        ("inv", [torch.zeros(1).expand(900, 900)], {}),
        ("pad", [torch.zeros(1, 1, 1, 1), (1000, 1000, 1000, 1000)], {}),
        ("conv2d", [torch.zeros(1, 1, 9, 9), torch.zeros(1, 1, 3, 3)], {"padding": 1000}),
        ("conv2d", [torch.zeros(8, 99, 20, 20), torch.zeros(99, 99, 3, 3)], {}),
        ("conv_transpose2d", [torch.zeros(1, 1, 9, 9), torch.zeros(1, 1, 3, 3)], {"stride": 1000}),
        ("unfold", [torch.zeros(1, 1, 9, 9), 3], {"padding": 1000}),
        ("fold", [torch.zeros(1, 9, 9), (10**6, 10**6), 3], {"padding": 0}),
        ("fold", [torch.zeros(300, 9, 1), (2000, 2000), 3], {"stride": 2000}),
        ("avg_pool2d", [torch.zeros(1, 1, 900, 900), 500, 1], {}),
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
    check("linear", [torch.zeros(32, 64), torch.zeros(27, 64)], {})
    check("inv", [torch.zeros(27, 27)], {})
    check("zeros", [32, 64], {})
    check("pad", [torch.zeros(8, 3, 8, 8), (1, 1, 1, 1)], {})
    check("conv2d", [torch.zeros(8, 3, 8, 8), torch.zeros(7, 3, 3, 3)], {"padding": 1})
    check("unfold", [torch.zeros(8, 3, 8, 8), 3], {"padding": 1})
    check("fold", [torch.zeros(8, 27, 64), (8, 8), 3], {"padding": 1})
    check("max_pool2d", [torch.zeros(8, 3, 8, 8), 2], {})
    check_product(torch.zeros(32, 64), torch.zeros(64, 27))
    check_index(torch.zeros(27, 10), torch.zeros(32, 3, dtype=torch.int64))


def test_large_products_and_picks_are_refused():
    with pytest.raises(UnknownError):
        check_product(WIDE[:, None], WIDE[None])
    with pytest.raises(UnknownError):
        check_index(torch.zeros(10, 3000), torch.zeros(3000, dtype=torch.int64))
