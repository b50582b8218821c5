"""Print the class in a terminal: a line for each student and the mistakes, in a screen or two; or all of it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from autograder.classroom.statistics import is_mistake, mistakes
from autograder.course.register import said_of_absent
from autograder.marking.result import ClassResult, Late, SubmissionResult
from autograder.text import one_line

# More lost steps than this are counted, not listed: an untouched notebook would fill the screen.
MAX_LOST = 8
MAX_ROWS = 1_000  # what nobody can read in a terminal takes a millisecond a row to lay out
MAX_SAID = 3  # the reasons are said where there are no more lost steps than these
MAX_STUDENTS, FREQUENT = 40, 10  # lines; with headings and ends that is below 60
BORDERS = 13  # columns of lines and spaces in a table of four columns
MIN_NAME = 12  # columns that a name has at least
MAX_REASON, MAX_NOTES = 500, 1_500  # characters of one reason and of a submission's notes


def print_class(result: ClassResult, console: Console, *, long: bool = False) -> None:
    """Print the students with their totals, then the frequent mistakes, in at most 60 lines.

    long: print a row for each submission instead, with the reasons for lost steps.
    """
    console.print(_all(result, console.width) if long else _students(result, console.width))
    if long and (more := len(result.submissions) - MAX_ROWS) > 0:
        console.print(f"and {more} more; --csv FILE has a row for each", highlight=False)
    by_student = _by_student(result)
    if not long and len(by_student) > MAX_STUDENTS:
        totals = [_total(each)[0] for each in by_student.values()]
        console.print(
            f"{_count(len(by_student))}: mean {statistics.fmean(totals):.1f}, median {statistics.median(totals):g}; "
            f"{len(by_student) - MAX_STUDENTS} are not shown (--long: all of them; autograder report: a page)",
            soft_wrap=True,
        )
    for line in _frequent(result):
        text = line if long or len(line) <= console.width else f"{line[: console.width - 1]}…"
        console.print(escape(text), highlight=False, soft_wrap=True)
    if result.absent:
        console.print(said_of_absent(result.absent), highlight=False, markup=False, soft_wrap=True)
    console.print(f"{len(result.submissions)} submissions in {result.seconds:.1f} s, isolation: {result.isolation}")


def _count(students: int) -> str:
    return f"{students} student{'s' * (students != 1)}"


def _students(result: ClassResult, width: int) -> Table:
    """Return the table of students, one line each: those whom nobody need look at are left out of a large class."""
    by_student = _by_student(result)
    shown = list(by_student)
    if len(shown) > MAX_STUDENTS:
        # First those who have no mark or a note, then those who have the fewest marks.
        shown.sort(key=lambda s: (not any(r.error or r.flags for r in by_student[s]), _total(by_student[s])[0]))
        shown = sorted(shown[:MAX_STUDENTS])
    names = _short_names(result)
    rows = [_line(student, by_student[student], names, result.late.get(student, Late())) for student in shown]
    table = Table(title=f"{result.assignment}: {_count(len(by_student))}", title_justify="left")
    widths = _widths(rows, width)
    for heading, room in zip(("student", "score", "points lost on", "notes"), widths, strict=True):
        table.add_column(heading, justify="right" if heading == "score" else "left", no_wrap=True, min_width=room)
    for row in rows:
        cells = [Text(text) for text in row]
        for cell, room in zip(cells, widths, strict=True):
            cell.truncate(room, overflow="ellipsis")
        table.add_row(*cells)
    return table


def _line(
    student: str, submissions: Sequence[SubmissionResult], names: Mapping[str, str], late: Late
) -> tuple[str, ...]:
    """Return the fields of a student's line."""
    lost, notes = [], [late.said()] if late.said() else []
    for submission in submissions:
        name = names[submission.exercise]
        lost += [f"{name} {one_line('; '.join(_lost_by_verdict(submission)))}".strip()] if submission.lost else []
        notes += [f"{name}: {said}" if name else said] if (said := _notes(submission)) else []
    score, most = _total(submissions)
    return one_line(student), f"{score - late.penalty:g} / {most:g}", "; ".join(lost), "; ".join(notes)


