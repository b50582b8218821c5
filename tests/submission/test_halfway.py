"""Which d-variables were only half made when a cell raised."""

import pytest

from autograder.sandbox.messages import ScriptCell
from autograder.submission.halfway import half_made

NAMES = {"da", "db"}
LOOP = "da = zeros(3)\nfor i in range(4):\n    da[i] = x[i]\ndb = da"


@pytest.mark.parametrize(
    ("source", "line", "lost"),
    [
        (LOOP, 3, {"da"}),
        (LOOP, 4, {"db"}),
        (LOOP, 1, {"da"}),
        ("da = 1\nplt.plot(da)", 2, set()),
        ("for i in range(4):\n    if i == 0:\n        da = 1\n    if i == 1:\n        oops", 5, set()),
        ("for i in range(4):\n    t = x[i]\n    da += t", 2, {"da"}),
        ("if True:\n    da = 1\n    db = oops", 3, {"db"}),
        ("with no_grad():\n    da = 1\n    oops", 3, set()),
        ("def f():\n    da = oops\nf()", 3, set()),
        ("da = (\n    x\n    + oops\n)", 3, {"da"}),
        ("this is no Python", 1, set()),
    ],
)
def test_by_the_line_that_raised(source: str, line: int, lost: set[str]) -> None:
    assert half_made([ScriptCell(0, source, ("da", "db"))], {0: line}, NAMES) == lost


def test_a_later_cell_makes_it_again() -> None:
    script = [ScriptCell(0, LOOP, ()), ScriptCell(1, "da = 3", ("da", "db"))]
    assert half_made(script, {0: 3}, NAMES) == set()


def test_not_what_was_recorded_before() -> None:
    script = [ScriptCell(0, "da = 3", ("da",)), ScriptCell(1, "da += oops", ("db",))]
    assert half_made(script, {1: 1}, NAMES) == set()
