"""An author's file: what becomes a parameter, what setup, what the forward pass."""

import pytest

from autograder.author.draft import EXAMPLE, DraftError, read_draft

PLAIN = """\
import torch

n = 4  # rows
torch.manual_seed(7)
x = torch.randn(n, 3)
W = torch.randn((3, 2), requires_grad=True)

# the network
h = x @ W
loss = h.sum()
loss.backward()
print(W.grad)
"""


def test_a_plain_file_is_told_apart_by_what_has_a_gradient():
    draft = read_draft(PLAIN)
    assert draft.forward == "# the network\nh = x @ W\nloss = h.sum()"
    assert "n = 4" in draft.parameters.splitlines()[1]
    assert "torch.manual_seed(SEED)" in draft.setup
    assert draft.parameters.splitlines()[0] == "SEED = 7"
    assert "n = 4" not in draft.setup


def test_marked_parts_are_taken_as_they_are():
    draft = read_draft(
        f"# %% parameters\n{EXAMPLE.parameters}\n# %% setup\n{EXAMPLE.setup}\n# %% forward\n{EXAMPLE.forward}\n"
    )
    assert draft == EXAMPLE


def test_without_any_seeding_there_is_a_seed():
    draft = read_draft("import torch\nx = torch.randn(3, requires_grad=True)\nloss = x.sum()")
    assert draft.parameters == "SEED = 42"
    assert draft.setup.startswith("import torch\n\ntorch.manual_seed(SEED)\n")
    assert draft.setup.count("import torch\n") == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = (", "not valid Python"),
        ("import torch\nx = torch.ones(3)\nloss = x.sum()", "write requires_grad=True where the parameters"),
        ("# %% setup\nx = 1\n# %% backward\ny = x", "expected parameters, setup, forward"),
    ],
)
def test_a_file_that_is_no_draft_is_refused_with_what_to_change(text, says):
    with pytest.raises(DraftError, match=says):
        read_draft(text)


def test_what_parameters_need_of_each_other_stands_with_them():
    draft = read_draft(
        "width = 4\nheads = 2\nassert width % heads == 0\nimport torch\nx = torch.ones(width, requires_grad=True)\n"
        "assert x.dim() == 1\nloss = x.sum()"
    )
    assert draft.parameters.endswith("width = 4\nheads = 2\nassert width % heads == 0")
    assert draft.setup.endswith("assert x.dim() == 1")
