"""The command line: parse, delegate, print. Nothing here imports torch before it is needed."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click

from autograder.course import CourseError, find_exercises, find_submissions
from autograder.isolation import CHOICES


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Mark backpropagation written by hand."""


@main.command()
@click.argument("submitted", type=click.Path(path_type=Path))
@click.option("--assignment", required=True, help="The assignment's name, as under solutions/.")
@click.option("--exercise", help="Only this exercise of the assignment (a notebook's name without .ipynb).")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count,
    show_default="the cores",
    help="Submissions at a time.",
)
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write all results here.")
@click.option(
    "--csv", "csv_path", type=click.Path(path_type=Path, dir_okay=False), help="Write a row a submission here."
)
@click.option("--gradebook", is_flag=True, help="Write scores and autograded notebooks, as nbgrader autograde does.")
@click.option(
    "--isolation",
    type=click.Choice(CHOICES),
    help="How far student code is set apart; auto takes bubblewrap where it works. Default: the course's setting.",
)
@click.option("--force", is_flag=True, help="Grade also what is unchanged since it was last graded.")
def grade(
    submitted: Path,
    assignment: str,
    exercise: str | None,
    jobs: int,
    json_path: Path | None,
    csv_path: Path | None,
    gradebook: bool,
    isolation: str | None,
    force: bool,
) -> None:
    """Grade SUBMITTED/<student>/<assignment>/<exercise>.ipynb for every student.

    Run it in the course folder. Exits with 0 when every submission has a result, whatever its mark.

    Example: autograder grade submitted --assignment backprop --csv marks.csv
    """
    try:
        files = {
            path: find_submissions(submitted, assignment, path.stem) for path in find_exercises(assignment, exercise)
        }
        for path in (json_path, csv_path):
            if path is not None and not path.absolute().parent.is_dir():
                raise CourseError(f"the folder {path.parent} does not exist; make it or choose another file")
    except CourseError as error:
        _stop(str(error))

    # Only now what imports torch and nbgrader: --help and a wrong argument are answered at once.
    from autograder.run_grade import run

    sys.exit(run(Request(assignment, files, jobs, force, gradebook, isolation, json_path, csv_path)))


@dataclass(frozen=True)
class Request:
    """The command line's `grade`, parsed. files: for each exercise's notebook, (student, submitted file)."""

    assignment: str
    files: dict[Path, list[tuple[str, Path]]]
    jobs: int
    force: bool
    gradebook: bool
    isolation: str | None
    json_path: Path | None
    csv_path: Path | None


def _stop(message: str) -> NoReturn:
    """Unusable arguments: one line, exit code 2."""
    click.echo(f"autograder: {message}", err=True)
    sys.exit(2)
