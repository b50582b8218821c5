"""Warm graders and kept results of a process that marks for nbgrader; formgrader's lives for days."""

from __future__ import annotations

import atexit
import contextlib
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from traitlets.log import get_logger

from autograder.course.cache import Cache
from autograder.course.open_grader import Course, begin, open_course, open_grader
from autograder.course.secret import fingerprint
from autograder.course.settings import Settings
from autograder.exercise.notebook import Exercise, OrdinaryError, last_change, read_exercise

if TYPE_CHECKING:
    from autograder.marking.grader import Grader
    from autograder.sandbox.host.sandbox import WarmProcess

MAX_WARM = 4  # exercises of an assignment that keep their warm grader


class WarmGraders:
    """The warm graders of this process, one for each exercise, and the kept results. formgrader outlives many of them.

    A grader is closed as soon as its exercise or settings have changed, or MAX_WARM others were used after it.
    """

    def __init__(self) -> None:
        self._graders: dict[Path, tuple[object, Grader]] = {}
        self._course: tuple[object, Course] | None = None
        self._caches: dict[Path, tuple[object, Cache]] = {}

    def course(self, folder: Path, settings: Settings) -> Course:
        """Return the course; read again where its settings or its secret have changed. Raises what open_course does."""
        key = (folder, settings, _written(settings.secret))
        if self._course is None or self._course[0] != key:
            course = open_course(settings, folder)
            for warning in course.warnings:
                get_logger().warning("%s", warning)
            self._course = (folder, settings, _written(settings.secret)), course
        return self._course[1]

    def cache(self, path: Path, folder: Path, settings: Settings, assignment: str) -> Cache:
        """Return what is kept of the exercise at `path`. Raises OrdinaryError and what opening the course raises."""
        course = self.course(folder, settings)
        key = (last_change(path.parent), course)
        if path not in self._caches or self._caches[path][0] != key:
            if path in self._caches:
                self._caches.pop(path)[1].close()
            secret = fingerprint(course.secret)
            self._caches[path] = key, Cache(course.kept / assignment, exercise_at(path), secret, settings)
        return self._caches[path][1]

    def open(self, paths: Sequence[Path], folder: Path, settings: Settings) -> None:
        """Open the graders of these exercises, all of one folder; they share a start. Ordinary notebooks are left out.

        Raises what open_grader raises.
        """
        course = self.course(folder, settings)
        exercises = []
        for path in paths:
            with contextlib.suppress(OrdinaryError):
                if not self._has(path, course):
                    exercises.append(exercise_at(path))
        begun = begin(course, exercises, 1) if len(exercises) <= MAX_WARM else {}
        try:
            for exercise in exercises:
                self._add(exercise, course, begun.pop(exercise.name, None))
        finally:
            while begun:
                begun.popitem()[1].close()

    def grader(self, path: Path, folder: Path, settings: Settings) -> Grader:
        """Return the grader of the exercise at `path`, of the course in `folder`. Raises what open_grader raises."""
        course = self.course(folder, settings)
        if not self._has(path, course):
            self._add(exercise_at(path), course)
        return self._graders[path][1]

    def opened(self, path: Path, folder: Path, settings: Settings) -> Grader | None:
        """Return the grader of the exercise at `path` where it is open already, else None."""
        return self._graders[path][1] if self._has(path, self.course(folder, settings)) else None

    def close(self) -> None:
        """Close all graders, which ends their processes, and the kept results."""
        for path in list(self._graders):
            self._close(path)
        for path in list(self._caches):
            self._caches.pop(path)[1].close()

    def _has(self, path: Path, course: Course) -> bool:
        """Return whether the grader is there as it should be; one that has changed is closed."""
        if path not in self._graders:
            return False
        if self._graders[path][0] != (last_change(path.parent), course):
            self._close(path)
            return False
        self._graders[path] = self._graders.pop(path)  # at the end: the one used last is closed last
        return True

    def _add(self, exercise: Exercise, course: Course, process: WarmProcess | None = None) -> None:
        while len(self._graders) >= MAX_WARM:
            self._close(next(iter(self._graders)))
        key = last_change(exercise.path.parent), course
        self._graders[exercise.path] = key, open_grader(course, exercise, 1, process)

    def _close(self, path: Path) -> None:
        self._graders.pop(path)[1].close()


WARM = WarmGraders()
atexit.register(WARM.close)


def exercise_at(path: Path) -> Exercise:
    """Return the exercise at `path`; it is read again only when it has changed. Raises ExerciseError, OSError."""
    return _read(path, last_change(path.parent))


@functools.lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> Exercise:
    """Read an exercise. changed: when it was last written, as part of the cache's key."""
    return read_exercise(path)


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
