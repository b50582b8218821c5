"""Whole forward passes: which cells there are, in which order, and how many are derived."""

import pytest
import torch

from autograder.author.backward import derive
from autograder.author.draft import EXAMPLE, Draft, read_draft
from tests.author.forwards import FORWARDS


@pytest.mark.parametrize("name", FORWARDS)
def test_a_forward_pass_that_a_course_teaches_is_derived_but_for_these_gaps(name):
    text, gaps = FORWARDS[name]
    backward = derive(read_draft(text))
    assert len([cell for cell in backward.cells if cell.gap]) == gaps
    assert len(backward.cells) >= len(backward.variables)


def test_cells_come_in_backward_order_and_a_tensor_of_two_lines_has_two():
    draft = Draft(
        "SEED = 1",
        "import torch\ntorch.manual_seed(SEED)\nx = torch.randn(3, requires_grad=True)",
        "y = x.exp()\nz = x * y\nloss = (z + y).sum()",
    )
    backward = derive(draft)
    assert [cell.grade_id for cell in backward.cells] == ["dz", "dy_path1", "dx_path1", "dy_path2", "dx_path2"]
    assert [n for n in range(5) if backward.is_last(n)] == [0, 3, 4]
    assert backward.cells[3].answer == "dy = dy + dz * x"
    assert backward.shapes == {"x": (3,), "y": (3,), "z": (3,), "loss": ()}


def test_what_has_no_rule_is_a_gap_that_says_so_and_leaves_the_rest():
    draft = Draft(
        "SEED = 1",
        "import torch\ntorch.manual_seed(SEED)\nx = torch.randn(3, requires_grad=True)",
        "y = torch.erf(x)\nloss = (y**2).sum()",
    )
    first, second = derive(draft).cells
    assert (first.answer, first.gap) == ("dy = 2 * y", "")
    assert second.gap == "erf"
    assert second.answer == "dx = torch.zeros_like(x)  # GAP: derive this"


def test_the_answers_are_the_gradients_that_autograd_gives():
    backward, names = derive(EXAMPLE), {}
    exec(f"{EXAMPLE.parameters}\n{EXAMPLE.setup}\n{EXAMPLE.forward}", names)
    tensors = {name: names[name] for name in backward.variables}
    truth = dict(zip(tensors, torch.autograd.grad(names["loss"], list(tensors.values())), strict=True))
    with torch.no_grad():
        exec("\n".join(cell.answer for cell in backward.cells), names)
    for tensor, variable in backward.variables.items():
        torch.testing.assert_close(names[variable], truth[tensor])


def test_a_tuple_is_read_by_its_name():
    cells = derive(read_draft(FORWARDS["in_a_dict"][0])).cells
    assert cells[1].answer == "dh = torch.zeros_like(h).scatter(1, top.indices, dbest)"
    assert {cell.tensor for cell in cells} == {"best", "h", "params['W']", "params['b']"}


def test_a_tensor_that_lines_and_a_loop_read_has_a_path_through_each():
    draft = Draft(
        "SEED = 1\nT = 3",
        "import torch\ntorch.manual_seed(SEED)\nw = torch.randn(3, 3, requires_grad=True)\nx = torch.randn(3, 3)",
        "u = x @ w\nh = u\nfor t in range(T):\n    h = torch.tanh(h @ w)\ny = h @ w\nloss = y.sum()",
    )
    found = derive(draft).cells
    assert [cell.grade_id for cell in found] == ["dy", "dh", "dw_path1", "du", "dw_path2", "dw_path3"]
    assert found[4].answer.splitlines()[-1] == "dw = dw + dw_total"
    assert [cell.gap for cell in found] == [""] * 6


def test_a_number_that_is_divided_has_a_tensor_as_its_gradient():
    draft = Draft(
        "SEED = 1",
        "import torch\ntorch.manual_seed(SEED)\nx = torch.randn(3, requires_grad=True)",
        "s = x.sum()\nloss = s / 4",
    )
    assert derive(draft).cells[0].answer == "ds = torch.full_like(s, 1.0 / 4)"
