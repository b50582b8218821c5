"""The cheap part of a check: what grading would refuse, and gradients that `cmp` would not find."""

import pytest

from autograder.author.early import early_findings


def said(changed, **pieces):
    return [finding.line() for finding in early_findings(*changed(**pieces))]


def test_the_example_has_no_faults(changed):
    assert said(changed) == []


@pytest.mark.parametrize(
    ("pieces", "says"),
    [
        ({"autograd": ("tensor.retain_grad()", "pass")}, "no .grad, so cmp cannot compare; write logp.retain_grad()"),
        ({"autograd": ("loss.backward()", "pass")}, "leaves no gradient at all; write loss.backward()"),
        ({"autograd": ("loss.backward()", "lost.backward()")}, "fails: NameError: name 'lost' is not defined"),
        ({"parameters": ("SEED = 42", "START = 42"), "setup": ("SEED", "START")}, "no parameter is a seed"),
        ({"setup": ("(n_inputs, n_hidden)", "(3, n_hidden)")}, "(the notebook has n = 8, n_inputs = 3"),
        ({"forward": ("h @ W2", "h @ (W2 + torch.rand(()))")}, "gives other numbers each time it is run"),
    ],
)
def test_a_fault_is_said_with_its_line_or_cell_and_what_to_do(changed, pieces, says):
    assert any(says in line for line in said(changed, **pieces)), said(changed, **pieces)


def test_what_the_autograd_cell_prints_is_not_shown(changed, capsys):
    assert said(changed, autograd=("loss.backward()", "loss.backward()\nprint('loss', loss)")) == []
    assert capsys.readouterr().out == ""
