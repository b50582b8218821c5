"""A course with one exercise, the example that `autograder new` writes, and ways to break it."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.author.new import write_new
from autograder.exercise.notebook import Exercise, exercise_from_notebook
from tests.conftest import ROOT
from tests.notebooks import by_id

NAME = "1_first"


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of the example's notebook, in a course folder that nobody changes."""
    course = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", course)
    path = course / "solutions" / "line" / f"{NAME}.ipynb"
    write_new(path, None)
    return path


@pytest.fixture(scope="session")
def notebook(example: Path) -> Any:
    return nbformat.read(example, as_version=4)


@pytest.fixture
def changed(notebook: Any, example: Path) -> Callable[..., tuple[Any, Exercise]]:
    """Return the example with pieces of cells replaced, `cell=(before, after)`, and what it is read as."""

    def change(edit: Callable[[Any], None] | None = None, **pieces: tuple[str, str]) -> tuple[Any, Exercise]:
        book = copy.deepcopy(notebook)
        for cell, (before, after) in pieces.items():
            assert before in by_id(book)[cell].source
            by_id(book)[cell].source = by_id(book)[cell].source.replace(before, after)
        if edit is not None:
            edit(book)
        return book, exercise_from_notebook(book, example)

    return change


@pytest.fixture
def course(example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the course to change, as the current folder."""
    folder = tmp_path / "course"
    shutil.copytree(example.parents[2], folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("NBGRADER_EXCHANGE", str(tmp_path / "exchange"))
    yield folder
    os.chdir(ROOT)
