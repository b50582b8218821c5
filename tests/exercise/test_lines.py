"""What a forward cell is read as: one assignment for each name."""

import pytest

from autograder.exercise import lines
from autograder.exercise.lines import ForwardError, read
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a, b = x.chunk(2)", ["a = x.chunk(2)[0]", "b = x.chunk(2)[1]"]),
        ("[a, b] = x", ["a = x[0]", "b = x[1]"]),
        ("v, i = (x + y).max(1)", ["v = (x + y).max(1)[0]", "i = (x + y).max(1)[1]"]),
        ("_, i = x.max(1)", ["i = x.max(1)[1]"]),
        ("a, (b, c) = f(x)", ["a = f(x)[0]", "b = f(x)[1][0]", "c = f(x)[1][1]"]),
        ("u, v = x @ W, x @ V", ["u = x @ W", "v = x @ V"]),
        ("h: torch.Tensor = x @ W", ["h = x @ W"]),
        ("h = f(x,\n      y)  # two lines", ["h = f(x,\n      y)"]),
    ],
)
def test_unpacking_and_annotations_are_single_assignments(source, expected):
    assert [each.source for each in read(source)] == expected


def test_what_a_piece_reads_is_what_the_whole_reads():
    assert [set(each.uses) for each in read("a, b = x.chunk(n)")] == [{"x", "n"}] * 2


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("a, *b = x", "line 1 .* not of the form"),
        ("a, x.b = y", "line 1 .* not of the form"),
        ("a, b = x, a", "line 1 .* reads a name that it assigns"),
        ("a = x\na, b = y", "line 2 .* assigns a a second time"),
        ("for t in ts:\n    print(t)", "line 2 .* print and plot in a cell of its own"),
        ("for t in ts:\n    a = t\nelse:\n    a = 1", "line 1 .* not of the form"),
        ("x += 1", "write `new = old"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused_with_what_to_do(source, says):
    with pytest.raises(ForwardError, match=says):
        read(source)


LOOP = "h = h0\nfor t in range(T):\n    a = x[t] @ W + h\n    h = a.tanh()\nloss = h.sum()"


def test_a_loop_is_one_line_for_each_name_that_it_makes():
    found = [(each.target, each.is_loop) for each in read(LOOP)]
    assert found == [("h", False), ("a", True), ("h", True), ("loss", False)]


def test_a_loop_reads_what_its_lines_read_but_for_its_own_variable():
    assert {"x", "W", "h", "T"} <= set(read(LOOP)[1].uses)
    assert "t" not in read(LOOP)[1].uses


def test_students_and_autograder_read_with_one_file():
    link = ROOT / "autograder" / "exercise" / "lines.py"
    assert link.is_symlink()
    assert link.resolve() == ROOT / "autograder" / "dojo" / "explain" / "lines.py"
    assert "torch" not in vars(lines)
