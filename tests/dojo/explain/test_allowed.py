"""Every operation that is evaluated is one of PyTorch's, and none is of two kinds."""

from __future__ import annotations

import torch

from autograder.dojo.explain import allowed
from autograder.dojo.explain.operations import FUNCTIONS, METHODS

KINDS = (
    allowed.NO_LARGER, allowed.APART, allowed.PRODUCTS, allowed.SQUARE, allowed.FILLED, allowed.INDEXED,
    allowed.GROWING, allowed.IMAGES, allowed.OTHERS,
)  # fmt: skip


def test_every_name_is_there_once():
    known = {name for functions in (*FUNCTIONS.values(), METHODS) for name in functions}
    assert allowed.ALLOWED - known <= {"ndimension", "ndim"}
    assert sum(map(len, KINDS)) == len(allowed.ALLOWED)


def test_nothing_that_draws_at_random_or_reads_memory_is_there():
    assert not allowed.ALLOWED & {"rand", "randn", "dropout", "bernoulli", "as_strided", "from_file", "load"}
    assert not any(hasattr(torch, name) and name.startswith("_") for name in allowed.ALLOWED)
