"""A graded class as a table: a row for each student, from what grading keeps and what the gradebook has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course.cache import Cache, Kept
from autograder.course.register import Register, Standing
from autograder.exercise.notebook import Exercise
from autograder.marking.result import SubmissionResult


@dataclass(frozen=True)
class Row:
    """One student.

    results: by exercise, where it was graded. recorded: the exercises whose result is in the gradebook. missing:
    exercises that were not handed in. outdated: exercises handed in that were not graded as they are now.
    """

    student: str
    standing: Standing = field(default_factory=Standing)
    results: Mapping[str, SubmissionResult] = field(default_factory=dict)
    recorded: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()

    def score(self, exercise: str) -> float | None:
        """Return the marks of an exercise, a person's included; 0 where it is missing, None where it is not graded."""
        if exercise in self.standing.scores and (exercise in self.recorded or exercise not in self.results):
            return self.standing.scores[exercise]
        if exercise in self.results:
            return self.results[exercise].score
        return 0.0 if exercise in self.missing else None

    @property
    def total(self) -> float:
        """Return the marks of all exercises, less the penalty for being late."""
        exercises = self.results.keys() | self.standing.scores.keys()
        return max(0.0, sum(self.score(name) or 0.0 for name in exercises) - self.standing.penalty)

    @property
    def flags(self) -> tuple[str, ...]:
        """Return what grading noted for the instructor, each with its exercise."""
        found = []
        for name, result in self.results.items():
            ended = [] if result.error is None else [f"{result.status}: {result.error}"]
            found += [f"{name}: {note}" for note in (*ended, *result.flags)]
        return tuple(found)


@dataclass(frozen=True)
class Overview:
    """One assignment of a class. points: the most that an exercise gives."""

    assignment: str
    exercises: tuple[Exercise, ...]
    points: Mapping[str, float]
    rows: tuple[Row, ...]
    register: Register = field(default_factory=Register)

    @property
    def submitted(self) -> tuple[Row, ...]:
        """Return the students of whom at least one exercise was graded."""
        return tuple(row for row in self.rows if row.results)

    def results(self, exercise: str) -> list[SubmissionResult]:
        """Return the results of an exercise whose steps were marked."""
        return [row.results[exercise] for row in self.rows if exercise in row.results and row.results[exercise].steps]

    def marks(self, exercise: str | None = None) -> list[float]:
        """Return the marks of those who handed something in: of one exercise, or of all together."""
        if exercise is None:
            return [row.total for row in self.submitted]
        return [row.score(exercise) or 0.0 for row in self.submitted if exercise in row.results]


def read_overview(
    assignment: str,
    exercises: Sequence[tuple[Exercise, Cache]],
    files: Mapping[str, Mapping[str, Path]],
    register: Register,
    wanted: Iterable[str] | None = None,
) -> Overview:
    """Put together what is kept of an assignment.

    files: the submitted file of an exercise by its name and by student; it may be missing. wanted: these students only.
    """
    kept = {exercise.name: {each.result.student: each for each in cache.all()} for exercise, cache in exercises}
    handed_in = {student for by_student in files.values() for student in by_student}
    students = register.standings.keys() | handed_in if register.standings or handed_in else set()
    students = students if wanted is None else students & set(wanted)
    rows = []
    for student in sorted(students):
        mine: dict[str, Kept] = {}
        missing, outdated = [], []
        for exercise, cache in exercises:
            path = files.get(exercise.name, {}).get(student)
            found = kept[exercise.name].get(student)
            if path is None or not path.exists():
                missing.append(exercise.name)
            elif found is None:
                outdated.append(exercise.name)
            else:
                mine[exercise.name] = found
                key = cache.key(path)
                if found.key is not None and key is not None and found.key.changed(key):
                    outdated.append(exercise.name)
        rows.append(
            Row(
                student,
                register.standings.get(student, Standing()),
                {name: found.result for name, found in mine.items()},
                frozenset(name for name, found in mine.items() if found.recorded),
                tuple(missing),
                tuple(outdated),
            )
        )
    points = {e.name: max(e.max_score, register.max_scores.get(e.name, 0.0)) for e, _ in exercises}
    return Overview(assignment, tuple(exercise for exercise, _ in exercises), points, tuple(rows), register)
