"""What several tests need: the repository's folder, exercise 1 and a small exercise."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from autograder.exercise import Exercise, exercise_from_notebook, read_exercise
from tests import notebooks

# No deadline: the first use of torch or IPython takes longer than any later one.
settings.register_profile("dojo", deadline=None)
settings.load_profile("dojo")

ROOT = Path(__file__).resolve().parent.parent


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
