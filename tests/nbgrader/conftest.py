"""A course whose gradebook knows `harbour` as released, made without nbgrader's slow commands."""

from __future__ import annotations

import copy
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.preprocessors import ComputeChecksums, SaveCells
from traitlets.config import Config

from autograder.dojo import Comparison
from autograder.exercise.notebook import Exercise, read_exercise
from autograder.marking.result import StepResult, SubmissionResult
from autograder.marking.verdict import Verdict
from tests.notebooks import harbour

RIGHT = Comparison(True, True, 0.0)
FAR = Comparison(False, False, 1.5)


@dataclass(frozen=True)
class Port:
    """The course. released: the notebook with its checksums, as students get it but for the solutions."""

    folder: Path
    exercise: Exercise
    released: Any

    @property
    def db_url(self) -> str:
        return f"sqlite:///{self.folder / 'gradebook.db'}"

    @property
    def config(self) -> Config:
        """The configuration of nbgrader for this folder."""
        course = {"root": str(self.folder), "source_directory": "solutions", "course_id": "harbour-course"}
        return Config(CourseDirectory=course | {"db_url": self.db_url})

    def hand_in(self, student: str, notebook: Any = None, timestamp: str | None = None) -> Path:
        """Put a notebook, the released one where none is given, where collecting would."""
        folder = self.folder / "submitted" / student / "port"
        folder.mkdir(parents=True)
        nbformat.write(copy.deepcopy(self.released if notebook is None else notebook), folder / "harbour.ipynb")
        if timestamp is not None:
            (folder / "timestamp.txt").write_text(timestamp)
        return folder / "harbour.ipynb"

    def result(self, wrong: Mapping[str, float] = {}, **more: Any) -> SubmissionResult:
        """A result with all points, but for steps that are wrong and have these."""
        steps = tuple(
            StepResult(
                *(s.name, s.label, s.check, Verdict.WRONG if s.name in wrong else Verdict.EXACT),
                *(wrong.get(s.name, s.points), s.points, FAR if s.name in wrong else RIGHT),
            )
            for s in self.exercise.steps
        )
        score = sum(step.points for step in steps)
        return SubmissionResult("ada", "harbour", "graded", score, 8.0, 0.1, steps=steps, **more)


@pytest.fixture(scope="session")
def port_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The folder of the course, made once, and the released notebook."""
    folder = tmp_path_factory.mktemp("port") / "course"
    source = folder / "solutions" / "port"
    source.mkdir(parents=True)
    nbformat.write(harbour(), source / "harbour.ipynb")
    (source / "chart.txt").write_text("here be dragons")
    url = f"sqlite:///{folder / 'gradebook.db'}"
    with pytest.MonkeyPatch.context() as patch:
        # A new gradebook calls alembic by name.
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        with Gradebook(url) as gradebook:
            gradebook.add_assignment("port", duedate="2024-05-02 12:00:00 UTC")
    released = harbour()
    resources = {"nbgrader": {"assignment": "port", "notebook": "harbour", "db_url": url}}
    for step in (ComputeChecksums(), SaveCells()):
        released, _ = step.preprocess(released, resources)
    return folder, released


@pytest.fixture
def port(port_once: tuple[Path, Any], tmp_path: Path) -> Port:
    """A copy of the course in which nobody has submitted."""
    folder, released = port_once
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return Port(tmp_path, read_exercise(tmp_path / "solutions" / "port" / "harbour.ipynb"), copy.deepcopy(released))
