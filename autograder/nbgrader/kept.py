"""What `nbgrader autograde` need not mark: the results that are kept and in the gradebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat

from autograder.cells.errors import SetupError
from autograder.course.cache import Cache, why_again
from autograder.exercise.notebook import ExerciseError, OrdinaryError
from autograder.nbgrader.mark import MarkByEngine
from autograder.nbgrader.submitted import digest
from autograder.nbgrader.warm import WARM

Given = Mapping[str, Mapping[str, Mapping[str, float]]]
SUBMITTED = "dojo_submitted"  # in an autograded notebook's metadata: a digest of the file that it was made from


def is_marked(converter: Any, assignment: str, student: str, path: Path, given: Given) -> bool:
    """Return whether the gradebook has the marks of a submitted file as it is, for the exercise as it is.

    given: what the gradebook has, by exercise, student and check cell.
    """
    try:
        cache = kept_results(converter, assignment, path)
        key = cache.key(path)
        kept = cache.get(student, key)
        if key is None or kept is None or not kept.recorded:
            return key is None
        there = given.get(path.stem, {}).get(student, {})
        return bool(there) and all(there.get(step.check) == step.points for step in kept.result.steps)
    except OrdinaryError:
        target = Path(converter._format_dest(assignment, student))
        return _graded_from(target / path.name) in ("", digest(path))
    except (ExerciseError, SetupError, OSError):
        return False  # marking it says why


def kept_results(converter: Any, assignment: str, path: Path) -> Cache:
    """Return what is kept of a submitted notebook's exercise. Raises OrdinaryError, ExerciseError, OSError."""
    root, exercises = _folders(converter, assignment)
    return WARM.cache(exercises / path.name, root, MarkByEngine(parent=converter).settings(root), assignment)


def _folders(converter: Any, assignment: str) -> tuple[Path, Path]:
    """Return the course folder and that of the exercises."""
    exercises = converter.coursedir.format_path(converter.coursedir.source_directory, ".", assignment)
    return Path(converter.coursedir.root), Path(exercises).absolute()


def _graded_from(autograded: Path) -> str:
    try:
        return str(nbformat.read(autograded, as_version=4).metadata.get(SUBMITTED, ""))
    except Exception:  # not there, or not ours: nbgrader decides
        return ""


def ready(converter: Any, assignment: str, student: str, paths: Sequence[Path]) -> None:
    """Open the graders of a student's notebooks, where one is needed; they share a start.

    Raises what opening one raises, OrdinaryError excepted.
    """
    root, exercises = _folders(converter, assignment)
    needed = []
    for path in paths:
        with suppress(OrdinaryError):
            cache = kept_results(converter, assignment, path)
            if converter.force or cache.whole(student, cache.key(path)) is None:
                needed.append(exercises / path.name)
    if needed:
        WARM.open(needed, root, MarkByEngine(parent=converter).settings(root))


def say_why(converter: Any, assignment: str, names: list[str]) -> None:
    """Say in one line why submissions that nobody has changed are marked again."""
    for name in names:
        with suppress(ExerciseError, SetupError, OSError):
            cache = kept_results(converter, assignment, Path(name))
            paths = [Path(path) for each in converter.assignments.values() for path in each if Path(path).name == name]
            why = why_again(Path(name).stem, assignment, [cache.changed(p.parts[-3], cache.key(p)) for p in paths])
            if why is not None:
                converter.log.warning("%s", why)
