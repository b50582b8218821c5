"""The memory that reports pass through."""

from __future__ import annotations

import faulthandler
import os
import sys

import pytest

from autograder.sandbox.guest.passing import KEPT, Passing

SIZE = 2 * KEPT


@pytest.mark.parametrize("size", [1, KEPT, KEPT + 1, SIZE])
def test_nothing_of_a_report_is_left(size):
    passing = Passing(SIZE)
    for _ in range(2):
        with passing.view() as data:
            assert bytes(data) == bytes(SIZE)
            data[:size] = b"x" * size
        passing.wipe(size)


@pytest.mark.skipif(sys.platform != "linux", reason="MADV_DONTFORK is Linux's")
def test_no_fork_has_it():
    passing = Passing(SIZE)
    with passing.view() as data:
        child = os.fork()
        if child == 0:
            faulthandler.disable()
            os._exit(data[0])  # a fault
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) < 0
