"""`autograder bundle`: a grader for Gradescope, or for a repository on GitHub."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from autograder.commands.ending import FAILED, say, stop


@click.command()
@click.argument("platform", type=click.Choice(["gradescope", "github"]))
@click.option("--assignment", required=True, help="The assignment's name, as under solutions/.")
@click.option("--exercise", help="Only this exercise of the assignment (a notebook's name without .ipynb).")
@click.option(
    "--index", metavar="URL", help="Where the platform's pip finds torch's CPU build. Default: its own index."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: ASSIGNMENT-PLATFORM.zip.")
def bundle(platform: str, assignment: str, exercise: str | None, index: str | None, out: Path | None) -> None:
    """Pack a grader that runs on the platform: upload it to Gradescope, or unpack it into a private repository.

    It holds what students have and hidden cases that are prepared, no solution. Run nbgrader generate_assignment first.

    Example: autograder bundle gradescope --assignment backprop
    """
    from autograder.cells.errors import SetupError
    from autograder.course.folder import CourseError
    from autograder.course.secret import SecretError
    from autograder.course.settings import SettingsError, load_config, settings_from_config
    from autograder.exercise.notebook import ExerciseError
    from autograder.files import write_whole
    from autograder.lms.bundle import pack

    folder = Path()
    path = out or Path(f"{assignment}-{platform}.zip")
    try:
        config = load_config(folder)
        settings = settings_from_config(config, folder)
        released = folder / str(config.get("CourseDirectory", {}).get("release_directory") or "release") / assignment
        new = not settings.secret.exists()
        with tempfile.TemporaryDirectory(prefix="bundle-") as staging:
            content, names = pack(platform, assignment, released, settings, Path(staging), exercise, index)
        write_whole(path, content)
    except (CourseError, SettingsError, SecretError, ExerciseError, SetupError) as error:
        stop(str(error))
    except OSError as error:
        stop(f"{error.strerror or error}: {error.filename or path}; mend that and run again", FAILED)
    if new:
        say(f"{settings.secret} is new: hidden cases are drawn from it; back it up")
    click.echo(f"{', '.join(names)}: {path}, {len(content) / 10**6:.1f} MB; as private as the course's secret")
