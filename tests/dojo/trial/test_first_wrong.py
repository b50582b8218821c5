"""What is said of the first step that differs, from what it left and returned."""

import pytest
import torch

from autograder.dojo.trial.first_wrong import Question, first, is_off, line_of, of_the_loss, why_unusable

START = [torch.zeros(2), torch.ones(1, 2)]
QUESTION = Question(lambda parameters, x, y: x.sum(), ("W", "b"), START, START, [(torch.ones(3), torch.ones(3))], 0.1)
LOSS = torch.tensor(2.0, dtype=torch.float64)


def test_the_step_is_counted_from_one():
    assert first(0, QUESTION, "why") == "step 1 of 1 differs from PyTorch's: why"


@pytest.mark.parametrize(
    ("mine", "kept", "found", "says"),
    [
        ([torch.ones(2), torch.ones(1, 2)], START, LOSS, None),
        (START, [torch.ones(2), torch.ones(1, 2)], LOSS, "it changes `W` of the notebook"),
        ([torch.ones(2)], START, LOSS, "it changes the list of parameters"),
        ([torch.ones(2), torch.ones(2)], START, LOSS, "or the shape of one"),
        ([torch.ones(2), torch.full((1, 2), torch.nan)], START, LOSS, "it leaves NaN or inf in `b`"),
        (START, START, None, "it changes nothing and returns nothing"),
        ([torch.ones(2), torch.ones(1, 2)], START, None, None),
        ([torch.ones(2), torch.ones(1, 2)], START, float("inf"), "the loss that it returns is NaN or inf"),
    ],
)
def test_why_a_step_is_not_worth_a_look(mine, kept, found, says):
    why = why_unusable(0, QUESTION, mine, kept, found)
    assert (says in why) if says else why is None


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (2.0, None),
        (LOSS, None),
        (None, "end it with `return loss`"),
        (torch.ones(2), "it returns a tensor of shape (2,) where the loss belongs"),
        ("2", "it returns a str where the loss belongs"),
        (2.5, "it returns 2.5000 where the loss is 2.0000"),
        (3.0, "that is the loss after the update"),
    ],
)
def test_why_what_it_returns_is_no_loss(found, says):
    x = torch.ones(3, dtype=torch.float64)
    why = of_the_loss(0, QUESTION, found, LOSS, START, x, x, torch.float64)
    assert (says in why) if says else why is None


def test_how_far_off_a_loss_is_depends_on_the_precision():
    assert is_off(2.0001, LOSS, torch.float64)
    assert not is_off(2.0001, LOSS, torch.float32)
    assert not is_off("2.1", LOSS, torch.float64)


def test_a_line_of_ours_is_not_the_students():
    assert line_of(ValueError()) == ""
