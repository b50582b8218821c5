import pytest

from autograder.exercise.forward import ForwardError, consumers, parse_forward


def test_each_line_becomes_a_step_with_its_target_and_the_names_it_reads():
    steps = parse_forward("# first\nb = a * w\n\nc = b.exp()  # why\n")
    assert [(step.target, step.uses, step.source) for step in steps] == [
        ("b", ("a", "w"), "b = a * w"),
        ("c", ("b",), "c = b.exp()"),
    ]


@pytest.mark.parametrize(
    ("expression", "uses"),
    [
        ("a * b + a", ("a", "b")),
        ("a.sum(0, keepdim=True)", ("a",)),
        ("-p[range(n), y].mean()", ("p", "range", "n", "y")),
        ("f(a, key=b)", ("f", "a", "b")),
        ("1.0", ()),
    ],
)
def test_every_name_in_an_expression_is_read_once(expression, uses):
    (step,) = parse_forward(f"x = {expression}")
    assert sorted(step.uses) == sorted(uses)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "the forward cell is empty"),
        ("# only a comment", "the forward cell is empty"),
        ("b = a\nc = (", r"not valid Python: '\(' was never closed in line 2"),
        ("b = a\n%time c = b", "not valid Python: .* in line 2"),
        ("b = a\nb += 1", r"line 2 .* not of the form `name = expression`: b \+= 1"),
        ("a = b = c", "line 1 .* not of the form"),
        ("a.x = b", "line 1 .* not of the form"),
        ("a[0] = b", "line 1 .* not of the form"),
        ("a: int", "line 1 .* not of the form"),
        ("b = a\nfor i in b:\n    pass", "line 3 .* not of the form"),
        ("def f(x):\n    return x\nb = f(a)", "a function hides the steps .* define it in setup"),
        ("if a:\n    b = a", "decide in setup which lines there are"),
        ("with c:\n    b = a", "without `with`"),
        ("import torch", "import in the setup cell"),
        ("b = a\nprint(b)", r"line 2 .* not of the form .*: print\(b\)"),
        ("b = a\nc = b\nb = c", "line 3 of the forward cell assigns b a second time"),
    ],
)
def test_anything_but_plain_assignments_is_refused_with_its_line(source, message):
    with pytest.raises(ForwardError, match=message):
        parse_forward(source)


def test_consumers_come_in_backward_order_and_once_for_each_line():
    steps = parse_forward("b = a * a\nc = a + b\nd = c\nloss = a * d")
    assert [step.target for step in consumers(steps, "a")] == ["loss", "c", "b"]
    assert consumers(steps, "loss") == ()
