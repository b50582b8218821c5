"""Where the exercise of the notebook in hand lies, from inside one of nbgrader's preprocessors."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from nbgrader.coursedir import CourseDirectory

from autograder.exercise import Exercise, files_of, read_exercise


def exercise_path(preprocessor: Any, resources: Any) -> Path:
    """The solution notebook, by the course's own configuration."""
    course = CourseDirectory(parent=preprocessor)
    info = resources["nbgrader"]
    folder = course.format_path(course.source_directory, ".", info["assignment"])
    return Path(folder) / f"{info['notebook']}.ipynb"


def exercise_at(path: Path) -> Exercise:
    """The exercise, read once for all its submissions. Raises ExerciseError, OSError."""
    return _read(path, changed(path.parent))


@functools.lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> Exercise:
    """changed: part of the name, because formgrader outlives a mended exercise."""
    return read_exercise(path)


def changed(folder: Path) -> int:
    """When a file of the exercise was last written; 0 where there is none."""
    return max((file.stat().st_mtime_ns for file in files_of(folder)), default=0)


def course_folder(preprocessor: Any) -> Path:
    """The course's own folder, where nbgrader_config.py lies."""
    return Path(CourseDirectory(parent=preprocessor).root)
