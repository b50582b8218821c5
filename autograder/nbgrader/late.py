"""Late penalties: for all submissions of an assignment at each run, whether or not they are graded again."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nbgrader.api import Assignment, Gradebook, MissingEntry, SubmittedAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import AssignLatePenalties
from traitlets import Float, Integer, TraitError
from traitlets.config import Config

from autograder.course.settings import SettingsError
from autograder.marking.result import Late
from autograder.nbgrader.submitted import submitted_at
from autograder.text import one_line

DAY = 86_400


class LatePolicy(LateSubmissionPlugin):
    """Takes a part of the marks for each day begun, after a grace period and a student's free days."""

    percent_per_day = Float(0.0, help="The part of the marks, in per cent, that each day begun costs.").tag(config=True)
    grace_minutes = Float(0.0, help="Minutes after the due date that do not count as late.").tag(config=True)
    late_days = Integer(0, help="Days that each student may be late in all assignments together for nothing.").tag(
        config=True
    )

    def days(self, seconds_late: float) -> int:
        """Return how many days were begun after the due date and the grace period."""
        return math.ceil(max(0.0, seconds_late - 60 * float(self.grace_minutes)) / DAY)

    def penalty(self, score: float, days: int) -> float:
        """Return what so many days that are not free cost of a score."""
        if days > 0 and self.penalty_method == "zero":
            return score
        return min(score, score * days * float(self.percent_per_day) / 100)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float:
        """Return the penalty as nbgrader asks for it, which knows nothing of free days."""
        return self.penalty(score, self.days(total_seconds_late))


def late_plugin(config: Config) -> Any:
    """Return the course's plugin for late submissions, which may lie in the course folder. Raises SettingsError."""
    root = str(Path(CourseDirectory(config=config).root))
    if root not in sys.path:
        sys.path.insert(0, root)
    try:
        # An exporter's configuration has settings for all its own steps, of which nbgrader's step would warn.
        own = Config({name: part for name, part in config.items() if name != "NbConvertBase"})
        step = AssignLatePenalties(config=own)
        step.init_plugin()
    except (TraitError, ImportError, SyntaxError) as error:
        raise SettingsError(
            f"AssignLatePenalties.plugin_class: {one_line(str(error))}; mend nbgrader_config.py"
        ) from None
    return step.plugin_inst


def late_of(plugin: Any, row: SubmittedAssignment) -> Late:
    """Return how late a submission is, by the course's policy, with the penalty that the gradebook has.

    Earlier due dates use up the free days first.
    """
    penalty = sum(each.late_submission_penalty or 0.0 for each in row.notebooks)
    if not isinstance(plugin, LatePolicy):
        return Late(math.ceil(row.total_seconds_late / DAY), 0, penalty)
    left = plugin.late_days
    others = [each for each in row.student.submissions if each.duedate is not None] if left else []
    for each in sorted(others, key=lambda other: (other.assignment.duedate, other.assignment.name)):
        if each.assignment_id != row.assignment_id:
            left -= min(left, plugin.days(each.total_seconds_late))
        else:
            break
    days = plugin.days(row.total_seconds_late)
    return Late(days, min(days, left), penalty)


def apply_penalties(
    gradebook: Gradebook, plugin: Any, assignment: str, folder: Callable[[str], Path]
) -> tuple[dict[str, Late], list[str]]:
    """Set the penalties of all submissions of an assignment, or take them back.

    folder: of a student's submission, whose timestamp.txt counts before the gradebook's time. Return (who is late, by
    student; a sentence for each student whose penalty could not be set).
    """
    late = {}
    failed = []
    try:
        found: Assignment = gradebook.find_assignment(assignment)
    except MissingEntry:
        return {}, []
    for row in found.submissions:
        when = submitted_at(folder(row.student_id), lambda _: None)  # who reads the submission says what is wrong
        if when is not None and row.timestamp != when:
            row.timestamp = when
        try:
            amounts = list(_penalties(plugin, row))
        except Exception as error:  # a plugin of the course's own
            reason = one_line(f"{type(error).__name__}: {error}")
            failed.append(f"{one_line(row.student_id)}: the penalty for being late stays as it was: {reason}")
            continue
        for notebook, amount in zip(row.notebooks, amounts, strict=True):
            if notebook.late_submission_penalty != amount:
                notebook.late_submission_penalty = amount
        found_late = late_of(plugin, row)
        if found_late.said():
            late[row.student_id] = found_late
    gradebook.db.commit()
    return late, failed


def _penalties(plugin: Any, row: SubmittedAssignment) -> Iterable[float | None]:
    """Yield the penalty of each notebook; None where there is none, as nbgrader has it."""
    seconds = row.total_seconds_late
    late = late_of(plugin, row) if seconds > 0 and isinstance(plugin, LatePolicy) else Late()
    for notebook in row.notebooks:
        if seconds <= 0:
            yield None
            continue
        if isinstance(plugin, LatePolicy):
            amount: float | None = plugin.penalty(notebook.score, late.days - late.free)
        else:
            amount = plugin.late_submission_penalty(row.student_id, notebook.score, seconds)
        yield None if not amount else min(max(0.0, float(amount)), notebook.score)
