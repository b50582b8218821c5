"""One line, derived: what is written, and what is a gap."""

import pytest
import torch

from autograder.author.derive.expression import GapError
from autograder.author.derive.line import derive_line
from autograder.exercise.lines import read


def derived(text, tensor, upstream="do", **names):
    (line,) = read(text)
    values = {"torch": torch, **names}
    exec(text, values)
    values[f"d{line.target}"] = torch.ones_like(values[line.target])
    marked = [name for name, value in names.items() if isinstance(value, torch.Tensor) and value.requires_grad]
    return derive_line(line, tensor, marked, values, upstream)


def leaf(*shape):
    return torch.rand(shape, requires_grad=True)


def test_the_line_s_own_name_stands_for_its_value():
    assert derived("o = torch.tanh(x)", "x", x=leaf(2)) == ([], "do * (1 - o ** 2)")


def test_the_gradient_of_the_loss_is_one_and_not_written():
    assert derived("loss = (x**2).sum()", "x", None, x=leaf(2)) == ([], "2 * x")
    assert derived("loss = x.sum()", "x", None, x=leaf(2)) == ([], "torch.ones_like(x)")


def test_a_tensor_that_a_line_reads_twice_gets_both_parts():
    assert derived("o = x * x.exp()", "x", x=leaf(2)) == ([], "do * x.exp() + do * x * x.exp()")


def test_a_broadcast_tensor_is_summed_back_to_its_shape():
    assert derived("o = x + b", "b", x=leaf(2, 3), b=leaf(3)) == ([], "do.sum(0)")
    assert derived("o = x * c", "c", x=leaf(2, 3), c=leaf(2, 1)) == ([], "(do * x).sum(1, keepdim=True)")


def test_what_needs_a_statement_has_it_before():
    statements, expression = derived("o = x[0]", "x", x=leaf(2, 3))
    assert (statements, expression) == (["part = torch.zeros_like(x)", "part[0] = do"], "part")


@pytest.mark.parametrize("text", ["o = torch.erf(x)", "o = torch.cat(list(x), 0)", "o = torch.nan_to_num(x)"])
def test_what_no_rule_knows_is_a_gap(text):
    with pytest.raises(GapError):
        derived(text, "x", x=leaf(2, 3))


@pytest.mark.parametrize("more", ["3", "2, stride=2", "kernel_size=3, padding=1"])
def test_windows_that_overlap_add_up(more):
    x = leaf(2, 3, 6, 8)
    functional = torch.nn.functional
    _, expression = derived(f"o = F.unfold(x, {more})", "x", x=x, F=functional)
    made = eval(f"functional.unfold(x, {more})")
    do = torch.rand(made.shape)
    (truth,) = torch.autograd.grad((made * do).sum(), x)
    assert torch.allclose(eval(expression, {"torch": torch, "x": x, "do": do}), truth)


def test_unfolding_one_dimension_is_a_gap():
    with pytest.raises(GapError, match="along a dimension"):
        derived("o = x.unfold(1, 2, 1)", "x", x=leaf(2, 4))
