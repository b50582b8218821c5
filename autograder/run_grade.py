"""Behind `autograder grade`: course settings in, results to files and terminal out; every fault is one line."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from autograder.course import CourseError, GradebookError, write_whole
from autograder.exercise import ExerciseError, SetupError
from autograder.grade import Interrupted, Plan, grade_class
from autograder.isolation import IsolationError, choose
from autograder.results import ClassResult
from autograder.secret import SecretError, read_or_create
from autograder.settings import SettingsError, load_config, settings_from_config
from autograder.table import print_class

if TYPE_CHECKING:
    from autograder.cli import Request

UNUSABLE, FAILED, INTERRUPTED = 2, 1, 130


def run(request: Request) -> int:
    """Grade, write, print. The exit code: 0 when every submission has a result."""
    # Otherwise the collector goes through all of torch on the way out, for a third of a second.
    atexit.register(gc.freeze)
    console = Console()
    course = Path()
    interrupted: Interrupted | None = None
    try:
        config = load_config(course)
        settings = settings_from_config(config, course)
        isolation = choose(request.isolation or settings.isolation)
        if isolation.warning is not None:
            _say(isolation.warning)
        secret, new = read_or_create(settings.secret)
        if new:
            _say(f"{settings.secret} is new: hidden cases are drawn from it; back it up")
        plan = Plan(request.assignment, request.files, request.jobs, request.force)
        with ExitStack() as stack:
            autograded = None
            if request.gradebook:
                from autograder.nbgrader.autograded import Autograded  # imports nbgrader

                # nbgrader calls alembic by name, which lies beside the Python that runs this.
                os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
                autograded = stack.enter_context(Autograded(config, request.assignment))
            report = grade_class(plan, settings, secret, isolation.degree, Console(stderr=True), autograded)
    except Interrupted as stopped:
        interrupted, report = stopped, stopped.done
    except (CourseError, ExerciseError, SetupError, SettingsError, SecretError, IsolationError) as error:
        _say(str(error))
        return UNUSABLE
    except GradebookError as error:
        _say(str(error))
        return FAILED
    except OSError as error:
        _say(f"{error.strerror or error}: {error.filename or 'a file'}; what was graded before is kept; run again")
        return FAILED
    return _finish(request, report, interrupted, console)


def _finish(request: Request, report: ClassResult, interrupted: Interrupted | None, console: Console) -> int:
    try:
        if request.json_path is not None:
            write_whole(request.json_path, report.to_json())
        if request.csv_path is not None:
            write_whole(request.csv_path, report.to_csv())
    except OSError as error:
        _say(f"the results could not be written: {error}")
        return FAILED
    print_class(report, console)
    if interrupted is not None:
        done = len(report.submissions)
        _say(f"stopped: {done} are graded, {interrupted.left} are left; run the command again to go on")
        return INTERRUPTED
    return 0


def _say(message: str) -> None:
    click.echo(f"autograder: {message}", err=True)
