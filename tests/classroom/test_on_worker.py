"""A station grades on its worker, stays there, and leaves nothing when it is let go."""

from __future__ import annotations

import pickle
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from autograder.classroom import on_worker
from autograder.classroom.on_worker import grade, prepare
from autograder.sandbox.host.bubblewrap import IsolationError


@pytest.fixture
def open_kits(monkeypatch):
    there = []

    @contextmanager
    def opened_kit(kit, lines):
        if kit == "none":
            raise IsolationError("no namespaces here")
        there.append((kit, lines))
        yield SimpleNamespace(grade_files=lambda student, files: (student, files))
        there.remove((kit, lines))

    monkeypatch.setattr(on_worker, "opened_kit", opened_kit)
    return there


def test_it_grades_and_ends_when_nobody_holds_it(open_kits):
    station = prepare("kit", 2)
    assert open_kits == [("kit", 2)]
    assert grade(station, [("ada", "hers"), ("ben", "his")]) == [("ada", "hers"), ("ben", "his")]
    del station
    assert open_kits == []


def test_it_cannot_be_written_to_a_disk_or_sent(open_kits):
    station = prepare("kit", 1)
    with pytest.raises(TypeError, match="stays on its worker"):
        pickle.dumps(station)
    assert open_kits


def test_a_kit_that_cannot_be_opened_says_why(open_kits):
    with pytest.raises(IsolationError, match="no namespaces here"):
        prepare("none", 1)
