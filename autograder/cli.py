"""The command line: parse, delegate, print. Nothing here imports torch before it is needed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from autograder.course import CourseError, find_exercises, find_submissions, write_whole


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Mark backpropagation written by hand."""


@main.command()
@click.argument("submitted", type=click.Path(path_type=Path))
@click.option("--assignment", required=True, help="The assignment's name, as under solutions/.")
@click.option("--exercise", help="Only this exercise of the assignment (a notebook's name without .ipynb).")
@click.option(
    "--jobs", type=click.IntRange(min=1), default=os.cpu_count, show_default="the cores", help="Submissions at a time."
)
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write all results here.")
@click.option(
    "--csv", "csv_path", type=click.Path(path_type=Path, dir_okay=False), help="Write a row a submission here."
)
def grade(
    submitted: Path, assignment: str, exercise: str | None, jobs: int, json_path: Path | None, csv_path: Path | None
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

    from rich.console import Console

    from autograder.exercise import ExerciseError, read_exercise
    from autograder.grading import Grader
    from autograder.namespace import SetupError
    from autograder.results import ClassResult, SubmissionResult
    from autograder.secret import SecretError, fingerprint, read_or_create
    from autograder.settings import SettingsError, load_settings
    from autograder.table import print_class

    started = time.perf_counter()
    results: list[SubmissionResult] = []
    isolation = ""
    try:
        settings = load_settings(Path())
        secret, new = read_or_create(settings.secret)
        if new:
            click.echo(f"autograder: {settings.secret} is new: hidden cases are drawn from it; back it up", err=True)
        for path, submissions in files.items():
            with Grader(read_exercise(path), secret, settings.credit, min(jobs, len(submissions))) as grader:
                isolation = grader.isolation
                results += grader.grade_files(submissions)
    except (ExerciseError, SetupError, SettingsError, SecretError) as error:
        _stop(str(error))
    seconds = round(time.perf_counter() - started, 3)
    report = ClassResult(assignment, isolation, fingerprint(secret), seconds, tuple(results))
    try:
        if json_path is not None:
            write_whole(json_path, report.to_json())
        if csv_path is not None:
            write_whole(csv_path, report.to_csv())
    except OSError as error:
        click.echo(f"autograder: the results could not be written: {error}", err=True)
        sys.exit(1)
    print_class(report, Console())


def _stop(message: str) -> None:
    """Unusable arguments: one line, exit code 2."""
    click.echo(f"autograder: {message}", err=True)
    sys.exit(2)
