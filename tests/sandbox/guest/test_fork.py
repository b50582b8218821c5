"""What a submission sends is read until its end, whatever the submission does."""

from __future__ import annotations

import os
import select
from dataclasses import replace

from autograder.sandbox.guest.fork import collect
from autograder.sandbox.guest.outbox import END
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire import PIECE, Frame, encode


def test_a_submission_that_takes_its_own_data_back_keeps_nobody_waiting(monkeypatch):
    """It was there when it was asked for and is gone when it is read."""
    monkeypatch.setattr(select, "select", lambda reading, *others: (reading, [], []))
    receiving, sending = os.pipe()
    try:
        data = memoryview(bytearray(PIECE))
        assert collect(receiving, data, replace(Limits(), seconds=0.1)) == (0, "timeout")
    finally:
        os.close(receiving)
        os.close(sending)


def test_nothing_that_comes_behind_the_end_is_kept():
    """The memory is the next submission's too."""
    frame = encode(Frame({"run": 0}))
    receiving, sending = os.pipe()
    try:
        os.write(sending, frame + END + b"a note for the next one")
        data = memoryview(bytearray(PIECE))
        size, ending = collect(receiving, data, Limits())
    finally:
        os.close(receiving)
        os.close(sending)
    assert (bytes(data[:size]), ending) == (frame + END, "end")
    assert not any(data[size:])
