import pytest

from autograder.dojo.trial import code as module
from autograder.dojo.trial.code import grads_read, related


@pytest.mark.parametrize(
    "source", ["dx = x.grad", "dx = x.grad.clone()", "f = [t.grad for t in (x, y)]", "%time dx = x.grad"]
)
def test_code_that_reads_grad_is_seen(source):
    assert grads_read(["dx = dy", source])


@pytest.mark.parametrize(
    "source", ["grad = dy * 2\ndx = grad", "dx = dy  # x.grad", "x.requires_grad", "'x.grad'", "x.grad_fn", "x.grad ("]
)
def test_code_that_does_not_read_grad_is_left_alone(source):
    assert not grads_read([source])


def test_in_a_chain_of_cells_each_is_asked_once(monkeypatch):
    """Thousands of functions that call each other took minutes, for every round looked at all cells again."""
    asked = []
    names = module._names
    monkeypatch.setattr(module, "_names", lambda source, kind: asked.append(source) or names(source, kind))
    cells = {number: f"def f{number}(): f{number + 1}()" for number in range(500)}
    assert related(cells, [0]) == set(cells)
    assert len(asked) == len(cells)
