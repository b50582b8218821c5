"""A course folder with a gradebook."""

from __future__ import annotations

import shutil

import pytest
from nbgrader.api import Gradebook


@pytest.fixture
def folder(tmp_path, gradebook_file):
    """A course folder whose gradebook has the assignment `port` and the student ada."""
    course = tmp_path / "course"
    course.mkdir()
    shutil.copy(gradebook_file, course)
    return course


@pytest.fixture
def gradebook(folder):
    """Its gradebook, open."""
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as opened:
        yield opened
