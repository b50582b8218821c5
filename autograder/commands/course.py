"""The course in the current folder, for commands that look at what grading has kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.classroom.overview import Overview, read_overview
from autograder.course.cache import Cache
from autograder.course.folder import KEPT, CourseError, find_exercises, find_submissions
from autograder.course.secret import fingerprint, read_or_create
from autograder.course.settings import Settings, load_config, settings_from_config
from autograder.exercise.notebook import Exercise, OrdinaryError, read_exercise

if TYPE_CHECKING:
    from autograder.nbgrader.direct import DirectGradebook


@dataclass(frozen=True)
class CourseFolder:
    """Where things lie. config: nbgrader's configuration. The others but `settings`: names of folders."""

    config: Any
    settings: Settings
    submitted: str
    autograded: str
    feedback: str
    released: str

    @classmethod
    def here(cls) -> CourseFolder:
        """Return the course in the current folder. Raises SettingsError."""
        config = load_config(Path())
        section = config.get("CourseDirectory", {})
        submitted, autograded, feedback, released = (
            str(section.get(f"{name}_directory", name)) for name in ("submitted", "autograded", "feedback", "release")
        )
        return cls(config, settings_from_config(config, Path()), submitted, autograded, feedback, released)

    def exercises(self, assignment: str) -> list[tuple[Exercise, Cache]]:
        """Return the exercises with what is kept of them. Raises CourseError, ExerciseError, SecretError, OSError."""
        there = self.settings.secret.exists()  # grading makes it, and says so
        secret = fingerprint(read_or_create(self.settings.secret)[0]) if there else ""
        found = []
        for path in find_exercises(assignment):
            try:
                exercise = read_exercise(path)
            except OrdinaryError:  # nbgrader's own kind: nothing of ours is kept of it
                continue
            found.append((exercise, Cache(KEPT / assignment, exercise, secret, self.settings)))
        return found

    def files(self, assignment: str, exercise: str) -> dict[str, Path]:
        """Return the submitted files of an exercise by student; one may be missing in its folder."""
        try:
            return dict(find_submissions(Path(self.submitted), assignment, exercise))
        except CourseError:  # nobody has submitted
            return {}

    def overview(self, assignment: str, pattern: str = "*") -> Overview:
        """Return the class as grading and the gradebook have it; only students who match the pattern."""
        from autograder.nbgrader.register import read_register

        exercises = self.exercises(assignment)
        files = {exercise.name: self.files(assignment, exercise.name) for exercise, _ in exercises}
        folders = {student: path.parent for by_student in files.values() for student, path in by_student.items()}
        register = read_register(self.config, assignment, folders)
        students = register.standings.keys() | folders.keys()
        wanted = [name for name in students if fnmatchcase(name, pattern)]
        return read_overview(assignment, exercises, files, register, wanted)

    def gradebook(self, assignment: str) -> DirectGradebook:
        """Return what writes into the gradebook; a context manager. Raises GradebookError, SettingsError."""
        from autograder.nbgrader.direct import DirectGradebook

        return DirectGradebook(self.config, assignment)

    def marks(
        self, assignment: str, exercises: list[tuple[Exercise, Cache]]
    ) -> dict[tuple[str, str], Mapping[str, float]]:
        """Return the points that were given by check cell, by (student, exercise): the gradebook's, else those kept."""
        from autograder.nbgrader.register import marks_given

        found: dict[tuple[str, str], Mapping[str, float]] = {}
        for exercise, cache in exercises:
            for kept in cache.all():
                result = kept.result
                found[result.student, exercise.name] = {step.check: step.points for step in result.steps}
            for student, marks in marks_given(self.config, assignment, exercise.name).items():
                found[student, exercise.name] = marks
        return found
