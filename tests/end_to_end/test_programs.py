"""A program that is forked does what one does that starts anew; the tests of whole courses rely on it."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from demo import programs

COMMANDS = [
    ("nbgrader", "--version"),
    ("nbgrader", "list", "--nonsense=1"),
    ("nbgrader", "db", "student", "list"),
    ("autograder", "grade", "submitted", "--assignment", "port"),
    ("autograder", "--help"),
]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "90"}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_it_says_and_returns_the_same(command, environment, tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    (code, said), (expected, told) = (run(command, tmp_path, environment) for run in (programs.run, programs.anew))
    assert (code, said) == (expected, told)


def test_each_has_a_folder_an_environment_and_a_process_of_its_own(environment, tmp_path):
    """The configuration is a program: it says where it runs."""
    said = "import os\nprint(os.getcwd(), os.environ['WHO'], 'PYTEST_CURRENT_TEST' in os.environ, os.getpid())\n"

    def run(who: str) -> list[str]:
        (tmp_path / who).mkdir()
        (tmp_path / who / "nbgrader_config.py").write_text(said)
        _, told = programs.run(("nbgrader", "list"), tmp_path / who, environment | {"WHO": who})
        return next(line.split() for line in told.splitlines() if line.startswith(str(tmp_path)))

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(run, ("ada", "ben")))
    assert [line[:3] for line in found] == [[str(tmp_path / who), who, "False"] for who in ("ada", "ben")]
    assert len({line[3] for line in found} | {str(os.getpid())}) == 3


def test_the_signal_that_ended_it_is_known(environment, tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    code, _ = programs.run(("nbgrader", "list"), tmp_path, environment)
    assert code == -signal.SIGKILL


def test_what_it_starts_can_be_waited_for_and_its_exit_handlers_run(environment, tmp_path):
    (tmp_path / "nbgrader_config.py").write_text(
        "import atexit, subprocess\nprint('ended with', subprocess.run(['sh', '-c', 'exit 7']).returncode)\n"
        "atexit.register(lambda: print('cleaned up'))\n"
    )
    _, said = programs.run(("nbgrader", "list"), tmp_path, environment)
    assert "ended with 7" in said
    assert said.endswith("cleaned up\n")


def test_another_program_starts_anew(environment, tmp_path):
    assert programs.run(("sh", "-c", "echo here; exit 3"), tmp_path, environment) == (3, "here\n")


def test_a_fork_needs_a_part_of_the_time(environment, tmp_path):
    """Or it would be of no use; the imports take more than half of the whole command."""

    def seconds(run) -> float:
        started = time.perf_counter()
        run(COMMANDS[0], tmp_path, environment)
        return time.perf_counter() - started

    seconds(programs.run)
    assert min(seconds(programs.run) for _ in range(3)) < min(seconds(programs.anew) for _ in range(2))
