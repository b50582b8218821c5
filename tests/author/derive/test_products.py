import pytest

from autograder.author.derive.line import derive_line
from autograder.exercise.lines import read
from tests.author.derive.lines import LINES, check, names


@pytest.mark.parametrize("text", LINES["products"])
def test_a_line_is_derived_as_autograd_does(text):
    check(text)


def test_the_transpose_of_a_transpose_is_what_was_transposed():
    values = names()
    (line,) = read("o = q @ k.transpose(1, 2)")
    exec(line.source, values)
    values["do"] = values["o"].detach()
    assert derive_line(line, "q", ["q", "k"], values, "do") == ([], "do @ k")
