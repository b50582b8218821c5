"""`autograder extend`: more time for one student."""

from __future__ import annotations

import re
from datetime import timedelta

import click

from autograder.commands.ending import one_line_errors, stop

UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}


class Duration(click.ParamType):  # type: ignore[type-arg]
    """A time such as 48h, 2d, 1d12h or 90m; 0 is none."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the time."""
        if isinstance(value, timedelta):
            return value
        text = str(value).strip().lower()
        parts = re.findall(r"(\d+(?:\.\d+)?)([wdhm])", text)
        if text != "0" and (not parts or "".join(map("".join, parts)) != text):
            self.fail(f"{value!r} is no time; expected one such as 48h, 2d, 1d12h or 90m, or 0 for none", param, ctx)
        try:
            return sum((timedelta(**{UNITS[unit]: float(number)}) for number, unit in parts), timedelta())
        except OverflowError:
            self.fail(f"{value!r} is too long", param, ctx)


@click.command()
@click.argument("student")
@click.argument("assignment")
@click.argument("time", type=Duration())
def extend(student: str, assignment: str, time: timedelta) -> None:
    """Give STUDENT more time for ASSIGNMENT: TIME after the due date, in the place of an earlier extension.

    Marks taken for being late are brought up to date at once.

    Example: autograder extend ada backprop 48h
    """
    with one_line_errors():
        from autograder.commands.course import CourseFolder

        here = CourseFolder.here()
        with here.gradebook(assignment) as gradebook:
            due = gradebook.extend(student, time)
            if due is None:
                stop(
                    f"{assignment} has no due date, so there is nothing to extend; set one: "
                    f"nbgrader db assignment add {assignment} --duedate='2030-01-31 23:59:00 UTC'"
                )
            late, failed = gradebook.finish()
    said = late[student].said() if student in late else ""
    click.echo(f"{student}: {assignment} is due {due:%Y-%m-%d %H:%M} UTC" + (f", {said}" if said else ""))
    for line in failed:
        stop(line, 1)
