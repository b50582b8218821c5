"""An exercise as the gradebook has it."""

from __future__ import annotations

from nbgrader.api import Gradebook

from autograder.exercise.changes import changes
from autograder.nbgrader.released import released_notebook


def test_it_has_what_was_released(port):
    with Gradebook(port.db_url) as gradebook:
        found = released_notebook(gradebook.find_notebook("harbour", "port"), gradebook.db)
    assert set(found.names.values()) == {name for name in port.exercise.cells if name.startswith(("cmp_", "d"))} - {
        "data"
    }
    assert found.cells["cmp_dkeel"].points == 1.0
    assert found.cells["forward"].source == port.exercise.forward
    assert changes(port.exercise, found.cells, "it") == []
