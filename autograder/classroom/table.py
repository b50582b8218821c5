"""Print the class as a table in a terminal."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autograder.marking.result import ClassResult, StepResult, SubmissionResult
from autograder.marking.verdict import Verdict
from autograder.text import printable

MAX_LOST = 8  # list at most so many lost steps of a verdict, else count them: an empty notebook fills the screen
MAX_SAID = 3  # print the reasons of a submission that lost at most so many steps
FREQUENT = 3  # print so many of the most frequent mistakes


def print_class(result: ClassResult, console: Console) -> None:
    """Print a row for each submission (student, exercise, score, lost steps, notes), then the frequent mistakes."""
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
        parts += [f"{step.name}: {printable(step.hint)}" for step in submission.lost if _is_mistake(step) and step.hint]
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
        escape(f"  {count} of {len(result.submissions)}: {name}: {printable(reason)}")
        for (name, reason), count in made.most_common(FREQUENT)
    ]
    return ["most frequent mistakes", *lines] if lines else []


def _is_mistake(step: StepResult) -> bool:
    """Return whether the student tried the step: what was left out, or taken from autograd, is no mistake."""
    return step.verdict not in (Verdict.MISSING, Verdict.AUTOGRAD)


def _notes(submission: SubmissionResult) -> str:
    status = [] if submission.status == "graded" else [f"{submission.status}: {submission.error}"]
    return "; ".join([*status, *submission.flags])
