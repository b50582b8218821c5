"""The command line: parse the arguments, run, and explain a failure in one line. torch is imported only when needed."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from autograder.course.folder import CourseError, GradebookError, find_exercises, find_submissions
from autograder.sandbox.host.bubblewrap import CHOICES

if TYPE_CHECKING:
    from autograder.classroom.run import Interrupted, Plan
    from autograder.marking.result import ClassResult

UNUSABLE, FAILED, INTERRUPTED = 2, 1, 130  # exit codes; 0 when every submission has a result


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

    Run it in the course folder. Exits with 0 when every submission has a result, whatever its mark, and with 1 where
    one could not be graded or recorded for a fault that is not the student's.

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

    # Import rich, torch and nbgrader only now, so that --help and a wrong argument are answered at once.
    from autograder.classroom.run import Interrupted, Plan

    # Without this the garbage collector walks through all of torch at exit, which takes a third of a second.
    atexit.register(gc.freeze)
    for stream in (sys.stdout, sys.stderr):  # a terminal that has only ASCII, and a name or reason that has more
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    interrupted = None
    try:
        report = _graded(Plan(assignment, files, jobs, force), gradebook, isolation)
    except Interrupted as stopped:
        interrupted, report = stopped, stopped.done
    _finish(report, json_path, csv_path, interrupted)


def _graded(plan: Plan, gradebook: bool, isolation: str | None) -> ClassResult:
    """Grade the plan in the current folder and return the results; end the program with one line where that fails."""
    from rich.console import Console

    from autograder.cells.namespace import SetupError
    from autograder.classroom.run import grade_class
    from autograder.course.open_grader import open_course
    from autograder.course.secret import SecretError
    from autograder.course.settings import SettingsError, load_config, settings_from_config
    from autograder.exercise.notebook import ExerciseError
    from autograder.sandbox.host.bubblewrap import IsolationError

    folder = Path()
    try:
        config = load_config(folder)
        course = open_course(settings_from_config(config, folder), folder, isolation)
        for warning in course.warnings:
            _say(warning)
        with ExitStack() as stack:
            writer = None
            if gradebook:
                from autograder.nbgrader.direct import DirectGradebook  # imports nbgrader

                # nbgrader calls alembic by name; its program lies beside the Python that runs this.
                os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
                writer = stack.enter_context(DirectGradebook(config, plan.assignment))
            return grade_class(plan, course, Console(stderr=True), writer)
    except (CourseError, ExerciseError, SetupError, SettingsError, SecretError, IsolationError) as error:
        _stop(str(error))
    except GradebookError as error:
        _stop(str(error), FAILED)
    except OSError as error:
        said = f"{error.strerror or error}: {error.filename or 'a file'}"
        _stop(f"{said}; what was graded before is kept; run again", FAILED)


def _finish(
    report: ClassResult, json_path: Path | None, csv_path: Path | None, interrupted: Interrupted | None
) -> NoReturn:
    """Write the results, print the table of the class, and end the program with the right exit code."""
    from rich.console import Console

    from autograder.classroom.table import print_class
    from autograder.files import write_whole

    try:
        if json_path is not None:
            write_whole(json_path, report.to_json())
        if csv_path is not None:
            write_whole(csv_path, report.to_csv())
    except OSError as error:
        _stop(f"the results could not be written: {error}", FAILED)
    print_class(report, Console())
    for line in report.unrecorded:
        _say(line)
    if interrupted is not None:
        done = len(report.submissions)
        _stop(f"stopped: {done} are graded, {interrupted.left} are left; run the command again to go on", INTERRUPTED)
    sys.exit(FAILED if report.unrecorded else 0)


def _say(message: str) -> None:
    click.echo(f"autograder: {message}", err=True)


def _stop(message: str, code: int = UNUSABLE) -> NoReturn:
    """Print the reason in one line and end the program."""
    _say(message)
    sys.exit(code)
