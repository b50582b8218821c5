"""`autograder report`: the class at a glance, as a page and as a table for a spreadsheet."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.commands.ending import one_line_errors, stop


@click.command()
@click.argument("assignment")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the page here.  [default: report-ASSIGNMENT.html]",
)
@click.option("--csv", "csv_path", type=click.Path(path_type=Path, dir_okay=False), help="Write a row a student here.")
@click.option("--student", default="*", help="Only students whose names match this pattern, such as 'a*'.")
def report(assignment: str, out: Path | None, csv_path: Path | None, student: str) -> None:
    """Show a graded class as a page: marks, steps, mistakes, who is missing.

    Run it in the course folder once the class is graded. The page is one file that needs no network; it leads to the
    feedback pages or marked notebooks where there are any.

    Example: autograder report backprop --csv marks.csv
    """
    out = Path(f"report-{assignment}.html") if out is None else out
    with one_line_errors():
        from datetime import UTC, datetime

        from autograder.classroom.report import page_link, report_page
        from autograder.classroom.sheet import class_sheet
        from autograder.commands.course import CourseFolder
        from autograder.files import write_whole

        course = CourseFolder.here()
        overview = course.overview(assignment, student)
        if not overview.rows and student != "*":
            stop(f"nobody matches {student!r}; a pattern such as 'a*' stands for all that begin with an a")
        if not overview.submitted:
            stop(f"nothing of {assignment} has been graded; run: autograder grade submitted --assignment {assignment}")
        link = page_link(Path(), out.absolute().parent, course.feedback, course.autograded, assignment)
        write_whole(out, report_page(overview, link, datetime.now(UTC)))
        if csv_path is not None:
            write_whole(csv_path, class_sheet(overview))
    click.echo(f"{out}: {len(overview.submitted)} of {len(overview.rows)} students")
