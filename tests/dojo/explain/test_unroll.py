"""One unroller for the students' trial and for grading."""

from __future__ import annotations

from pathlib import Path

from autograder.dojo.explain import unroll as students
from autograder.exercise import unroll as grading


def test_it_is_the_module_that_grading_has():
    assert Path(grading.__file__).resolve() == Path(students.__file__).resolve()


def test_a_loop_is_its_turns_with_each_name_once():
    found = students.unroll("h = x\nfor t in range(T):\n    h = h * t\nloss = h.sum()", {"T": 3})
    assert [line.source for line in found] == [
        "_h_3 = x",
        "_h_2 = _h_3 * 0",
        "_h_1 = _h_2 * 1",
        "h = _h_1 * 2",
        "loss = h.sum()",
    ]
