"""Marks of before against marks of now, by student and step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autograder.marking.result import SubmissionResult
from autograder.text import one_line


@dataclass(frozen=True)
class StepChange:
    """One step of one submission. before: its points, None where it had none. verdict: what it is found to be now."""

    step: str
    before: float | None
    now: float
    verdict: str


@dataclass(frozen=True)
class MarkChange:
    """One submission whose marks are others now. gone: points of steps that there are no more, by check cell."""

    student: str
    exercise: str
    before: float
    now: float
    steps: tuple[StepChange, ...]
    gone: Mapping[str, float]


def changed_marks(
    before: Mapping[tuple[str, str], Mapping[str, float]], results: Iterable[SubmissionResult]
) -> list[MarkChange]:
    """Return the submissions whose marks are others than before.

    before: points by check cell, by (student, exercise). A submission that had no marks is not compared, nor one that
    could not be graded for a fault of the autograder's.
    """
    found = []
    for result in results:
        old = before.get((result.student, result.exercise))
        if old is None or result.fault:
            continue
        steps = tuple(
            StepChange(step.name, old.get(step.check), step.points, step.verdict.value)
            for step in result.steps
            if old.get(step.check) != step.points
        )
        checks = {step.check for step in result.steps}
        # A submission without steps (missing, unreadable) has 0 for each; those are not gone.
        gone = {check: points for check, points in old.items() if points and check not in checks}
        if steps or gone:
            was = sum(old.values())
            found.append(MarkChange(result.student, result.exercise, was, result.score, steps, gone))
    return found


def print_changes(changes: list[MarkChange], compared: int, console: Console) -> None:
    """Print a row for each submission whose marks change, and how many go up and down."""
    if changes:
        table = Table(title="marks that change", title_justify="left")
        table.add_column("student", overflow="fold", max_width=max(12, console.width // 4))
        table.add_column("exercise", overflow="fold", max_width=max(12, console.width // 4))
        for heading in ("before", "now"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("steps")
        for change in changes:
            said = [_said(step) for step in change.steps]
            said += [f"{one_line(check)} is gone ({points:g})" for check, points in change.gone.items()]
            fields = (one_line(change.student), one_line(change.exercise), f"{change.before:g}", f"{change.now:g}")
            table.add_row(*map(escape, (*fields, "\n".join(said))))
        console.print(table)
    up = sum(change.now > change.before for change in changes)
    down = sum(change.now < change.before for change in changes)
    console.print(f"{len(changes)} of {compared} marked submissions change: {up} up, {down} down", highlight=False)


def _said(step: StepChange) -> str:
    before = "new" if step.before is None else f"{step.before:g}"
    return f"{one_line(step.step)}: {before} -> {step.now:g} ({step.verdict})"
