"""How every command ends: its exit codes, and expected faults in one line, never a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from autograder.text import one_line

UNUSABLE, FAILED, INTERRUPTED = 2, 1, 130  # exit codes; 0 where the command did what was asked


def say(message: str) -> None:
    """Print a line about the work, apart from its output."""
    click.echo(f"autograder: {one_line(message)}", err=True)


def stop(message: str, code: int = UNUSABLE) -> NoReturn:
    """Print the reason in one line and end the program."""
    say(message)
    sys.exit(code)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program in one line where the block raises what a course or a file system may cause."""
    from autograder.cells.errors import SetupError
    from autograder.course.folder import CourseError, GradebookError
    from autograder.course.secret import SecretError
    from autograder.course.settings import SettingsError
    from autograder.exercise.notebook import ExerciseError
    from autograder.sandbox.host.bubblewrap import IsolationError

    try:
        yield
    except (CourseError, ExerciseError, SetupError, SettingsError, SecretError, IsolationError) as error:
        stop(str(error))
    except GradebookError as error:
        stop(str(error), FAILED)
    except OSError as error:
        stop(f"{error.strerror or error}: {error.filename or 'a file'}; mend that and run again", FAILED)
