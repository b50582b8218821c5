"""Why a result that is no gradient is wrong."""

import pytest
import torch

from autograder.dojo.explain.value_steps import explain_value

G = torch.Generator().manual_seed(3)
W = torch.randn((4, 4), generator=G, dtype=torch.float64)
GRAD = torch.randn((4, 4), generator=G, dtype=torch.float64)
RIGHT = W - 0.1 * GRAD
NAMES = {"w": W, "grad": GRAD, "n": 4}


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (W, "this is still `w`: nothing has changed it"),
        (W + 0.1 * GRAD, "what was added to `w` has the wrong sign"),
        (W - 0.2 * GRAD, "what was added to `w` is right but for a constant factor, 2"),
        (-RIGHT, "this has the wrong sign"),
        (RIGHT * 3, "this is right but for a constant factor, 3"),
        (RIGHT.T, "this is the transpose of what is right"),
        (RIGHT + 1.5, "a constant was added, or was left out, everywhere"),
        (1 / RIGHT, "this is one divided by what is right"),
        (RIGHT**2, "this is the square of what is right: a square root is missing"),
        (torch.zeros(4, 4), "this is zero everywhere"),
        (torch.cat([RIGHT[:2], RIGHT[2:].sin()]), "right up to index 1 of the first axis, wrong after it"),
    ],
)
def test_a_usual_mistake_is_named(found, says):
    assert explain_value(found, RIGHT, NAMES).sentence == says


@pytest.mark.parametrize("found", [RIGHT, RIGHT.sin(), RIGHT[:2], "text", None, RIGHT * float("nan")])
def test_what_is_right_or_of_no_usual_kind_gets_no_sentence(found):
    assert explain_value(found, RIGHT, NAMES) is None


def test_two_numbers_are_no_proof_of_a_factor():
    assert explain_value(torch.tensor([2.0, 4.0]), torch.tensor([1.0, 2.0]), {}) is None
