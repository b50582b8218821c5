"""The warm graders that nbgrader's step keeps, and what it is told."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import nbformat
import psutil
import pytest
from traitlets import TraitError
from traitlets.config import Config
from traitlets.config.loader import KeyValueConfigLoader

from autograder.course.settings import settings_from_config
from autograder.nbgrader.mark import MAX_WARM, MarkByEngine, WarmGraders
from autograder.sandbox.limits import Limits
from tests.notebooks import harbour


@pytest.fixture
def course(tmp_path):
    """A course folder with one exercise, and its settings: without bubblewrap, which starts faster."""
    (tmp_path / "solutions").mkdir()
    nbformat.write(harbour(), tmp_path / "solutions" / "harbour.ipynb")
    return tmp_path, settings_from_config(Config(MarkByEngine={"isolation": "process"}), tmp_path)


@pytest.fixture
def warm():
    graders = WarmGraders()
    yield graders
    graders.close()


def processes() -> set[int]:
    return {child.pid for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE}


class TestWarmGraders:
    def test_the_same_exercise_has_the_same_grader(self, course, warm):
        folder, settings = course
        path = folder / "solutions" / "harbour.ipynb"
        assert warm.grader(path, folder, settings) is warm.grader(path, folder, settings)

    def test_one_that_is_replaced_is_closed(self, course, warm):
        """formgrader is one process: six saves of an exercise used to leave six warm graders behind."""
        folder, settings = course
        path = folder / "solutions" / "harbour.ipynb"
        before = processes()
        for saved in range(3):
            os.utime(path, ns=(saved, saved))
            warm.grader(path, folder, settings)
            assert len(processes() - before) == 1
        warm.grader(path, folder, replace(settings, limits=Limits(cell_seconds=1.0)))
        assert len(processes() - before) == 1
        warm.close()
        assert processes() == before

    def test_there_are_only_so_many(self, course, warm):
        folder, settings = course
        before = processes()
        paths = [folder / "solutions" / f"harbour{number}.ipynb" for number in range(MAX_WARM + 1)]
        for path in paths:
            nbformat.write(harbour(), path)
            warm.grader(path, folder, settings)
        assert len(processes() - before) == MAX_WARM


class TestSettings:
    def test_those_of_the_command_line_count(self):
        arguments = ["--MarkByEngine.credit={'exact': 0}", "--MarkByEngine.limits={'cell_seconds': 3}"]
        config = KeyValueConfigLoader(argv=arguments).load_config()
        settings = MarkByEngine(config=config).settings(Path("course"))
        assert (settings.credit["exact"], settings.limits.cell_seconds) == (0.0, 3.0)

    def test_one_that_cannot_be_is_refused(self):
        with pytest.raises(TraitError, match="hard-coded has 2, expected a number from 0 to 1"):
            MarkByEngine(config=Config(MarkByEngine={"credit": {"hard-coded": 2}}))
