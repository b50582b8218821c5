"""The warm graders of a process, and the kept results."""

from __future__ import annotations

import os
from dataclasses import replace

import nbformat
import psutil
import pytest
from traitlets.config import Config

from autograder.cells.errors import SetupError
from autograder.course.settings import settings_from_config
from autograder.nbgrader.warm import MAX_WARM, WarmGraders
from autograder.sandbox.limits import Limits
from tests.notebooks import by_id, code, harbour, notebook


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

    def test_several_share_a_process(self, course, warm):
        folder, settings = course
        before = processes()
        paths = [folder / "solutions" / name for name in ("harbour.ipynb", "more.ipynb", "ordinary.ipynb")]
        nbformat.write(harbour(), paths[1])
        nbformat.write(notebook(code("1 + 1")), paths[2])
        warm.open(paths, folder, settings)
        assert len(processes() - before) == 1
        graders = [warm.grader(path, folder, settings) for path in paths[:2]]
        assert len(processes() - before) == 1
        warm.open(paths, folder, settings)
        assert [warm.grader(path, folder, settings) for path in paths[:2]] == graders
        os.utime(paths[0], (2**31, 2**31))  # both have changed: what lies beside one lies beside the other
        warm.open(paths, folder, settings)
        assert len(processes() - before) == 1
        assert warm.grader(paths[0], folder, settings) is not graders[0]
        warm.close()
        assert processes() == before

    def test_one_that_cannot_be_opened_leaves_no_process(self, course, warm):
        folder, settings = course
        broken = harbour()
        by_id(broken)["data"].source = "1 / 0"
        paths = [folder / "solutions" / name for name in ("harbour.ipynb", "more.ipynb", "third.ipynb")]
        nbformat.write(broken, paths[1])
        nbformat.write(harbour(), paths[2])
        before = processes()
        with pytest.raises(SetupError, match="ZeroDivisionError"):
            warm.open(paths, folder, settings)
        warm.close()
        assert processes() == before


class TestKeptResults:
    def test_they_are_the_same_until_the_exercise_or_the_secret_changes(self, course, warm):
        folder, settings = course
        path = folder / "solutions" / "harbour.ipynb"
        first = warm.cache(path, folder, settings, "port")
        assert warm.cache(path, folder, settings, "port") is first
        os.utime(path, ns=(1, 1))
        second = warm.cache(path, folder, settings, "port")
        assert second is not first
        settings.secret.write_text("another secret" * 8)
        submitted = folder / "ada.ipynb"
        nbformat.write(harbour(), submitted)
        third = warm.cache(path, folder, settings, "port")
        assert second.key(submitted).changed(third.key(submitted)) == ("secret",)
