"""nbgrader gives full marks for whatever it cannot read, so no fault of ours may reach it as anything but a 0."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
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
from autograder.nbgrader.mark import MarkByEngine
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
    """The check cells after MarkByEngine."""
    preprocessor = MarkByEngine(config=Config(CourseDirectory={"source_directory": source_directory}))
    marked, _ = preprocessor.preprocess(copy.deepcopy(notebook), RESOURCES)
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
def test_a_score_that_is_none_becomes_an_explained_0(
    answered: Any, honest: Any, monkeypatch: pytest.MonkeyPatch, score: object
) -> None:
    first, *rest = honest.steps
    steps = (dataclasses.replace(first, points=score), *rest)
    give(monkeypatch, honest, steps)
    cells = run(answered)
    text, mark_given = text_and_score(cells.pop(FIRST))
    assert mark_given == 0.0
    assert REGRADE in text
    assert [text_and_score(cell)[1] for cell in cells.values()] == [1.0] * 25


@pytest.mark.parametrize("score", [0, 1, 0.0, -0.0, 0.5, 1.0], ids=repr)
def test_a_score_within_the_points_stands(
    answered: Any, honest: Any, monkeypatch: pytest.MonkeyPatch, score: float
) -> None:
    first, *rest = honest.steps
    give(monkeypatch, honest, (dataclasses.replace(first, points=score), *rest))
    text, mark_given = text_and_score(run(answered)[FIRST])
    assert mark_given == score
    assert REGRADE not in text


def test_a_step_without_a_result_has_0(answered: Any, honest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, honest, honest.steps[1:])
    cells = run(answered)
    text, score = text_and_score(cells.pop(FIRST))
    assert score == 0.0
    assert REGRADE in text
    assert [text_and_score(cell)[1] for cell in cells.values()] == [1.0] * 25


def give(monkeypatch: pytest.MonkeyPatch, honest: Any, steps: tuple[Any, ...]) -> None:
    """Let the engine answer with these steps."""
    marked = dataclasses.replace(honest, steps=steps)
    monkeypatch.setattr(Grader, "grade", lambda *args, **kwargs: marked)


class TestTheEngineFails:
    def test_it_raises(self, answered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*args: object, **kwargs: object) -> None:
            raise ZeroDivisionError("out of order")

        monkeypatch.setattr(Grader, "grade", fail)
        assert_all_0(run(answered), "ZeroDivisionError: out of order")

    @pytest.mark.parametrize("answer", [None, 26.0, object()], ids=["None", "26.0", "an object"])
    def test_it_answers_nonsense(self, answered: Any, monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
        monkeypatch.setattr(Grader, "grade", lambda *args, **kwargs: answer)
        assert_all_0(run(answered), "AttributeError")

    def test_there_is_no_exercise(self, answered: Any) -> None:
        assert_all_0(run(answered, "no-such-folder"), f"{EXERCISE}.ipynb")

    def test_a_mended_exercise_is_read_again(self, answered: Any, tmp_path: Path) -> None:
        """formgrader's server lives on while the instructor mends a notebook."""
        folder = tmp_path / "solutions" / ASSIGNMENT
        shutil.copytree(ROOT / "solutions" / ASSIGNMENT, folder, ignore=shutil.ignore_patterns(".*"))
        path = folder / f"{EXERCISE}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        check = cells_by_id(notebook)[FIRST]
        for source, score in (("cmp('logprobs', dlogprobs, probs)", 0.0), (check.source, 1.0)):
            check.source = source
            nbformat.write(notebook, path)
            assert text_and_score(run(answered, str(tmp_path / "solutions"))[FIRST])[1] == score

    def test_no_process_starts(self, answered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*args: object, **kwargs: object) -> None:
            raise BlockingIOError("no more processes")

        monkeypatch.setattr("subprocess.Popen", refuse)
        mark.WARM.close()
        try:
            assert_all_0(run(answered), "no more processes")
        finally:
            mark.WARM.close()


def assert_all_0(cells: dict[str, Any], reason: str) -> None:
    assert len(cells) == 26
    for cell in cells.values():
        text, score = text_and_score(cell)
        assert score == 0.0
        assert reason in text
        assert REGRADE in text


def test_an_answer_that_a_person_grades_is_left_to_the_person(answered: Any) -> None:
    """nbgrader's manually graded cells: what the student's code printed is there, and no score of ours."""
    notebook = copy.deepcopy(answered)
    info = copy.deepcopy(cells_by_id(notebook)[FIRST].metadata)
    info["nbgrader"] |= {"grade_id": "essay", "solution": True, "locked": False, "points": 3}
    notebook.cells.append(nbformat.v4.new_code_cell("print('my thoughts')", metadata=info))
    cell = run(notebook)["essay"]
    assert [output.get("text") for output in cell.outputs] == ["my thoughts\n"]
    assert determine_grade(cell) == (None, 3.0)
