"""What several tests need: the repository's folder, exercise 1, small exercises and a warm grader of one."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from hypothesis import settings

from autograder.exercise.notebook import Exercise, exercise_from_notebook, read_exercise
from demo.programs import remember_version
from tests import notebooks

if TYPE_CHECKING:
    from autograder.marking.grader import Grader
    from autograder.reference.compute import References

# No deadline: the first use of torch or IPython takes longer than any later one.
settings.register_profile("dojo", deadline=None)
settings.load_profile("dojo")

ROOT = Path(__file__).resolve().parent.parent
# Longest first: with one of these last, one of two processes would wait for the other. (For pytest-xdist to keep the
# order, `make test` says --no-loadscope-reorder: else the files with the most tests come first.)
LONGEST = [
    "test_assignments.py",
    "classroom/test_cluster.py",
    "end_to_end/test_all_exercises.py",
    "hostile/test_broken_files.py",
    "end_to_end/test_interruption.py",
    "end_to_end/test_authors.py",
    "sandbox/host/test_sandbox.py",
    "end_to_end/test_course.py",
    "marking/test_reasons.py",
    "end_to_end/test_programs.py",
    "hostile/test_corpus.py",
    "end_to_end/test_training.py",
    "author/test_backward.py",
    "end_to_end/test_gradebook.py",
    "end_to_end/test_fail_closed.py",
    "sandbox/host/test_program.py",
    "test_cli.py",
]
SECRET = b"the secret of the tests"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from what is collected: there is none in it, and each look took a part of a second.

    It took a third of the time of tests that make many objects. All that comes later is looked at as ever.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files that take longest first; nbgrader, where tests have imported it, need not ask alembic each time."""
    if "nbgrader.api" in sys.modules:
        remember_version()
    rank = {ROOT / "tests" / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


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


@pytest.fixture(scope="session")
def gradebook_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gradebook with an assignment `port` of 8 points and the student ada, to copy: it takes seconds to make one."""
    from nbgrader.api import Gradebook

    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    with Gradebook(f"sqlite:///{path}") as gradebook:
        gradebook.add_assignment("port")
        gradebook.add_notebook("harbour", "port")
        gradebook.add_grade_cell("cmp_dkeel", "harbour", "port", max_score=8, cell_type="code")
        gradebook.add_student("ada")
    return path