def _short_names(result: ClassResult) -> dict[str, str]:
    """Return what stands for each exercise in a line: nothing where there is one, its number where it has one."""
    names = list(dict.fromkeys(submission.exercise for submission in result.submissions))
    short = [name.partition("_")[0] for name in names]
    if len(names) == 1:
        return {names[0]: ""}
    return {n: one_line(s if len(set(short)) == len(names) else n) for n, s in zip(names, short, strict=True)}


def _widths(rows: Sequence[Sequence[str]], width: int) -> tuple[int, int, int, int]:
    """Return the widths of the columns; notes give way to lost points only where there is no room for both."""
    longest = [max([MIN_NAME if column == 0 else 5, *(cell_len(row[column]) for row in rows)]) for column in range(4)]
    name = min(longest[0], max(MIN_NAME, width // 4))
    room = max(40, width - name - longest[1] - BORDERS)
    lost = max(14, min(longest[2], room - min(longest[3], room // 2)))
    return name, longest[1], lost, min(longest[3], max(5, room - lost))


def _by_student(result: ClassResult) -> dict[str, list[SubmissionResult]]:
    found: dict[str, list[SubmissionResult]] = {}
    for submission in result.submissions:
        found.setdefault(submission.student, []).append(submission)
    return found


def _total(submissions: Sequence[SubmissionResult]) -> tuple[float, float]:
    return sum(each.score for each in submissions), sum(each.max_score for each in submissions)


def _all(result: ClassResult, width: int) -> Table:
    """Return the table of submissions: student, exercise, score, lost steps, notes."""
    table = Table(title=f"{result.assignment}: {len(result.submissions)} submissions", title_justify="left")
    # Names may fill a folder's name; what is said of the others needs the room.
    widest = max(MIN_NAME, width // 4)
    table.add_column("student", overflow="fold", max_width=widest)
    table.add_column("exercise", overflow="fold", max_width=widest)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("points lost on")
    table.add_column("notes")
    for submission in result.submissions[:MAX_ROWS]:
        table.add_row(
            escape(one_line(submission.student)),
            escape(one_line(submission.exercise)),
            f"{submission.score:g} / {submission.max_score:g}",
            _lost(submission),
            escape(_notes(submission)),
        )
    return table


def _lost(submission: SubmissionResult) -> str:
    parts = _lost_by_verdict(submission)
    if len(submission.lost) <= MAX_SAID:
        parts += [f"{step.name}: {_short(step.hint)}" for step in submission.lost if is_mistake(step) and step.hint]
    return escape("\n".join(parts))


def _lost_by_verdict(submission: SubmissionResult) -> list[str]:
    by_verdict: dict[str, list[str]] = {}
    for step in submission.lost:
        by_verdict.setdefault(step.verdict.value, []).append(step.name)
    return [
        f"{verdict}: {', '.join(names) if len(names) <= MAX_LOST else f'{len(names)} steps'}"
        for verdict, names in by_verdict.items()
    ]


def _frequent(result: ClassResult) -> list[str]:
    """Return lines that name the most frequent mistakes, each with how many students made it."""
    students = len(_by_student(result))
    lines = [
        f"  {len(made.students)} of {students}: {made.step}: {_short(made.reason)}"
        for made in mistakes(result.submissions)[:FREQUENT]
    ]
    return ["most frequent mistakes", *lines] if lines else []


def _notes(submission: SubmissionResult) -> str:
    status = [] if submission.status == "graded" else [f"{submission.status}: {submission.error}"]
    return _short("; ".join([*status, *submission.flags]), MAX_NOTES)


def _short(text: str, limit: int = MAX_REASON) -> str:
    """Return the text as one line, cut where it is far longer than any of ours: parts of it are the student's."""
    return one_line(text) if len(text) <= limit else f"{one_line(text[:limit])} [cut]"
