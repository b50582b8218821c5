"""What the authors' commands refuse; what they do is in tests/end_to_end/test_authors.py."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

PROGRAM = (sys.executable, "-m", "autograder")


def run(*arguments, folder):
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check",), "no assignment in solutions/"),
        (("check", "nothing"), "no exercise in solutions/nothing"),
        (("check", "--exercise", "a"), "--exercise needs the assignment too"),
        (("new", "noslash"), "expected ASSIGNMENT/EXERCISE"),
        (("new", "../a/b"), "expected ASSIGNMENT/EXERCISE"),
        (("new", "a/b", "--forward", "bad.py"), "bad.py: ZeroDivisionError: division by zero"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(tmp_path, arguments, says):
    (tmp_path / "bad.py").write_text("1 / 0")
    result = run(*arguments, folder=tmp_path)
    assert result.returncode == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
