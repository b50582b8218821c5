"""A stub is told from a function that a student has written."""

import functools

import pytest

from autograder.dojo.written import is_written


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
