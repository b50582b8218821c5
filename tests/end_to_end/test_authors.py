"""The README's commands for authors, run as they stand there, and once more after a change."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.conftest import ROOT
from tests.notebooks import by_id

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A course folder with the repository's configuration and Makefile, and this Python as its .venv."""
    course = tmp_path_factory.mktemp("authors")
    for name in ("nbgrader_config.py", "Makefile"):
        shutil.copy(ROOT / name, course)
    (course / ".venv").symlink_to(sys.prefix)
    (course.parent / "exchange").mkdir(exist_ok=True)
    (course.parent / "exchange").chmod(0o777)
    return course


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{folder / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    more = {"PATH": path, "PYTHONPATH": str(ROOT), "NBGRADER_EXCHANGE": str(folder.parent / "exchange")}
    command = command.replace("make ", "make -o .venv/ready ")  # this Python has what `make setup` installs
    return subprocess.run(
        command, shell=True, cwd=folder, env=os.environ | more, capture_output=True, text=True, timeout=300, check=False
    )


def generated(folder: Path):
    return by_id(nbformat.read(folder / "assignments" / "line" / "1_line.ipynb", as_version=4))


def test_new_edit_check_release_and_once_more_after_a_change(folder):
    section = README[README.index("## For authors") : README.index("**Conventions.**")]
    commands = [line for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) for line in block.splitlines()]
    assert [command.split()[:2] for command in commands] == [
        ["autograder", "new"],
        ["autograder", "check"],
        ["make", "generate"],
        ["make", "release"],
    ]
    said = {command: run(command, folder) for command in commands}
    for command, result in said.items():
        assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    new, check, *_ = said.values()
    assert "8 steps, 8 cells filled, 0 left as gaps" in new.stdout
    line, *notes = check.stdout.splitlines()
    assert re.fullmatch(r"line/1_line: 8 steps, 8 points, \d+ usual .* 30 seeds, may be released, .*", line)
    assert all("as rounding" in note for note in notes)  # in float32, which not all processors round alike
    assert (folder.parent / "exchange" / "backprop-dojo" / "outbound" / "line" / "1_line.ipynb").is_file()
    stub = generated(folder)["dh"].source
    assert stub in section, "the README shows another stub"

    # Changed: what was generated before is not released, and the second round takes effect.
    path = folder / "solutions" / "line" / "1_line.ipynb"
    book = nbformat.read(path, as_version=4)
    by_id(book)["setup"].source += "\n\n# another sentence"
    by_id(book)["cmp_dh"].metadata["nbgrader"]["points"] = 5
    nbformat.write(book, path)
    again = [run(command, folder) for command in commands[:1] + commands[3:] + commands[2:3]]
    assert [result.returncode for result in again[:2]] == [2, 2]
    assert "exists already; choose another name" in again[0].stderr
    assert "was generated before this cell was changed; run: make generate ASSIGNMENT=line" in again[1].stdout
    assert again[2].returncode == 0, again[2].stderr
    assert generated(folder)["cmp_dh"].metadata["nbgrader"]["points"] == 5
    assert "another sentence" in generated(folder)["setup"].source


def test_a_fault_is_not_generated_and_no_traceback_is_printed(folder):
    path = folder / "solutions" / "line" / "1_line.ipynb"
    book = nbformat.read(path, as_version=4)
    by_id(book)["autograd"].source = "loss.backward()"
    nbformat.write(book, path)
    result = run("make generate ASSIGNMENT=line", folder)
    assert result.returncode != 0
    assert "no .grad, so cmp cannot compare" in result.stderr
    assert "Traceback" not in result.stderr
