"""The real program: exit codes, one-line errors, documents."""

from __future__ import annotations

import contextlib
import csv
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from autograder.cli import main
from tests.notebooks import harbour

PROGRAM = Path(sys.executable).parent / "autograder"
COURSE = ("grade", "submitted", "--assignment", "port")


def autograder(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *args], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course with one exercise, two students and a secret."""
    for student in ("ada", "ben"):
        write(tmp_path / "submitted" / student / "port" / "harbour.ipynb", harbour(dkeel="dkeel = -1"))
    write(tmp_path / "solutions" / "port" / "harbour.ipynb", harbour())
    (tmp_path / "course-secret").write_text("0123456789abcdef" * 4)
    return tmp_path


def write(path: Path, notebook) -> None:
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


def said(stderr: str) -> list[str]:
    """What was said, without the lines of progress that a slow machine sees."""
    return [line for line in stderr.splitlines() if not line.endswith(" s left")]


class TestHelp:
    @pytest.mark.parametrize("args", [("--help",), ("-h",), ("grade", "--help")])
    def test_it_says_what_there_is(self, tmp_path, args):
        done = autograder(tmp_path, *args)
        assert done.returncode == 0
        assert ("Mark backpropagation written by hand." in done.stdout) == ("grade" not in args)
        assert ("--gradebook" in done.stdout) == ("grade" in args)

    @pytest.mark.parametrize(
        "args", [["--help"], ["grade", "--help"], ["grade", "submitted"], ["grade", "nowhere", "--assignment", "port"]]
    )
    def test_nothing_heavy_is_imported_for_it(self, course, args):
        code = (
            "import sys\nfrom autograder.cli import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit: pass\n"
            "print(sorted({'torch', 'nbgrader', 'IPython', 'nbformat', 'sqlalchemy'} & set(sys.modules)))"
        )
        command = [sys.executable, "-c", code, *args]
        done = subprocess.run(command, cwd=course, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]"

    def test_torch_is_not_imported_before_the_sandbox_is_on_its_way(self, course):
        """Both take more than a second to import it, and do so at the same time."""
        code = (
            "import sys\nfrom autograder.sandbox.host.program import Program\n"
            "def start(*args):\n    print('torch' in sys.modules)\n    raise KeyboardInterrupt\n"
            "Program._start = start\nfrom autograder.cli import main\nmain(sys.argv[1:])"
        )
        command = [sys.executable, "-c", code, *COURSE, "--isolation", "process"]
        done = subprocess.run(command, cwd=course, capture_output=True, text=True, check=False)
        assert done.stdout == "False\n", done.stderr

    def test_python_dash_m_is_the_same(self, tmp_path):
        command = [sys.executable, "-m", "autograder", "--help"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert "Mark backpropagation written by hand." in done.stdout


class TestUnusable:
    """One line, no traceback, exit code 2."""

    @staticmethod
    def refused(folder, *args):
        """As a program of its own."""
        done = autograder(folder, *args)
        return TestUnusable.line(done.returncode, done.stdout, done.stderr)

    @staticmethod
    def refused_here(folder, *args):
        """In this process, where torch is imported already."""
        with contextlib.chdir(folder):
            done = CliRunner().invoke(main, args)
        return TestUnusable.line(done.exit_code, done.stdout, done.stderr)

    @staticmethod
    def line(code, out, error):
        assert code == 2
        assert out == ""
        (line,) = error.splitlines()
        assert line.startswith("autograder: ")
        return line

    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (("grade", "nowhere", "--assignment", "port"), "nowhere is not a folder; collect submissions first"),
            (("grade", "submitted", "--assignment", "starboard"), "no exercise in solutions/starboard"),
            (("grade", "solutions", "--assignment", "port"), "no submission of port in solutions"),
            ((*COURSE, "--exercise", "pier"), "no exercise pier in solutions/port; there are: harbour"),
            ((*COURSE, "--student", "q*"), "none of the 2 students who submitted port is called q*"),
            ((*COURSE, "--json", "no/marks.json"), "the folder no does not exist"),
            ((*COURSE, "--csv", "no/marks.csv"), "the folder no does not exist"),
        ],
    )
    def test_arguments(self, course, args, says):
        assert says in self.refused(course, *args)

    def test_a_gradebook_without_the_assignment(self, course):
        """With a PATH that does not have what nbgrader calls by name."""
        line = self.refused(course, *COURSE, "--gradebook")
        assert line == "autograder: the gradebook has no port/harbour; run: nbgrader generate_assignment port"

    @pytest.mark.parametrize(
        ("config", "says"),
        [
            ("c = get_config(", "nbgrader_config.py cannot be read: SyntaxError"),
            ("1 / 0", "nbgrader_config.py cannot be read: ZeroDivisionError"),
            ("c = get_config()\nc.MarkByEngine.credit = {'perfect': 1}", "there is no verdict perfect"),
            ("c = get_config()\nc.MarkByEngine.credit = {'hard-coded': 2}", "hard-coded has 2, expected a number"),
            ("c = get_config()\nc.MarkByEngine.credit = 3", "MarkByEngine.credit"),
        ],
    )
    def test_configuration(self, course, config, says):
        (course / "nbgrader_config.py").write_text(config)
        assert says in self.refused_here(course, *COURSE)

    @pytest.mark.parametrize("content", [b"", b"short", b"\xff\xfe" * 40])
    def test_a_secret_that_is_none(self, course, content):
        (course / "course-secret").write_bytes(content)
        assert "course-secret is not a course secret; restore it from your backup" in self.refused_here(course, *COURSE)
        assert (course / "course-secret").read_bytes() == content

    @pytest.mark.parametrize(
        ("before", "after", "says"),
        [
            ('"forward"', '"backward"', "no locked code cell has the tag forward"),
            ("keel + rope", "kiel + rope", "the forward cell failed in `mast = sail @ kiel + rope`: NameError"),
            ("manual_seed(SEED)", "manual_seed(SED)", "a setup cell of the exercise failed: NameError"),
            ("SEED", "NUMBER", "no parameter is a seed"),
            (".requires_grad_()", "", "set requires_grad on the parameters in setup"),
        ],
    )
    def test_an_exercise_that_is_none(self, course, before, after, says):
        path = course / "solutions" / "port" / "harbour.ipynb"
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))
        assert says in self.refused_here(course, *COURSE)

    def test_wrong_options(self, course):
        for args in (("grade",), (*COURSE, "--jobs", "0"), (*COURSE, "--nonsense"), ("marks",)):
            done = autograder(course, *args)
            assert done.returncode == 2
            assert "Traceback" not in done.stderr


def test_the_documents(course):
    (course / "course-secret").unlink()
    done = autograder(course, *COURSE, "--json", "marks.json", "--csv", "marks.csv")
    assert done.returncode == 0
    assert said(done.stderr) == ["autograder: course-secret is new: hidden cases are drawn from it; back it up"]
    assert "port: 2 students" in done.stdout
    assert "wrong: dkeel" in done.stdout
    secret = course / "course-secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    text = (course / "marks.json").read_text()
    assert secret.read_text().strip() not in text + done.stdout + done.stderr
    document = json.loads(text)
    assert (document["schema"], document["assignment"]) == (1, "port")
    assert [(s["student"], s["status"], s["score"]) for s in document["submissions"]] == [
        *(("ada", "graded", 7.0), ("ben", "graded", 7.0))
    ]
    with (course / "marks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["student"], row["score"], row["lost"]) for row in rows] == [
        *(("ada", "7.0", "dkeel: wrong"), ("ben", "7.0", "dkeel: wrong"))
    ]


def test_only_some_students_and_every_submission_of_theirs(course, monkeypatch):
    monkeypatch.chdir(course)
    done = CliRunner().invoke(main, [*COURSE, "--student", "a*", "--long", "--isolation", "process"])
    assert done.exit_code == 0
    assert "port: 1 submissions" in done.stdout
    assert "ben" not in done.stdout


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder in which nobody can write, root included")
def test_a_folder_that_cannot_be_written_is_one_line(course, monkeypatch):
    monkeypatch.chdir(course)
    done = CliRunner().invoke(main, [*COURSE, "--json", "/proc/marks.json"])
    assert done.exit_code == 1
    (line,) = said(done.stderr)
    assert line.startswith("autograder: the results could not be written: ")


def test_a_store_that_cannot_be_made_is_one_line(course, monkeypatch):
    """Its place is taken by a file."""
    (course / ".autograder").write_text("in the way")
    monkeypatch.chdir(course)
    done = CliRunner().invoke(main, COURSE)
    assert done.exit_code == 1
    (line,) = said(done.stderr)
    assert line.startswith("autograder: ")
    assert ".autograder" in line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full")
def test_a_table_that_cannot_be_printed_is_one_line_and_the_documents_stay(course):
    with Path("/dev/full").open("w") as full:
        command = [PROGRAM, *COURSE, "--json", "marks.json", "--isolation", "process"]
        done = subprocess.run(command, cwd=course, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    (line,) = said(done.stderr)
    assert line.startswith("autograder: the table could not be printed: No space left on device; ")
    assert len(json.loads((course / "marks.json").read_text())["submissions"]) == 2
