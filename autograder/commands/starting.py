"""`autograder init` and `autograder doctor`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from autograder.commands.ending import FAILED, stop


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--student", is_flag=True, help="What the students of the course in this folder need, nothing of ours.")
def init(folder: Path, student: bool) -> None:
    """Lay out a new course in FOLDER: settings, exercises, a Makefile and a README.

    FOLDER must be new or empty. With --student, run it in the course folder: it writes nbgrader's settings, the
    requirements and a README for students, who install nothing of this package.

    Example: autograder init course
    """
    from autograder.course.folder import CourseError
    from autograder.course.settings import SettingsError
    from autograder.starter.init import new_course, new_students_side

    try:
        if student:
            new_students_side(folder, Path())
        else:
            new_course(folder)
    except (CourseError, SettingsError) as error:
        stop(str(error))
    except OSError as error:
        stop(f"{folder} could not be laid out: {error.strerror}: {error.filename}", FAILED)
    click.echo(f"{folder} is ready; read {folder / 'README.md'}")


@click.command()
def doctor() -> None:
    """Say what is in order in the course folder and its Python, one line a point, each fault with its cure.

    Changes nothing. Exits with 1 where something is not in order.

    Example: autograder doctor
    """
    from autograder.starter.doctor import examine
    from autograder.text import one_line

    faults = 0
    for finding in examine(Path()):
        mark = "FIX " if finding.is_fault else "note" if finding.later else "ok  "
        cure = "" if finding.cure is None else f"; {finding.cure}"
        click.echo(one_line(f"{mark} {finding.point}: {finding.found}{cure}"))
        faults += finding.is_fault
    sys.exit(FAILED if faults else 0)
