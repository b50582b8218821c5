"""Who changed a locked cell."""

from __future__ import annotations

from nbgrader.utils import compute_checksum

from autograder.submission.notebook import submission_from_notebook
from autograder.submission.release import is_as_released
from tests.notebooks import by_id, tide


def released():
    """The small exercise with the checksums that nbgrader writes when it generates an assignment."""
    notebook = tide()
    for cell in by_id(notebook).values():
        cell.metadata["nbgrader"]["checksum"] = compute_checksum(cell)
    return notebook


def test_every_released_cell_is_known_by_its_checksum():
    assert all(map(is_as_released, by_id(released()).values()))


def test_an_edited_one_is_not():
    cell = by_id(released())["forward"]
    cell.source += "\nloss = 0"
    assert not is_as_released(cell)


def test_an_older_release_is_called_that_with_how_to_get_the_new_one(tide):
    notebook = tide_of_before()
    (flag,) = submission_from_notebook(notebook, tide).flags
    assert flag.startswith("sizes: of an older release, which the student did not edit")
    assert "nbgrader fetch_assignment" in flag


def tide_of_before():
    notebook = tide()
    cell = by_id(notebook)["sizes"]
    cell.source = "size = 4"
    cell.metadata["nbgrader"]["checksum"] = compute_checksum(cell)
    return notebook
