"""nbgrader gives full marks for whatever it cannot read, and a 0 of ours is nobody's: a fault stops before either."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
import re
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from nbgrader.utils import determine_grade
from traitlets.config import Config

from autograder.marking.grader import Grader
from autograder.nbgrader import mark
from autograder.nbgrader.mark import MarkByEngine, NotMarkedError
from demo.commands import ASSIGNMENT, ROOT, new_course
from demo.sample_class import cells_by_id, solved

from .classroom import EXERCISE, checks

RESOURCES = {"nbgrader": {"student": "ada", "assignment": ASSIGNMENT, "notebook": EXERCISE}}
REGRADE = "grade it again"
FIRST = "cmp_dlogprobs"


@pytest.fixture(scope="module", autouse=True)
def _course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All of it happens in a course folder of its own: the engine writes its secret there."""
    course = new_course(tmp_path_factory.mktemp("course") / "course")
    with contextlib.chdir(course.folder):
        yield


@pytest.fixture(scope="module")
def answered() -> Any:
    """The released notebook, solved; as it reaches MarkByEngine."""
    released, solution = (
        nbformat.read(ROOT / part / ASSIGNMENT / f"{EXERCISE}.ipynb", as_version=4)
        for part in ("assignments", "solutions")
    )
    return solved(released, solution)


@pytest.fixture(scope="module")
def honest(answered: Any) -> Any:
    """What the engine says of the solved notebook, untouched."""
    marks = []
    with pytest.MonkeyPatch.context() as patch:
        real = Grader.grade
        patch.setattr(Grader, "grade", lambda *args, **kwargs: marks.append(real(*args, **kwargs)) or marks[-1])
        run(answered)
    return marks[0]


def run(notebook: Any, source_directory: str = "solutions") -> dict[str, Any]:
    """The check cells after MarkByEngine. The notebook is handed in; nothing is kept of an earlier one."""
    shutil.rmtree(Path(".autograder", ASSIGNMENT), ignore_errors=True)
    submitted = Path("submitted", "ada", ASSIGNMENT, f"{EXERCISE}.ipynb")
    submitted.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, submitted)
    restored = copy.deepcopy(notebook)
    mark.number_cells(restored)
    preprocessor = MarkByEngine(config=Config(CourseDirectory={"source_directory": source_directory}))
    marked, _ = preprocessor.preprocess(restored, RESOURCES)
    return checks(marked)


def text_and_score(cell: Any) -> tuple[str, float]:
    """What the cell says and the score that nbgrader reads from it."""
    stream, result = cell.outputs
    assert (stream.name, result.output_type) == ("stdout", "execute_result")
    score, _ = determine_grade(cell)
    assert result.data["text/plain"] == repr(score)
    return stream.text, score


def test_the_solved_notebook_has_all_marks(answered: Any) -> None:
    """The tests below take marks away from this."""
    assert [text_and_score(cell)[1] for cell in run(answered).values()] == [1.0] * 26


BAD_SCORES = [
    *(math.nan, math.inf, -math.inf, -1.0, -1e-9, 1.0000001, 26, None, True, "1.0", "full", "", [1.0], (), {}),
    *(1j, Fraction(1, 2), torch.tensor(1.0), torch.nan, object),
]


@pytest.mark.parametrize("score", BAD_SCORES, ids=repr)
def test_a_score_that_is_none_is_no_mark(
    answered: Any, honest: Any, monkeypatch: pytest.MonkeyPatch, score: object
) -> None:
    first, *rest = honest.steps
    give(monkeypatch, honest, (dataclasses.replace(first, points=score), *rest))
    assert_no_mark(answered, "not a number from 0 to 1")


@pytest.mark.parametrize("score", [0, 1, 0.0, -0.0, 0.5, 1.0], ids=repr)
def test_a_score_within_the_points_stands(
    answered: Any, honest: Any, monkeypatch: pytest.MonkeyPatch, score: float
) -> None:
    first, *rest = honest.steps
    give(monkeypatch, honest, (dataclasses.replace(first, points=score), *rest))
    text, mark_given = text_and_score(run(answered)[FIRST])
    assert mark_given == score
    assert REGRADE not in text


def test_a_step_without_a_result_is_no_mark(answered: Any, honest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, honest, honest.steps[1:])
    assert_no_mark(answered, FIRST)


