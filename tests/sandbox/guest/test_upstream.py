"""What holds a d-variable's tensor besides its name has the random gradient too; nothing else has."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from autograder.sandbox.guest.upstream import Upstream

MEANT = torch.full((2,), 7.0)


@pytest.fixture
def names():
    return {"dkeel": torch.ones(2), "keel": torch.zeros(2), "words": ["a"] * 5000}


def renewed(names, *recorded, **gradients):
    upstream = Upstream({"dkeel": MEANT, **gradients}, {"keel": names["keel"], "words": names["words"]})
    upstream.take_over(recorded or ["dkeel"])
    upstream.renew(names)
    return names


class Holder:
    def __init__(self, value):
        self.value = value


@pytest.mark.parametrize(
    ("name", "hold", "read"),
    [
        ("g", lambda value: value, lambda held: held),
        ("grads", lambda value: {"dkeel": value}, lambda held: held["dkeel"]),
        ("grads", lambda value: {"keel": value}, lambda held: held["keel"]),
        ("grads", lambda value: [None, value], lambda held: held[1]),
        ("back", Holder, lambda held: held.value),
        ("back", lambda value: SimpleNamespace(grad=value), lambda held: held.grad),
    ],
)
def test_what_holds_the_same_tensor_is_given_the_gradient_too(names, name, hold, read):
    names[name] = hold(names["dkeel"])
    renewed(names)
    assert read(names[name]) is names["dkeel"]
    assert torch.equal(names["dkeel"], MEANT)


def test_equal_numbers_are_not_the_same_tensor(names):
    names["g"] = names["dkeel"].clone()
    assert torch.equal(renewed(names)["g"], torch.ones(2))


def test_a_tensor_of_the_case_is_never_replaced(names):
    """A wrong answer may be the forward value itself."""
    names["dkeel"] = names["keel"]
    assert torch.equal(renewed(names)["keel"], torch.zeros(2))


def test_of_two_d_variables_with_one_tensor_each_has_its_own(names):
    other = torch.full((2,), 5.0)
    names["dmast"] = names["dkeel"]
    names["grads"] = {"dkeel": names["dkeel"], "dmast": names["dkeel"], "last": names["dkeel"]}
    renewed(names, "dkeel", dmast=other)
    assert torch.equal(names["dmast"], torch.ones(2))
    found = names["grads"]
    assert torch.equal(found["dkeel"], MEANT)
    assert torch.equal(found["dmast"], torch.ones(2))
    assert torch.equal(found["last"], torch.ones(2))


def test_only_the_first_time(names):
    """Later the student's name may hold what they made of the gradient."""
    upstream = Upstream({"dkeel": MEANT}, {})
    upstream.take_over(["dkeel"])
    upstream.renew(names)
    names["g"] = names["dkeel"]
    names["g"] *= 2
    upstream.renew(names)
    assert torch.equal(names["g"], 2 * MEANT)
    assert torch.equal(names["dkeel"], MEANT)


def test_no_code_of_a_class_is_run(names):
    class Hostile:
        @property
        def __dict__(self):
            raise AssertionError

        def __getattribute__(self, name):
            raise AssertionError

    names["hostile"], names["kind"] = Hostile(), Hostile
    assert torch.equal(renewed(names)["dkeel"], MEANT)
