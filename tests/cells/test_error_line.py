"""An exception is one line with the line of the cell."""

import pytest

from autograder.cells.error_line import MAX_MESSAGE
from autograder.cells.ipython import CellShell, compile_cell, new_shell, run_cell, run_compiled


@pytest.fixture(scope="module")
def shell(tmp_path_factory) -> CellShell:
    return new_shell(str(tmp_path_factory.mktemp("ipython")))


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