def test_a_submission_that_could_not_be_graded_is_no_mark(
    answered: Any, honest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = dataclasses.replace(honest, steps=(), status="crashed", error=f"out of memory; {REGRADE}", fault=True)
    monkeypatch.setattr(Grader, "grade", lambda *args, **kwargs: failed)
    assert_no_mark(answered, "out of memory")


def give(monkeypatch: pytest.MonkeyPatch, honest: Any, steps: tuple[Any, ...]) -> None:
    """Let the engine answer with these steps."""
    marked = dataclasses.replace(honest, steps=steps)
    monkeypatch.setattr(Grader, "grade", lambda *args, **kwargs: marked)


def test_what_is_no_mark_is_not_kept(answered: Any, honest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the next run would take it for one."""
    with monkeypatch.context() as patch:
        give(patch, honest, honest.steps[1:])
        assert_no_mark(answered, FIRST)
    assert not list(Path(".autograder", ASSIGNMENT).rglob("*.db"))
    assert text_and_score(run(answered)[FIRST])[1] == 1.0
    assert len(list(Path(".autograder", ASSIGNMENT).rglob("*.db"))) == 1


class TestTheEngineFails:
    def test_it_raises(self, answered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*args: object, **kwargs: object) -> None:
            raise ZeroDivisionError("out of order")

        monkeypatch.setattr(Grader, "grade", fail)
        assert_no_mark(answered, "ZeroDivisionError: out of order")

    @pytest.mark.parametrize("answer", [None, 26.0, object()], ids=["None", "26.0", "an object"])
    def test_it_answers_nonsense(self, answered: Any, monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
        monkeypatch.setattr(Grader, "grade", lambda *args, **kwargs: answer)
        assert_no_mark(answered, "AttributeError")

    def test_there_is_no_exercise(self, answered: Any) -> None:
        assert_no_mark(answered, f"{EXERCISE}.ipynb", "no-such-folder")

    def test_a_mended_exercise_is_read_again(self, answered: Any, tmp_path: Path) -> None:
        """formgrader's server lives on while the instructor mends a notebook."""
        folder = tmp_path / "solutions" / ASSIGNMENT
        shutil.copytree(ROOT / "solutions" / ASSIGNMENT, folder, ignore=shutil.ignore_patterns(".*"))
        path = folder / f"{EXERCISE}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        check = cells_by_id(notebook)[FIRST]
        right = check.source
        check.source = "cmp('logprobs', dlogprobs, probs)"
        nbformat.write(notebook, path)
        assert text_and_score(run(answered, str(tmp_path / "solutions"))[FIRST])[1] == 0.0
        check.source = right
        nbformat.write(notebook, path)
        assert text_and_score(run(answered, str(tmp_path / "solutions"))[FIRST])[1] == 1.0

    def test_no_process_starts(self, answered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*args: object, **kwargs: object) -> None:
            raise BlockingIOError("no more processes")

        monkeypatch.setattr("subprocess.Popen", refuse)
        mark.WARM.close()
        try:
            assert_no_mark(answered, "no more processes")
        finally:
            mark.WARM.close()


def assert_no_mark(answered: Any, reason: str, source_directory: str = "solutions") -> None:
    """nbgrader meets an exception in the place of outputs that it would read as scores."""
    with pytest.raises(NotMarkedError, match=re.escape(reason)) as failed:
        run(answered, source_directory)
    assert "has no new mark" in str(failed.value)
    assert REGRADE in str(failed.value)


def test_an_answer_that_a_person_grades_is_left_to_the_person(answered: Any) -> None:
    """nbgrader's manually graded cells: what the student's code printed is there, and no score of ours."""
    notebook = copy.deepcopy(answered)
    info = copy.deepcopy(cells_by_id(notebook)[FIRST].metadata)
    info["nbgrader"] |= {"grade_id": "essay", "solution": True, "locked": False, "points": 3}
    notebook.cells.append(nbformat.v4.new_code_cell("print('my thoughts')", metadata=info))
    cell = run(notebook)["essay"]
    assert [output.get("text") for output in cell.outputs] == ["my thoughts\n"]
    assert determine_grade(cell) == (None, 3.0)
