"""The table of ways counts what right answers lost and wrong steps kept."""

from __future__ import annotations

import pytest

from tests.marks.table import show


def result(**points: float) -> dict:
    steps = [
        {"name": name, "points": earned, "max_points": 1.0, "verdict": "wrong", "hint": None, "error": None}
        for name, earned in points.items()
    ]
    return {"steps": steps, "error": None}


MADE = {
    "a": {"way": "one cell", "wrong": []},
    "b": {"way": "one cell", "wrong": ["dx", "dy"]},
    "c": {"way": "a function", "wrong": ["dx"]},
}


def test_show():
    results = {"a": result(dx=1, dy=0.5), "b": result(dx=1, dy=0, dz=0), "c": result(dx=0, dy=1)}
    table = list(show(MADE, results))
    assert [line.split()[-6:] for line in table[1:4]] == [
        ["1", "1", "|", "2", "1", "1"],
        ["0", "0", "|", "1", "0", "0"],
        ["1", "1", "|", "3", "1", "1"],
    ]
    assert [line.partition(",")[0] for line in table[4:]] == ["lost: dy in a", "kept: dx in b", "bystanders: dz in b"]


def test_a_submission_without_marks_is_no_row_of_zeros():
    with pytest.raises(SystemExit, match="b has no marks: crashed"):
        list(show(MADE, {"a": result(dx=1), "b": {"steps": [], "error": "crashed"}, "c": result()}))
