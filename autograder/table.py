"""The class as a table in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autograder.recording import printable
from autograder.results import ClassResult, SubmissionResult

# More lost steps than this are counted, not listed: an untouched notebook would fill the screen.
MAX_LOST = 8


def print_class(result: ClassResult, console: Console) -> None:
    """Print one row a submission: student, exercise, score, the steps that lost points, what else to know."""
    table = Table(title=f"{result.assignment}: {len(result.submissions)} submissions", title_justify="left")
    table.add_column("student", no_wrap=True)
    table.add_column("exercise", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("points lost on")
    table.add_column("notes")
    for submission in result.submissions:
        table.add_row(
            escape(printable(submission.student)),
            escape(submission.exercise),
            f"{submission.score:g} / {submission.max_score:g}",
            _lost(submission),
            escape(printable(_notes(submission))),
        )
    console.print(table)
    console.print(f"{len(result.submissions)} submissions in {result.seconds:.1f} s, isolation: {result.isolation}")


def _lost(submission: SubmissionResult) -> str:
    by_verdict: dict[str, list[str]] = {}
    for step in submission.lost:
        by_verdict.setdefault(step.verdict.value, []).append(step.name)
    parts = []
    for verdict, names in by_verdict.items():
        shown = ", ".join(names) if len(names) <= MAX_LOST else f"{len(names)} steps"
        parts.append(f"{verdict}: {shown}")
    return escape("; ".join(parts))


def _notes(submission: SubmissionResult) -> str:
    status = [] if submission.status == "graded" else [f"{submission.status}: {submission.error}"]
    return "; ".join([*status, *submission.flags])
