"""What takes too long is ended, and no alarm is left."""

from __future__ import annotations

import gc
import signal
import sys
import time

import pytest

from autograder.dojo.trial.deadline import LateError, deadline


def test_it_is_ended_whatever_it_catches():
    def stubborn():
        try:
            while True:
                pass
        except Exception:
            pass

    with pytest.raises(LateError), deadline(0.1):
        stubborn()


def test_what_is_in_time_is_left_alone_and_no_alarm_stays():
    before = signal.getsignal(signal.SIGALRM)
    with deadline(0.1):
        pass
    time.sleep(0.2)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_what_a_callback_loses_is_raised_again(monkeypatch):
    lost = []
    monkeypatch.setattr(sys, "unraisablehook", lost.append)

    def slow(phase, info):
        end = time.monotonic() + 0.15
        while time.monotonic() < end:
            pass

    def collect_and_stay():
        gc.collect()
        while True:
            pass

    gc.callbacks.append(slow)
    try:
        with pytest.raises(LateError), deadline(0.05):
            collect_and_stay()
    finally:
        gc.callbacks.remove(slow)
    assert lost[0].exc_type is LateError
