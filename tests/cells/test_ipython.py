"""Cells run as in Jupyter, with their output captured."""

import pytest

from autograder.cells.ipython import (
    MAX_TEXT,
    BoundedText,
    CellOutcome,
    CellShell,
    compile_cell,
    new_shell,
    run_cell,
    run_compiled,
)
from autograder.cells.namespace import clear, user_names


@pytest.fixture(scope="module")
def shell(tmp_path_factory) -> CellShell:
    return new_shell(str(tmp_path_factory.mktemp("ipython")))


def test_a_cell_that_works_has_no_error_and_its_names_stay(shell):
    assert run_cell(shell, "kept = 41").error is None
    assert run_cell(shell, "kept + 1").text == "42\n"


def test_what_ran_before_the_error_stays(shell):
    run_cell(shell, "before = 1\nprint('so far')\n1 / 0\nafter = 2")
    assert shell.user_ns["before"] == 1
    assert "after" not in shell.user_ns


def test_output_and_errors_of_the_cell_are_captured_not_shown(shell, capsys):
    outcome = run_cell(shell, "import sys\nprint('out')\nprint('err', file=sys.stderr)\n1 / 0")
    assert outcome.text == "out\nerr\n"
    assert capsys.readouterr() == ("", "")


def test_output_is_bounded(shell):
    outcome = run_cell(shell, "for _ in range(100):\n    print('x' * 10_000)")
    assert len(outcome.text) < MAX_TEXT + 100
    assert outcome.text.endswith("\n[more output was cut]\n")


@pytest.mark.parametrize("source", ["sys.stdout.close()", "sys.stdout = None", "del sys.stdout", "sys.stderr.close()"])
def test_a_cell_that_breaks_its_streams_harms_no_later_cell(shell, source):
    run_cell(shell, f"import sys\n{source}", seconds=60)
    assert run_cell(shell, "print('still here')", seconds=60).text == "still here\n"


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline\ndone = True",
        "%time done = True",
        "%%time\ndone = True",
        "%timeit -n1 -r1 1\ndone = True",
        "!true\ndone = True",
        "%precision 3\ndone = True",
        "import asyncio\nawait asyncio.sleep(0)\ndone = True",
        "print?\ndone = True",
    ],
)
def test_what_jupyter_runs_runs_here(shell, source):
    shell.user_ns.pop("done", None)
    assert run_cell(shell, source, seconds=60).error is None
    assert shell.user_ns["done"] is True


def test_bounded_text_keeps_its_first_characters():
    text = BoundedText(5)
    for part in ("ab", "", "cd", "ef", "gh"):
        assert text.write(part) == len(part)
    assert text.getvalue() == "abcde\n[more output was cut]\n"


def test_bounded_text_that_is_just_full_is_not_cut():
    text = BoundedText(4)
    text.write("abcd")
    assert text.getvalue() == "abcd"


@pytest.mark.parametrize(
    "source",
    ["x = 1\nx + 1", "'words'", "", "\n\n1 / 0", "x = 2\n1 / 0", "y = [2]\ny.append(3)", "%time x = 1", "x ="],
)
def test_a_cell_whose_last_value_is_not_displayed_does_the_same(shell, source):
    found = []
    for show in (True, False):
        clear(shell)
        code = compile_cell(shell, source, show=show)
        found.append(None if code is None else (run_compiled(shell, code, source, 5.0, show=False), user_names(shell)))
    assert found[0] == found[1]


@pytest.mark.parametrize("source", ["x = " + "-" * 200_000 + "1", "+".join(["1"] * 100_000)], ids=["signs", "a sum"])
@pytest.mark.parametrize("show", [True, False])
def test_code_that_nests_too_deeply_is_said_without_ipython(shell, source, show):
    """IPython reads such a cell for half a second before it finds the same."""
    outcome = compile_cell(shell, source, show=show)
    assert isinstance(outcome, CellOutcome)
    assert "this code nests too deeply for Python" in outcome.error
