"""The commands as a person gives them."""

from __future__ import annotations

import contextlib
from importlib.metadata import version

import pytest
from click.testing import CliRunner

from autograder.cli import main


def run(folder, *args):
    with contextlib.chdir(folder):
        return CliRunner().invoke(main, args)


def test_init_doctor_and_the_students_side(tmp_path):
    done = run(tmp_path, "init", "course")
    assert (done.exit_code, done.stdout) == (0, "course is ready; read course/README.md\n")
    done = run(tmp_path / "course", "doctor")
    assert done.exit_code == 1
    assert all(line.startswith(("ok   ", "FIX  ", "note ")) for line in done.stdout.splitlines())
    assert "note released backprop: not generated so far; nbgrader generate_assignment backprop, once" in done.stdout
    assert run(tmp_path / "course", "init", "--student", "../students").exit_code == 0
    assert (tmp_path / "students" / "requirements.txt").is_file()


@pytest.mark.parametrize("more", [(), ("--student",)])
def test_a_folder_that_holds_something(tmp_path, more):
    (tmp_path / "mine.txt").touch()
    done = run(tmp_path, "init", ".", *more)
    assert done.exit_code == 2
    assert done.stderr == "autograder: . is not empty (it has mine.txt); name a new or an empty folder\n"


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    done = run(tmp_path, "init", "file/course")
    assert done.exit_code == 1
    assert "could not be laid out: Not a directory" in done.stderr


def test_the_version_is_that_of_the_package(tmp_path):
    assert run(tmp_path, "--version").stdout == f"autograder {version('backprop-dojo')}\n"
