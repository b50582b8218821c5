"""`autograder roster`, `import`, `export` and `return`: in from a learning platform, and back."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.commands.ending import FAILED, say, stop

if TYPE_CHECKING:
    from nbgrader.api import Gradebook
    from traitlets.config.loader import Config

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
OUT = click.Path(path_type=Path, dir_okay=False)
OUTCOMES = ("new", "newer", "unchanged", "older")
MAX_LINES = 30  # of names that are listed under one another


@contextmanager
def _course() -> Iterator[tuple[Config, Gradebook, Path]]:
    """Yield the course in the current folder, and end the program with one line where something cannot be used."""
    from autograder.course.folder import CourseError, GradebookError
    from autograder.course.settings import CONFIG, SettingsError, load_config
    from autograder.lms.students import opened_gradebook

    folder = Path()
    # nbgrader calls alembic by name; its program lies beside the Python that runs this.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    try:
        if not (folder / CONFIG).is_file():
            raise CourseError(f"no {CONFIG} here; run this in the course folder, or make one: autograder init FOLDER")
        config = load_config(folder)
        with opened_gradebook(config, folder) as gradebook:
            yield config, gradebook, folder
    except (CourseError, SettingsError) as error:
        stop(str(error))
    except GradebookError as error:
        stop(str(error), FAILED)
    except OSError as error:
        stop(f"{error.strerror or error}: {error.filename or 'a file'}; mend that and run again", FAILED)


def _list(lines: Sequence[str]) -> None:
    from autograder.text import one_line

    for line in lines[:MAX_LINES]:
        say(one_line(line))
    if len(lines) > MAX_LINES:
        say(f"and {len(lines) - MAX_LINES} more")


@click.command()
@click.argument("file", type=FILE)
def roster(file: Path) -> None:
    """Put the students of FILE into the gradebook and roster.csv; nobody is taken out.

    FILE is a CSV file: Canvas's gradebook, Moodle's participants, grades or grading worksheet, Gradescope's roster, or
    one of your own with a column id and, if you like, first_name, last_name, email and lms_id.

    Example: autograder roster grades.csv
    """
    from autograder.lms.grades import keep_columns
    from autograder.lms.roster import read_roster
    from autograder.lms.sheet import read_sheet
    from autograder.lms.students import enrol

    with _course() as (_, gradebook, folder):
        found = read_roster(read_sheet(file))
        done = enrol(found, gradebook, folder)
        if found.columns:
            keep_columns(folder, found.columns)
        click.echo(f"students: {len(done.new)} new, {len(done.known)} known (read as {found.kind})")
        if done.absent:
            _list([f"in the gradebook, not in {file.name}: {', '.join(done.absent[:MAX_LINES])}; they stay"])
        _list([f"left out: {line}" for line in found.refused])
        sys.exit(FAILED if found.refused else 0)


@click.command("import")
@click.argument("platform", type=click.Choice(["canvas", "moodle", "gradescope"]))
@click.argument("archive", metavar="ZIP", type=FILE)
@click.option("--assignment", required=True, help="The assignment's name, as under solutions/.")
@click.option("--worksheet", type=FILE, help="Moodle's grading worksheet: whose number is whose, and the times.")
def import_(platform: str, archive: Path, assignment: str, worksheet: Path | None) -> None:
    """Put the submissions of ZIP, the platform's download of all of them, into submitted/.

    They are matched to the roster by the platform's ids; who cannot be matched is named. Newer submissions replace
    older ones. Exits with 1 where something could not be taken.

    Example: autograder import canvas submissions.zip --assignment backprop
    """
    from nbgrader.api import MissingEntry

    from autograder.course.folder import CourseError, find_exercises
    from autograder.lms.archive import Archive
    from autograder.lms.canvas import read_canvas
    from autograder.lms.gradescope import read_gradescope
    from autograder.lms.intake import take_in
    from autograder.lms.moodle import read_moodle
    from autograder.lms.receive import remember
    from autograder.lms.sheet import read_sheet
    from autograder.lms.students import known_students

    with _course() as (config, gradebook, folder), Archive(archive, archive.name) as opened:
        exercises = [path.stem for path in find_exercises(assignment)]
        sheet = None if worksheet is None else read_sheet(worksheet)
        readers = {"canvas": read_canvas, "gradescope": read_gradescope}
        contents = read_moodle(opened, sheet) if platform == "moodle" else readers[platform](opened)
        if not contents.handed_in:
            first = f" ({contents.refused[0]})" if contents.refused else ""
            raise CourseError(
                f"nothing in {archive.name} is a submission as {platform} packs it{first}; is it another's?"
            )
        try:
            due = gradebook.find_assignment(assignment).duedate
        except MissingEntry:
            due = None
        submitted = folder / str(config.get("CourseDirectory", {}).get("submitted_directory") or "submitted")
        students = known_students(gradebook, folder)
        intake = take_in(contents, opened, students, submitted, assignment, exercises, due)
        if intake.returns:
            remember(folder, assignment, platform, intake.returns)
    total = sum(intake.counts[outcome] for outcome in OUTCOMES)
    said = ", ".join(f"{intake.counts[o]} {o}" for o in (*OUTCOMES, "late") if intake.counts[o])
    _list(intake.notes)
    _list([f"not taken: {fault}" for fault in intake.faults])
    click.echo(f"{assignment}: {total} of {len(contents.handed_in)} submissions" + (f": {said}" if said else ""))
    sys.exit(FAILED if intake.faults else 0)


@click.command()
@click.argument("platform", type=click.Choice(["canvas", "moodle", "csv"]))
@click.option("--assignment", "assignments", multiple=True, help="Only this assignment; may be given again.")
@click.option("--out", type=OUT, help="The file to write. Default: grades-PLATFORM.csv.")
def export(platform: str, assignments: tuple[str, ...], out: Path | None) -> None:
    """Write the gradebook as the CSV file that the platform imports, one column an assignment.

    Penalties are taken off. Where nothing was submitted the cell is empty.

    Example: autograder export canvas --out grades.csv
    """
    from autograder.course.folder import CourseError
    from autograder.files import write_whole
    from autograder.lms.grades import canvas_columns, kept_columns, read_grades, to_canvas, to_moodle, to_spreadsheet
    from autograder.lms.students import known_students

    with _course() as (_, gradebook, folder):
        grades = read_grades(gradebook, assignments)
        missing = [name for name in assignments if name not in grades.assignments]
        if missing or not grades.assignments:
            which = missing[0] if missing else ""
            raise CourseError(f"the gradebook has no assignment {which}; run: nbgrader generate_assignment {which}")
        students = known_students(gradebook, folder)
        if platform == "canvas":
            columns = kept_columns(folder)
            text, left_out = to_canvas(grades, students, columns)
            unknown = grades.assignments.keys() - canvas_columns(grades, columns).keys()
            _list(
                [f"Canvas has no column {name}, and will ask what it is{_those(columns)}" for name in sorted(unknown)]
            )
        else:
            text, left_out = (to_moodle if platform == "moodle" else to_spreadsheet)(grades, students)
        path = out or Path(f"grades-{platform}.csv")
        write_whole(path, text)
        lacking = "an id of Canvas's" if platform == "canvas" else "an e-mail address"
        _list([f"{name} is left out: the roster has not {lacking}; autograder roster FILE" for name in left_out])
        count, many = len(students) - len(left_out), len(grades.assignments)
        click.echo(f"{count} student{'s' * (count != 1)}, {many} assignment{'s' * (many != 1)}: {path}")
        sys.exit(FAILED if left_out else 0)


def _those(columns: Mapping[str, str]) -> str:
    if not columns:
        return "; autograder roster FILE with Canvas's own export tells its columns"
    return f"; it has {', '.join(sorted(columns.values())[:5])}"


@click.command("return")
@click.argument("platform", type=click.Choice(["canvas", "moodle"]))
@click.option("--assignment", required=True, help="The assignment's name, as under solutions/.")
@click.option("--out", type=OUT, help="The file to write. Default: feedback-ASSIGNMENT-PLATFORM.zip.")
def return_(platform: str, assignment: str, out: Path | None) -> None:
    """Pack the feedback pages of imported submissions into a zip that the platform hands to its students.

    Make the pages first: nbgrader generate_feedback. In Canvas it is uploaded by Re-Upload Submissions, in Moodle by
    Upload multiple feedback files in a zip.

    Example: autograder return canvas --assignment backprop
    """
    from autograder.course.folder import CourseError
    from autograder.files import write_whole
    from autograder.lms.give_back import feedback_zip
    from autograder.lms.receive import recall

    with _course() as (config, _, folder):
        places = config.get("CourseDirectory", {})
        feedback = folder / str(places.get("feedback_directory") or "feedback")
        autograded = folder / str(places.get("autograded_directory") or "autograded")
        packed = feedback_zip(feedback, autograded, assignment, platform, recall(folder, assignment, platform))
        if not packed.pages:
            why = packed.left_out[0] if packed.left_out else f"run: nbgrader generate_feedback {assignment}"
            raise CourseError(f"no feedback page of {assignment} to return to {platform}; {why}")
        path = out or Path(f"feedback-{assignment}-{platform}.zip")
        write_whole(path, packed.content)
        _list(packed.left_out)
        click.echo(f"{packed.pages} pages: {path}")
        sys.exit(FAILED if packed.left_out else 0)
