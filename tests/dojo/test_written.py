"""A stub is told from a function that a student has written."""

import functools

import pytest

from autograder.dojo.written import is_written, stub_in


def documented(parameters, grads, lr):
    """What it is to do."""


def explicit(parameters, grads, lr):
    """What it is to do."""
    return None


def written(parameters, grads, lr):
    """What it does."""
    for p in parameters:
        p = p - lr


def counted(parameters, grads, lr):
    lr += 1


@pytest.mark.parametrize("stub", [documented, explicit, lambda a: None, lambda: ..., None])
def test_a_stub_is_not(stub):
    assert not is_written(stub)


@pytest.mark.parametrize("function", [written, counted, lambda a: a.sum(), print, functools.partial(documented, 1)])
def test_what_does_anything_is(function):
    assert is_written(function)


def test_a_stub_that_is_called_has_its_name_said():
    assert stub_in(lambda p: [written(p, p, 1), documented(p, p, 1)]) == "documented"
    assert stub_in(lambda p: [written(p, p, 1), print(p)]) is None
    assert stub_in(print) is None
