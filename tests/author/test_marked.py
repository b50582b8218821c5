"""Which gradients an exercise asks for."""

import torch

from autograder.author.marked import marked_tensors
from autograder.dojo.gradients import run_forward
from autograder.exercise.lines import Assignment, read


def marked(forward, **names):
    after = run_forward({"torch": torch, **names}, (Assignment("", (), forward),))
    return marked_tensors(names, after, read(forward))


def tensor(*shape):
    return torch.ones(shape, requires_grad=True)


def test_all_but_the_loss_and_what_nothing_reads():
    assert marked("y = x * 2\nloss = y.sum()", x=tensor(3), unused=tensor(3), data=torch.ones(3)) == {
        "x": "dx",
        "y": "dy",
    }


def test_what_a_loop_makes_for_its_own_turns_is_none_of_them():
    forward = "h = x\nhs = []\nfor t in range(2):\n    z = h * w\n    h = z + 1\n    hs.append(z)\n"
    assert set(marked(f"{forward}loss = h.sum()", x=tensor(3), w=tensor(3))) == {"x", "w", "h"}
    assert set(marked(f"{forward}out = torch.stack(hs)\nloss = out.sum()", x=tensor(3), w=tensor(3))) == {
        *("x", "w", "out")
    }


def test_parameters_in_a_container_that_a_line_names_or_a_loop_runs_through():
    params, layers = {"W": tensor(3), "b": tensor(3)}, [(tensor(3), tensor(3))]
    forward = "h = params['W'] * 2\nfor V, c in layers:\n    h = h * V + c\nloss = h.sum()"
    assert marked(forward, params=params, layers=layers) == {
        "params['W']": "dW",
        "layers[0][0]": "dlayers_0_0",
        "layers[0][1]": "dlayers_0_1",
        "h": "dh",
    }
