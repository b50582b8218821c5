import ast

import pytest
import torch

from autograder.author.derive.expression import GapError, Scene, build, read_operation, times

NAMES = {"torch": torch, "F": torch.nn.functional, "x": torch.ones(2, 4)}


def operation(text):
    return read_operation(ast.parse(text, mode="eval").body, NAMES)


@pytest.mark.parametrize(
    ("text", "op", "args"),
    [
        ("x @ x.T", "matmul", ["x", "x.T"]),
        ("torch.mm(x, x)", "matmul", ["x", "x"]),
        ("x.view(8)", "reshape", ["x", "8"]),
        ("F.softmax(x, dim=1)", "softmax", ["x"]),
        ("torch.softmax(input=x, dim=1)", "softmax", ["x"]),
        ("-x", "neg", ["x"]),
        ("x.max(1).values", "chosen", ["x", "1"]),
        ("x.max(1)[0]", "chosen", ["x", "1"]),
        ("x.chunk(2, 1)[1]", "part", ["x"]),
        ("x[0]", "index", ["x"]),
    ],
)
def test_all_spellings_of_an_operation_are_one(text, op, args):
    found = operation(text)
    assert (found.op, [ast.unparse(each) for each in found.args]) == (op, args)


def test_what_is_no_operation_is_a_gap():
    with pytest.raises(GapError):
        operation("[x]")


def test_parts_of_a_template_keep_their_brackets():
    assert ast.unparse(build("G * F", G=build("a + b"), F=build("c"))) == "(a + b) * c"
    assert ast.unparse(times(ast.Constant(1.0), build("c"))) == "c"


def test_zeros_with_a_gradient_in_one_place_are_statements():
    scene = Scene(dict(NAMES), "o", build("x"))
    first = scene.put_in(build("x"), lambda name: f"{name}[0] = 1.0")
    second = scene.put_in(build("x"), lambda name: f"{name}[1] = 2.0")
    assert (ast.unparse(first), ast.unparse(second)) == ("part", "part2")
    assert scene.statements[2:] == ["part2 = torch.zeros_like(x)", "part2[1] = 2.0"]
    assert scene.names["part2"].sum() == 8
