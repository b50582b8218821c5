"""The authors' commands: `autograder check`, `new` and `alone`. torch is imported only when they run."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.commands.ending import FAILED, stop
from autograder.course.folder import SOLUTIONS, CourseError, find_exercises, is_stray

if TYPE_CHECKING:
    from autograder.author.check import Checked
    from autograder.course.open_grader import Course

LOOKS = 0.5  # seconds between two looks at the files under --watch


@click.command()
@click.argument("assignment", required=False)
@click.option("--exercise", help="Only this exercise of the assignment (a notebook's name without .ipynb).")
@click.option("--watch", is_flag=True, help="Check again whenever a notebook or a file beside it is saved.")
@click.option("--release", is_flag=True, help="Also see that what was generated for students is made of this.")
def check(assignment: str | None, exercise: str | None, watch: bool, release: bool) -> None:
    """Check exercises before their release: all assignments under solutions/, or one.

    Prints a line for each finding, with its cell and what to do. Exits with 1 where there is any error.

    Example: autograder check backprop --watch
    """
    try:
        if exercise is not None and assignment is None:
            raise CourseError("--exercise needs the assignment too: autograder check ASSIGNMENT --exercise NAME")
        paths = _paths(assignment, exercise)
    except CourseError as error:
        stop(str(error))
    course, generated = _course(Path())
    passed = _checked(paths, course, generated if release else None)
    while watch:
        seen = _state(paths)
        try:
            while _state(paths) == seen:
                time.sleep(LOOKS)
        except KeyboardInterrupt:
            break
        changed = [path for path in paths if _state([path]) != [s for s in seen if s[0] == path]]
        passed = _checked(changed, course, generated if release else None)
    sys.exit(0 if passed else FAILED)


@click.command()
@click.argument("name", metavar="ASSIGNMENT/EXERCISE")
@click.option(
    "--forward",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A .py file: imports, data and parameters, then the forward pass, one assignment a line.",
)
def new(name: str, forward: Path | None) -> None:
    """Write solutions/ASSIGNMENT/EXERCISE.ipynb: an exercise to edit, or one derived from a forward pass.

    Answers are filled in, and verified, where a rule derives them; the others are marked GAP. Run it in the course
    folder.

    Example: autograder new attention/1_softmax --forward forward.py
    """
    assignment, _, exercise = name.removesuffix(".ipynb").partition("/")
    if not all(re.fullmatch(r"[\w-]+", part) for part in (assignment, exercise)):
        stop(f"expected ASSIGNMENT/EXERCISE, such as attention/1_softmax, found {name}")
    path = SOLUTIONS / assignment / f"{exercise}.ipynb"
    if path.exists():
        stop(f"{path} exists already; choose another name, or delete it")
    from autograder.author.new import write_new

    try:
        written = write_new(path, forward)
    except Exception as error:  # the author's own code may raise anything
        said = str(error).partition("\n")[0]
        stop(said if type(error).__module__.startswith("autograder") else f"{forward}: {type(error).__name__}: {said}")
    click.echo(
        f"{written.path}: {written.points} steps, {written.filled} cells filled, {len(written.gaps)} left as gaps"
    )
    for gap in written.gaps:
        click.echo(f"  GAP {gap}")
    click.echo(f"next: edit it, then autograder check {assignment} --exercise {exercise}")


def _paths(assignment: str | None, exercise: str | None) -> list[Path]:
    if assignment is not None:
        return find_exercises(assignment, exercise)
    folders = sorted(f.name for f in SOLUTIONS.glob("*") if not is_stray(f.name) and list(f.glob("*.ipynb")))
    if not folders:
        raise CourseError(f"no assignment in {SOLUTIONS}/; run this in the course folder, or begin: autograder new A/B")
    return [path for folder in folders for path in find_exercises(folder)]


@click.command()
@click.argument("assignment")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The folder. Default: alone/ASSIGNMENT.")
def alone(assignment: str, out: Path | None) -> None:
    """Write each released notebook of ASSIGNMENT as one that brings dojo/ and the data along, for Colab or VS Code.

    Example: autograder alone backprop
    """
    from autograder.author.alone import write_alone
    from autograder.course.settings import SettingsError, load_config

    try:
        folder = load_config(Path()).get("CourseDirectory", {}).get("release_directory", "release")
        released = Path(folder) / assignment
        if not any(released.glob("*.ipynb")):
            stop(f"{released} has no notebooks; run: nbgrader generate_assignment {assignment}")
        for path in write_alone(released, out or Path("alone") / assignment):
            click.echo(path)
    except SettingsError as error:
        stop(str(error))
    except OSError as error:
        stop(f"{error.strerror or error}: {error.filename or 'a file'}; mend that and run again")


def _state(paths: list[Path]) -> list[tuple[Path, int]]:
    """Return when anything beside each notebook, or the notebook itself, was last written."""
    from autograder.exercise.notebook import files_of

    found = []
    for path in paths:
        files = [path, *(f for f in files_of(path.parent) if f.suffix != ".ipynb"), *path.parent.glob("answers/*.py")]
        found.append((path, max((file.stat().st_mtime_ns for file in files if file.exists()), default=0)))
    return found


def _course(folder: Path) -> tuple[Course, Path]:
    """Return the course in a folder, and the folder of its generated assignments."""
    from autograder.course.open_grader import open_course
    from autograder.course.secret import SecretError
    from autograder.course.settings import SettingsError, load_config, settings_from_config
    from autograder.sandbox.host.bubblewrap import IsolationError
    from autograder.sandbox.places import PROCESS

    # nbgrader calls alembic by name; its program lies beside the Python that runs this.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    try:
        config = load_config(folder)
        settings = settings_from_config(config, folder)
        is_new = not settings.secret.exists()
        # The answers are the author's own, so nothing has to be kept from them, and no warning about it is of use.
        course = open_course(settings, folder, PROCESS)
    except (CourseError, SettingsError, SecretError, IsolationError, OSError) as error:
        stop(str(error))
    if is_new:
        click.echo(f"autograder: {settings.secret} is new: hidden cases are drawn from it; back it up", err=True)
    return course, folder / config.get("CourseDirectory", {}).get("release_directory", "release")


def _checked(paths: list[Path], course: Course, generated: Path | None) -> bool:
    """Check these exercises, print what was found, and return whether all may be released."""
    from autograder.author.check import check_exercise

    passed = True
    for path in paths:
        checked = check_exercise(path, course, generated)
        passed = passed and checked.passes
        _print(checked)
    return passed


def _print(checked: Checked) -> None:
    click.echo(f"{checked.path.parent.name}/{checked.path.stem}: {checked.summary}")
    for finding in checked.findings:
        click.echo(f"  {finding.line()}")
