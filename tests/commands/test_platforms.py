"""The commands as an instructor gives them; tests/end_to_end/test_platforms.py goes the whole way with them."""

from __future__ import annotations

import contextlib
import shutil

import nbformat
import pytest
from click.testing import CliRunner

from autograder.cli import main
from tests.lms.zips import CANVAS_GRADES, zipped
from tests.notebooks import harbour


@pytest.fixture
def course(tmp_path, gradebook_file):
    """A course with the exercise harbour and the student ada."""
    folder = tmp_path / "course"
    (folder / "solutions" / "port").mkdir(parents=True)
    nbformat.write(harbour(), folder / "solutions" / "port" / "harbour.ipynb")
    (folder / "nbgrader_config.py").write_text("c = get_config()\n")
    shutil.copy(gradebook_file, folder)
    (folder / "grades.csv").write_text(CANVAS_GRADES)
    return folder


def run(folder, *args):
    with contextlib.chdir(folder):
        return CliRunner().invoke(main, args)


def refused(folder, *args):
    done = run(folder, *args)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    return line


def test_roster(course):
    done = run(course, "roster", "grades.csv")
    assert (done.exit_code, done.stdout) == (0, "students: 2 new, 1 known (read as canvas)\n")
    (course / "own.csv").write_text("id\ndora\n../x\n")
    done = run(course, "roster", "own.csv")
    assert (done.exit_code, done.stdout) == (1, "students: 1 new, 0 known (read as csv)\n")
    assert "in the gradebook, not in own.csv: 103, ada, ben; they stay" in done.stderr
    assert "left out: row 3 (../x)" in done.stderr


def test_import_names_whom_it_could_not_match(course):
    run(course, "roster", "grades.csv")
    zipped(
        course / "all.zip", {"sampleada_101_1_harbour.ipynb": "{}", "who\x1b_9_2_harbour.ipynb": "{}", "z_8_3_a.py": ""}
    )
    done = run(course, "import", "canvas", "all.zip", "--assignment", "port")
    assert done.exit_code == 1
    assert done.stdout == "port: 1 of 2 submissions: 1 new\n"
    assert "not taken: z (8): the roster has nobody, or several, of that id; autograder roster FILE" in done.stderr
    assert "\x1b" not in done.stderr
    assert (course / "submitted" / "ada" / "port" / "harbour.ipynb").is_file()


def test_a_zip_of_another_platform_is_refused_in_one_line(course):
    zipped(course / "moodle.zip", {f"{who}_1_assignsubmission_file/harbour.ipynb": "{}" for who in "abc"})
    line = refused(course, "import", "canvas", "moodle.zip", "--assignment", "port")
    assert "nothing in moodle.zip is a submission as canvas packs it (harbour.ipynb: " in line
    zipped(course / "empty.zip", {})
    assert refused(course, "import", "moodle", "empty.zip", "--assignment", "port").endswith("; is it another's?")


def test_export(course):
    run(course, "roster", "grades.csv")
    done = run(course, "export", "canvas")
    assert (done.exit_code, done.stdout) == (0, "3 students, 1 assignment: grades-canvas.csv\n")
    header = (course / "grades-canvas.csv").read_text().splitlines()[0]
    assert header == "Student,ID,SIS User ID,SIS Login ID,Section,port (4711)"
    assert (course / "grades-canvas.csv").stat().st_mode & 0o777 == 0o600
    done = run(course, "export", "moodle", "--out", "m.csv")
    assert done.exit_code == 1
    assert "ada is left out: the roster has not an e-mail address" in done.stderr
    assert run(course, "export", "csv").exit_code == 0


def test_export_says_which_columns_canvas_does_not_know(course):
    (course / "own.csv").write_text("id,lms_id\nada,101\n")
    run(course, "roster", "own.csv")
    assert (
        "Canvas has no column port, and will ask what it is; autograder roster FILE"
        in run(course, "export", "canvas").stderr
    )
    (course / "other.csv").write_text((course / "grades.csv").read_text().replace("port (4711)", "Harbour (4711)"))
    run(course, "roster", "other.csv")
    assert "what it is; it has Harbour (4711)\n" in run(course, "export", "canvas").stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("roster", "marks.csv"), "a column id; found: name"),
        (("import", "canvas", "marks.csv", "--assignment", "port"), "marks.csv is not a zip file"),
        (("import", "canvas", "empty.zip", "--assignment", "starboard"), "no exercise in solutions/starboard"),
        (("import", "gradescope", "empty.zip", "--assignment", "port"), "has no submission_metadata.yml"),
        (("export", "csv", "--assignment", "starboard"), "the gradebook has no assignment starboard"),
        (("return", "canvas", "--assignment", "port"), "no feedback page of port to return to canvas"),
    ],
)
def test_a_wrong_argument_ends_in_one_line(course, args, says):
    (course / "marks.csv").write_text("name\nAda\n")
    zipped(course / "empty.zip", {})
    assert says in refused(course, *args)


def test_outside_a_course(tmp_path):
    (tmp_path / "class.csv").write_text("id\nada\n")
    assert "no nbgrader_config.py here; run this in the course folder" in refused(tmp_path, "roster", "class.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["class.csv"]


def test_a_gradebook_that_is_none(course):
    (course / "gradebook.db").write_text("no database" * 99)
    done = run(course, "roster", "grades.csv")
    assert done.exit_code == 1
    assert done.stderr.startswith("autograder: the gradebook could not be used (")
    assert len(done.stderr.splitlines()) == 1
