"""Print the class as a table in a terminal."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autograder.marking.result import ClassResult, StepResult, SubmissionResult
from autograder.marking.verdict import Verdict
from autograder.text import one_line

# More lost steps than this are counted, not listed: an untouched notebook would fill the screen.
MAX_LOST = 8
MAX_SAID = 3  # the reasons are said where there are no more lost steps than these
FREQUENT = 3
MIN_NAME = 12  # columns that a name has at least
MAX_REASON, MAX_NOTES = 500, 1_500  # characters of one reason and of a submission's notes


def print_class(result: ClassResult, console: Console) -> None:
    """Print a row for each submission (student, exercise, score, lost steps, notes), then the frequent mistakes."""
    table = Table(title=f"{result.assignment}: {len(result.submissions)} submissions", title_justify="left")
    # Names may fill a folder's name; what is said of the others needs the room.
    widest = max(MIN_NAME, console.width // 4)
    table.add_column("student", overflow="fold", max_width=widest)
    table.add_column("exercise", overflow="fold", max_width=widest)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("points lost on")
    table.add_column("notes")
    for submission in result.submissions:
        table.add_row(
            escape(one_line(submission.student)),
            escape(one_line(submission.exercise)),
            f"{submission.score:g} / {submission.max_score:g}",
            _lost(submission),
            escape(_notes(submission)),
        )
    console.print(table)
    for line in _frequent(result):
        console.print(line, highlight=False, soft_wrap=True)
    console.print(f"{len(result.submissions)} submissions in {result.seconds:.1f} s, isolation: {result.isolation}")


def _lost(submission: SubmissionResult) -> str:
    by_verdict: dict[str, list[str]] = {}
    for step in submission.lost:
        by_verdict.setdefault(step.verdict.value, []).append(step.name)
    parts = []
    for verdict, names in by_verdict.items():
        shown = ", ".join(names) if len(names) <= MAX_LOST else f"{len(names)} steps"
        parts.append(f"{verdict}: {shown}")
    if len(submission.lost) <= MAX_SAID:
        parts += [f"{step.name}: {_short(step.hint)}" for step in submission.lost if _is_mistake(step) and step.hint]
    return escape("\n".join(parts))


def _frequent(result: ClassResult) -> list[str]:
    """Return lines that name the most frequent mistakes, each with how many submissions made it."""
    made = Counter(
        (step.name, step.hint or step.verdict.value)
        for submission in result.submissions
        for step in submission.lost
        if _is_mistake(step)
    )
    lines = [
        escape(f"  {count} of {len(result.submissions)}: {name}: {_short(reason)}")
        for (name, reason), count in made.most_common(FREQUENT)
    ]
    return ["most frequent mistakes", *lines] if lines else []


def _is_mistake(step: StepResult) -> bool:
    """Return whether the student tried the step: what was left out, or taken from autograd, is no mistake."""
    return step.verdict not in (Verdict.MISSING, Verdict.AUTOGRAD)


def _notes(submission: SubmissionResult) -> str:
    status = [] if submission.status == "graded" else [f"{submission.status}: {submission.error}"]
    return _short("; ".join([*status, *submission.flags]), MAX_NOTES)


def _short(text: str, limit: int = MAX_REASON) -> str:
    """The text as one line, cut where it is far longer than any of ours: parts of it are the student's."""
    return one_line(text) if len(text) <= limit else f"{one_line(text[:limit])} [cut]"
