"""Where the exercise of the notebook in hand lies, from inside one of nbgrader's preprocessors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbgrader.coursedir import CourseDirectory


def exercise_path(preprocessor: Any, resources: Any) -> Path:
    """The solution notebook, by the course's own configuration."""
    course = CourseDirectory(parent=preprocessor)
    info = resources["nbgrader"]
    folder = course.format_path(course.source_directory, ".", info["assignment"])
    return Path(folder) / f"{info['notebook']}.ipynb"


def course_folder(preprocessor: Any) -> Path:
    """The course's own folder, where nbgrader_config.py lies."""
    return Path(CourseDirectory(parent=preprocessor).root)
