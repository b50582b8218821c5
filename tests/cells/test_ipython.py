import pytest

from autograder.cells.ipython import (
    MAX_MESSAGE,
    MAX_TEXT,
    BoundedText,
    CellShell,
    compile_cell,
    new_shell,
    run_cell,
    run_compiled,
)


@pytest.fixture(scope="module")
def shell(tmp_path_factory) -> CellShell:
    return new_shell(str(tmp_path_factory.mktemp("ipython")))


HANGING_MESSAGE = """
class E(Exception):
    def __str__(self):
        while True:
            pass
raise E
"""
RAISING_MESSAGE = """
class E(Exception):
    def __str__(self):
        raise KeyError("x")
raise E
"""
RAISING_MSG = """
class E(SyntaxError):
    @property
    def msg(self):
        raise KeyError("x")
raise E("y")
"""


@pytest.mark.parametrize(
    ("source", "start", "where"),
    [
        ("a = 1\nb = undefined", "NameError: name 'undefined' is not defined", "2: b = undefined"),
        ("1 / 0  # why", "ZeroDivisionError: division by zero", "1: 1 / 0  # why"),
        ("\n \n1 / 0", "ZeroDivisionError: division by zero", "3: 1 / 0"),
        ("def f(x):\n    return x.y\nf(1)", "AttributeError: 'int' object has no attribute 'y'", "2: return x.y"),
        ("import json\n\njson.loads(1)", "TypeError: the JSON object must be", "3: json.loads(1)"),
        ("a = 1\nb = (", "SyntaxError: ", "2: b = ("),
        ("\na = 1\nb = )", "SyntaxError: ", "3: b = )"),
        ("a = 1\n  b = 2", "IndentationError: unexpected indent", "2: b = 2"),
        ("a = 1\neval('1 +')", "SyntaxError: invalid syntax", "2: eval('1 +')"),
        ("raise ValueError('two\\n  lines')", "ValueError: two lines", "1: raise ValueError('two\\n  lines')"),
        ("raise SyntaxError('two\\nlines')", "SyntaxError: two lines", "1: raise SyntaxError('two\\nlines')"),
        ("E = type('A\\nB', (Exception,), {})\nraise E('m')", "A B: m", "2: raise E('m')"),
        ("%no_such_magic", "UsageError: Line magic function `%no_such_magic` not found.", "1: %no_such_magic"),
        (RAISING_MESSAGE, "E: (its message cannot be shown)", "5: raise E"),
        (RAISING_MSG, "E: y", '6: raise E("y")'),
    ],
)
def test_an_error_is_one_line_with_the_line_of_the_cell(shell, source, start, where):
    error = run_cell(shell, source).error
    assert error.startswith(start)
    assert error.endswith(f" (line {where})")
    assert "\n" not in error


@pytest.mark.filterwarnings("ignore:To exit:UserWarning")
def test_leaving_is_an_error_of_the_cell(shell):
    assert run_cell(shell, "raise SystemExit(3)").error == "SystemExit: 3 (line 1: raise SystemExit(3))"


def test_an_error_inside_an_earlier_cells_function_has_the_line_of_this_cell(shell):
    run_cell(shell, "def helper(x):\n    y = 1\n    return x.nope")
    found = run_cell(shell, "z = 1\nhelper(z)\n# an innocent third line").error
    assert found == "AttributeError: 'int' object has no attribute 'nope' (line 2: helper(z))"


def test_a_long_message_is_cut(shell):
    for kind in ("ValueError", "SyntaxError"):
        assert len(run_cell(shell, f"raise {kind}('x' * 10**6)").error) < MAX_MESSAGE + 100


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


@pytest.mark.parametrize(
    "source",
    [
        "while True:\n    pass",
        "while True:\n    try:\n        while True:\n            pass\n    except Exception:\n        pass",
        "try:\n    while True:\n        pass\nexcept:\n    while True:\n        pass",
        "import time\ntime.sleep(3600)",
        "%time while True: pass",
    ],
)
def test_the_time_limit_interrupts(shell, source):
    outcome = run_cell(shell, source, seconds=0.1)
    assert outcome.timed_out
    assert outcome.error == "stopped after 0.1 s; look for a loop that does not end"


def test_the_time_limit_holds_while_the_message_is_asked_for(shell):
    outcome = run_cell(shell, HANGING_MESSAGE, seconds=0.1)
    assert outcome.error == "E: (its message cannot be shown) (line 6: raise E)"


def test_the_cell_after_an_interrupted_one_runs(shell):
    run_cell(shell, "while True:\n    pass", seconds=0.1)
    assert run_cell(shell, "1 + 1", seconds=60).text == "2\n"


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
    ("source", "line"),
    [
        ("1\n\n1 / 0", 3),
        ("\n\n1 / 0", 3),
        ("def f():\n    1 / 0\nfor i in range(2):\n    f()", 4),
        ("1 /", None),
        ("1", None),
    ],
)
def test_the_line_that_was_under_way(shell, source, line):
    assert run_cell(shell, source).line == line
    if (compiled := compile_cell(shell, source)) is not None:
        assert run_compiled(shell, compiled, source, 5.0, show=False).line == line
