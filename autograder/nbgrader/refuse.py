"""Refuse to generate an exercise that grading would refuse, in the first step of `nbgrader generate_assignment`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.author.early import early_findings
from autograder.author.finding import Level
from autograder.exercise.notebook import ANSWERS, ExerciseError, exercise_from_notebook, is_ordinary

REFUSED = 1  # exit code


class RefuseFaults(NbGraderPreprocessor):
    """Ends the program with one line for each fault; changes nothing in a notebook without one.

    SystemExit, because nbgrader prints a traceback for any Exception, and an author can do nothing with ours.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Return what it was given. Raises SystemExit where the exercise cannot be graded."""
        name = resources["nbgrader"]["notebook"]
        path = Path(resources["metadata"]["path"]) / f"{name}.ipynb"
        if is_ordinary(nb):
            return nb, resources
        if (path.parent / ANSWERS).is_dir() and ANSWERS not in CourseDirectory(parent=self).ignore:
            cure = f'c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "{ANSWERS}"]'
            self._refuse(
                [f"{path.parent / ANSWERS} would go to the students; nbgrader_config.py needs {cure}"], resources
            )
        try:
            exercise = exercise_from_notebook(nb, path)
            found = early_findings(nb, exercise)
        except ExerciseError as fault:
            self._refuse([str(fault)], resources)
        errors = [finding for finding in found if finding.level is Level.ERROR]
        if errors:
            self._refuse([f"{path}: {finding.said}" for finding in errors], resources)
        return nb, resources

    def _refuse(self, lines: list[str], resources: Any) -> None:
        for line in lines:
            self.log.error("%s", line)
        assignment = resources["nbgrader"].get("assignment")
        self.log.error("not generated; mend this, then look with: autograder check %s", assignment or "")
        if assignment is not None:
            course = CourseDirectory(parent=self)
            # As nbgrader does with an assignment that failed: half of one must not be released.
            shutil.rmtree(course.format_path(course.release_directory, ".", assignment), ignore_errors=True)
        raise SystemExit(REFUSED)
