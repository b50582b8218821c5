"""The command line: parse the arguments, run, and explain a failure in one line. torch is imported only when needed."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from autograder.commands.authors import alone, check, new
from autograder.commands.bundling import bundle
from autograder.commands.ending import FAILED, INTERRUPTED
from autograder.commands.ending import say as _say
from autograder.commands.ending import stop as _stop
from autograder.commands.extend import extend
from autograder.commands.platforms import export, import_, return_, roster
from autograder.commands.regrade import regrade
from autograder.commands.report import report
from autograder.commands.similar import similar
from autograder.commands.starting import doctor, init
from autograder.course.folder import CourseError, GradebookError, find_exercises, find_submissions
from autograder.sandbox.host.bubblewrap import CHOICES

if TYPE_CHECKING:
    from rich.console import Console

    from autograder.classroom.plan import Graders, Plan
    from autograder.classroom.run import Interrupted
    from autograder.course.open_grader import Course
    from autograder.marking.result import ClassResult


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=lambda *given: _version(*given))
def main() -> None:
    """Mark backpropagation written by hand."""


STARTING, PLATFORMS = (init, doctor), (roster, import_, export, return_, bundle)
AUTHORS, CLASS = (check, new, alone), (report, regrade, extend, similar)
for command in (*STARTING, *PLATFORMS, *AUTHORS, *CLASS):
    main.add_command(command)


@main.command()
@click.argument("submitted", type=click.Path(path_type=Path))
@click.option("--assignment", required=True, help="The assignment's name, as under solutions/.")
@click.option("--student", default="*", help="Only students whose names match this pattern, such as 'a*'.")
@click.option("--exercise", help="Only this exercise of the assignment (a notebook's name without .ipynb).")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count,
    show_default="the cores",
    help="Submissions at a time.",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Grade on a Dask cluster, not with --jobs: its scheduler's address, or local:4 for four workers here.",
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
@click.option("--long", is_flag=True, help="Print a row a submission with the reasons, not a line a student.")
@click.option("--force", is_flag=True, help="Grade also what is unchanged since it was last graded.")
def grade(
    submitted: Path,
    assignment: str,
    student: str,
    exercise: str | None,
    jobs: int,
    cluster: str | None,
    json_path: Path | None,
    csv_path: Path | None,
    gradebook: bool,
    isolation: str | None,
    long: bool,
    force: bool,
) -> None:
    """Grade SUBMITTED/<student>/<assignment>/<exercise>.ipynb for every student.

    Run it in the course folder. Exits with 0 when every submission has a result, whatever its mark, and with 1 where
    one could not be graded or recorded for a fault that is not the student's.

    Example: autograder grade submitted --assignment backprop --csv marks.csv
    """
    try:
        files = {
            path: find_submissions(submitted, assignment, path.stem, student)
            for path in find_exercises(assignment, exercise)
        }
        for path in (json_path, csv_path):
            if path is not None and not path.absolute().parent.is_dir():
                raise CourseError(f"the folder {path.parent} does not exist; make it or choose another file")
    except CourseError as error:
        _stop(str(error))

    # Import rich, torch and nbgrader only now, so that --help and a wrong argument are answered at once.
    from autograder.classroom.plan import Plan
    from autograder.classroom.run import Interrupted

    # Without this the garbage collector walks through all of torch at exit, which takes a third of a second.
    atexit.register(gc.freeze)
    for stream in (sys.stdout, sys.stderr):  # a terminal that has only ASCII, and a name or reason that has more
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    interrupted = None
    try:
        result = _graded(Plan(assignment, files, jobs, force, pattern=student), gradebook, isolation, cluster)
    except Interrupted as stopped:
        interrupted, result = stopped, stopped.done
    _finish(result, json_path, csv_path, long, interrupted)


def _graded(plan: Plan, gradebook: bool, isolation: str | None, cluster: str | None) -> ClassResult:
    """Grade the plan in the current folder and return the results; end the program with one line where that fails."""
    from rich.console import Console

    from autograder.cells.errors import SetupError
    from autograder.classroom.run import grade_class
    from autograder.course.open_grader import open_course
    from autograder.course.secret import SecretError
    from autograder.course.settings import SettingsError, load_config, settings_from_config
    from autograder.exercise.notebook import ExerciseError
    from autograder.sandbox.host.bubblewrap import IsolationError

    folder = Path()
    try:
        config = load_config(folder)
        course = open_course(settings_from_config(config, folder), folder, isolation, on_cluster=cluster is not None)
        for warning in course.warnings:
            _say(warning)
        if not gradebook:  # which refuses an exercise that differs
            released = Path(str(config.get("CourseDirectory", {}).get("release_directory", "release")))
            plan = replace(plan, released=released / plan.assignment)
        with ExitStack() as stack:
            writer = None
            if gradebook:
                from autograder.nbgrader.direct import DirectGradebook  # imports nbgrader

                writer = stack.enter_context(DirectGradebook(config, plan.assignment))
            console = Console(stderr=True)
            graders = None if cluster is None else stack.enter_context(_cluster_graders(cluster, course, console))
            return grade_class(plan, course, console, writer, graders)
    except (CourseError, ExerciseError, SetupError, SettingsError, SecretError, IsolationError) as error:
        _stop(str(error))
    except GradebookError as error:
        _stop(str(error), FAILED)
    except OSError as error:
        said = f"{error.strerror or error}: {error.filename or 'a file'}"
        _stop(f"{said}; what was graded before is kept; run again", FAILED)


@contextmanager
def _cluster_graders(address: str, course: Course, console: Console) -> Iterator[Graders]:
    """Yield the graders of a cluster; end the program with one line where there is none."""
    try:
        from autograder.classroom.cluster import ClusterGraders
        from autograder.classroom.connect import ClusterError, connected
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("distributed", "dask"):
            raise
        _stop("--cluster needs the package distributed; run: pip install 'backprop-dojo[cluster]'")
    try:
        with connected(address) as client:
            yield ClusterGraders(course, client, console)
    except ClusterError as error:
        _stop(str(error))


def _finish(
    result: ClassResult, json_path: Path | None, csv_path: Path | None, long: bool, interrupted: Interrupted | None
) -> NoReturn:
    """Write the results, print the table of the class, and end the program with the right exit code."""
    from rich.console import Console

    from autograder.classroom.table import print_class
    from autograder.files import write_whole

    try:
        if json_path is not None:
            write_whole(json_path, result.to_json())
        if csv_path is not None:
            write_whole(csv_path, result.to_csv())
    except OSError as error:
        _stop(f"the results could not be written: {error}", FAILED)
    code = FAILED if result.unrecorded else 0
    try:
        print_class(result, Console(), long=long)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python tries again to write it as it ends
        _say(
            f"the table could not be printed: {error.strerror}; all results are kept, run the command again to see them"
        )
        code = FAILED
    for line in result.unrecorded:
        _say(line)
    if interrupted is not None:
        done = len(result.submissions)
        _stop(f"stopped: {done} are graded, {interrupted.left} are left; run the command again to go on", INTERRUPTED)
    sys.exit(code)


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the version and end the program."""
    if wanted:
        from autograder.starter.init import installed_version

        click.echo(f"autograder {installed_version()}")
        context.exit()
