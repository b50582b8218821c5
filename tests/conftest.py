"""What several tests need: the repository's folder, exercise 1, small exercises and a warm grader of one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from hypothesis import settings

from autograder.exercise.notebook import Exercise, exercise_from_notebook, read_exercise
from tests import notebooks

if TYPE_CHECKING:
    from autograder.marking.grader import Grader
    from autograder.reference.compute import References

# No deadline: the first use of torch or IPython takes longer than any later one.
settings.register_profile("dojo", deadline=None)
settings.load_profile("dojo")

ROOT = Path(__file__).resolve().parent.parent
SECRET = b"the secret of the tests"


@pytest.fixture(scope="session")
def solution_path() -> Path:
    return ROOT / "solutions" / "backprop" / "1_manual_backprop.ipynb"


@pytest.fixture(scope="session")
def exercise(solution_path: Path) -> Exercise:
    """Exercise 1."""
    return read_exercise(solution_path)


@pytest.fixture(scope="session")
def tide() -> Exercise:
    """The small exercise of tests/notebooks.py."""
    return exercise_from_notebook(notebooks.tide(), Path("tide.ipynb"))


@pytest.fixture(scope="session")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    """The exercise `harbour` of tests/notebooks.py, alone in a folder."""
    path = tmp_path_factory.mktemp("harbour") / "harbour.ipynb"
    nbformat.write(notebooks.harbour(), path)
    return read_exercise(path)


@pytest.fixture(scope="session")
def harbour_references(harbour: Exercise) -> References:
    """Its public case and its hidden ones, on the trusted side."""
    from autograder.reference.compute import compute_references

    return compute_references(harbour, SECRET)


@pytest.fixture(scope="session")
def harbour_grader(harbour: Exercise) -> Iterator[Grader]:
    """A warm grader of `harbour`."""
    from tests.warm import warm_grader  # imports torch

    with warm_grader(harbour) as grader:
        yield grader
