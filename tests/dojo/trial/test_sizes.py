"""Other sizes for an exercise."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from autograder.dojo.trial.sizes import larger, smaller_in_another_order

sizes = st.dictionaries(st.sampled_from("abcd"), st.integers(2, 64), min_size=1)


@given(sizes, st.integers(0, 100))
def test_every_one_is_larger_and_shares_no_factor(public, seed):
    drawn = larger(public, random.Random(seed))
    assert all(drawn[name] > public[name] and math.gcd(drawn[name], public[name]) == 1 for name in public)
    assert len(set(drawn.values())) == len(public)


@given(st.integers(0, 100))
def test_every_one_is_smaller_and_their_order_another(seed):
    public = {"a": 10, "b": 32, "c": 64}
    drawn = smaller_in_another_order(public, random.Random(seed))
    assert all(drawn[name] < public[name] for name in public)
    assert sorted(drawn, key=drawn.__getitem__) != ["a", "b", "c"]
