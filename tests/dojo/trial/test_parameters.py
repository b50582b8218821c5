"""A parameters cell, read."""

from __future__ import annotations

import pytest

from autograder.dojo.trial.parameters import constants_in, demands_in, fixed_in, has_parameters_only

CELL = "n = 8  # examples\nk = 2  # fixed: top-k\nSEED = 3\nassert n % k == 0\nrate = 0.1"


def test_what_it_says():
    assert constants_in(CELL) == {"n": 8, "k": 2, "SEED": 3, "rate": 0.1}
    assert fixed_in(CELL) == {"k"}
    assert demands_in(CELL) == ["n % k == 0"]


@pytest.mark.parametrize(
    ("source", "only"),
    [
        (CELL, True),
        ("n = 8", False),
        ("SEED = 3\nm = 2 * 4", False),
        ("SEED = 3\nprint(1)", False),
        ("(", False),
        ("", False),
    ],
)
def test_a_cell_of_parameters_only(source, only):
    assert has_parameters_only(source) == only
