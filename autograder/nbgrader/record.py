"""autograde, last part: the marks into the gradebook, in one transaction where SaveAutoGrades takes one a cell."""

from __future__ import annotations

from typing import Any

from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.nbgrader.gradebook import Recorder


class RecordMarks(NbGraderPreprocessor):
    """SaveAutoGrades, all or nothing and without a query for every cell."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Record the scores and comments of one autograded notebook."""
        info = resources["nbgrader"]
        with Recorder(info["db_url"]) as recorder:
            recorder.record(info["student"], info["assignment"], info["notebook"], nb)
        return nb, resources
