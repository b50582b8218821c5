"""`autograder similar`: whose work is alike, beyond what most wrote. It reports and never marks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.commands.ending import one_line_errors, say, stop

if TYPE_CHECKING:
    from autograder.classroom.side_by_side import Comparison
    from autograder.exercise.notebook import Exercise

SHOWN = 30  # pairs on the page


@click.command()
@click.argument("assignment")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the page here.  [default: similar-ASSIGNMENT.html]",
)
def similar(assignment: str, out: Path | None) -> None:
    """Compare the code of all students, and show the pairs that share what few others wrote.

    Run it in the course folder. Nothing is executed and no mark depends on it.

    Example: autograder similar backprop
    """
    out = Path(f"similar-{assignment}.html") if out is None else out
    with one_line_errors():
        from datetime import UTC, datetime

        from autograder.classroom.side_by_side import similar_page
        from autograder.commands.course import CourseFolder
        from autograder.files import write_whole

        here = CourseFolder.here()
        alike: list[Comparison] = []
        students: set[str] = set()
        found = 0
        for exercise, _ in here.exercises(assignment):
            cells = _cells(exercise, here.files(assignment, exercise.name))
            students |= cells.keys()
            pairs, number = _alike(exercise, cells, Path(here.released, assignment, exercise.path.name))
            alike += pairs
            found += number
        if len(students) < 2:
            stop(f"fewer than two have submitted {assignment} to {here.submitted}/; there is nothing to compare")
        alike.sort(key=lambda comparison: -comparison.bits)
        write_whole(out, similar_page(assignment, alike[:SHOWN], found, len(students), datetime.now(UTC)))
    click.echo(f"{out}: {found} pairs of {len(students)} students")


def _cells(exercise: Exercise, files: Mapping[str, Path]) -> dict[str, list[str]]:
    """Return the code that each student wrote, by cell; name those whose file is no notebook."""
    from autograder.submission.file import UnreadableError, read_notebook
    from autograder.submission.notebook import submission_from_notebook

    found = {}
    for student, path in files.items():
        try:
            script = submission_from_notebook(read_notebook(path), exercise).script
        except UnreadableError as error:
            if path.exists():
                say(f"{student}/{exercise.name} is left out: {error}")
            continue
        found[student] = [cell.source for cell in script if cell.source not in exercise.runs.values()]
    return found


def _alike(exercise: Exercise, cells: Mapping[str, list[str]], released: Path) -> tuple[list[Comparison], int]:
    """Return the least likely pairs of an exercise, and how many there are. released: what students were given."""
    from autograder.classroom.side_by_side import compared
    from autograder.classroom.similar import names_in, pairs, things
    from autograder.submission.file import UnreadableError, read_notebook

    known = names_in(cell.source for cell in exercise.cells.values() if cell.cell_type == "code")
    try:
        given = [cell.source for cell in read_notebook(released).cells if cell.cell_type == "code"]
    except (UnreadableError, OSError):  # not released from here
        given = []
    handed_out = {thing for source in given for thing in things(source, known)}
    written = {
        student: {thing for source in sources for thing in things(source, known)} for student, sources in cells.items()
    }
    found = pairs(written, handed_out)
    return [compared(pair, exercise.name, cells, known) for pair in found[:SHOWN]], len(found)
