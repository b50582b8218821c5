"""The submissions of one exercise in a run: what is there already, what is graded, and where it is recorded."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

from rich.console import Console

from autograder.classroom.plan import Files, GradebookWriter, Graders, Plan
from autograder.classroom.progress import Tracker
from autograder.course.cache import Cache, Kept, Key, why_again
from autograder.course.folder import CourseError, GradebookError, UnrecordedError, unusable_name
from autograder.course.open_grader import Course
from autograder.course.secret import fingerprint
from autograder.exercise.notebook import Exercise
from autograder.marking.result import REGRADE, SubmissionResult
from autograder.text import one_line

# Errors of a file system that every further submission would meet too.
FOR_ALL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG, errno.EMFILE, errno.ENFILE})


class ExerciseRun:
    """The submissions of one exercise: look() finds those that are to be graded, grade() does it."""

    def __init__(
        self,
        plan: Plan,
        exercise: Exercise,
        files: Files,
        course: Course,
        gradebook: GradebookWriter | None,
    ) -> None:
        self._plan = plan
        self.exercise = exercise
        self.files = files
        self.todo: list[tuple[str, Path]] = []
        self._course = course
        self._gradebook = gradebook
        self.unrecorded: list[str] = []
        self._cache = Cache(course.kept / plan.assignment, exercise, fingerprint(course.secret), course.settings)
        self._keys: dict[str, Key | None] = {}
        self._results: dict[str, SubmissionResult] = {}
        self._unwritten: list[tuple[str, Path, SubmissionResult]] = []
        if gradebook is not None:
            gradebook.check(exercise)

    def close(self) -> None:
        """Close the stored results."""
        self._cache.close()

    def look(self, console: Console) -> None:
        """Take the results that are there already; `todo` is the rest, which is to be graded."""
        refused = {student: reason for student, _ in self.files if (reason := unusable_name(student))}
        files_of = {student: path for student, path in self.files if student not in refused}
        keys = self._keys = {student: self._cache.key(path) for student, path in files_of.items()}
        kept: dict[str, Kept] = {}
        if not self._plan.force:
            kept = {s: found for s in files_of if (found := self._cache.get(s, keys[s])) is not None}
            self._say_why(console)
        unchanged = {student: found.result for student, found in kept.items() if self._holds(files_of[student], found)}
        if unchanged:
            console.print(f"{self.exercise.name}: {len(unchanged)} unchanged since they were graded (--force: all)")
        self._results = {student: self._refused(student, reason) for student, reason in refused.items()} | unchanged
        # What was graded without the gradebook is only written into it.
        self._unwritten = [
            (student, files_of[student], found.result)
            for student, found in kept.items()
            if student not in unchanged and found.complete
        ]
        there = self._results.keys() | {student for student, _, _ in self._unwritten}
        self.todo = [(student, path) for student, path in files_of.items() if student not in there]

    def grade(self, console: Console, stop: threading.Event, graders: Graders) -> list[SubmissionResult]:
        """Return the results in the order of the files, without those that were not begun before `stop` was set."""
        for student, path, result in self._unwritten:
            if not stop.is_set():
                self._done(student, path, result)
        if self.todo and not stop.is_set():
            with Tracker(self.exercise.name, len(self.todo), console) as tracker:
                for student, path, result in graders.grade(self.exercise, self.todo, stop):
                    tracker.advance()
                    self._done(student, path, result)
        return [self._results[student] for student, _ in self.files if student in self._results]

    def _done(self, student: str, path: Path, result: SubmissionResult) -> None:
        """Record a result and keep it."""
        if self._recorded(student, path, result) and self._plan.keep:
            self._cache.put(result, self._keys[student], recorded=self._gradebook is not None)
        self._results[student] = result

    def _say_why(self, console: Console) -> None:
        """Say in one line why submissions that nobody has changed are graded again."""
        changed = [self._cache.changed(student, key) for student, key in self._keys.items()]
        why = why_again(self.exercise.name, self._plan.assignment, changed)
        if why is not None:
            console.print(why, soft_wrap=True, highlight=False, markup=False)

    def _refused(self, student: str, reason: str) -> SubmissionResult:
        """Return the result of a folder that can be no student's; there is nobody in the gradebook to record it for."""
        name, most = one_line(student), self.exercise.max_score
        return SubmissionResult(name, self.exercise.name, "unreadable", 0.0, most, 0.0, error=reason)

    def _holds(self, path: Path, found: Kept) -> bool:
        """Return whether nothing is left to do with a kept result."""
        if self._gradebook is None:
            return True
        student = found.result.student
        return found.recorded and self._gradebook.holds(student, self.exercise, path, found.result)

    def _recorded(self, student: str, path: Path, result: SubmissionResult) -> bool:
        """Write a result into the gradebook, if there is one; return whether it is done. Notes who is left out.

        A fault of the autograder's is no mark: the old one stays. Raises GradebookError and OSError where nobody's
        can be written.
        """
        if result.fault:
            self._leave_out(student, result.error or "it could not be graded")
            return False
        if self._gradebook is not None:
            try:
                self._gradebook.write(student, self.exercise, path, result)
            except (GradebookError, CourseError):
                raise
            except OSError as error:
                if error.errno in FOR_ALL:
                    raise
                self._leave_out(student, f"{error.strerror}: {error.filename}; mend that and run again")
                return False
            except UnrecordedError as error:
                self._leave_out(student, str(error))
                return False
            except Exception as error:  # one bad submission never stops the rest
                self._leave_out(student, f"{type(error).__name__}: {error}; {REGRADE}")
                return False
        return True

    def _leave_out(self, student: str, reason: str) -> None:
        self.unrecorded.append(f"{one_line(student)}/{self.exercise.name} has no new mark: {one_line(reason)}")
