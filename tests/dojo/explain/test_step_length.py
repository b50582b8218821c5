"""Updates that follow the gradient by a wrong length."""

import pytest

from autograder.dojo.explain import step_length
from tests.dojo.explain.updates import EACH, HEAD, RIGHT, update_of

NORM = (
    HEAD
    + "whole = sum(g.norm()**2 for g in grads)**0.5\n"
    + "    for p, g in zip(parameters, grads):\n        p -= lr * g / whole"
)


@pytest.mark.parametrize(
    ("guess", "code", "says"),
    [
        ("wrong_sign", "p += lr * grad", "the step has the wrong sign: it goes uphill"),
        ("wrong_sign", "p += 2 * lr * grad", None),
        (
            "wrong_sign",
            "p.add_(grad, alpha=lr if p.dim() == 1 else -lr)",
            "the step of `b` has the wrong sign: it goes uphill; the others are right",
        ),
        ("over_the_rate", "p -= grad / lr", "the step is divided by the learning rate, not multiplied"),
        ("over_the_rate", "p -= grad", None),
        ("without_rate", "p -= grad", "the step is the whole gradient: the learning rate is forgotten"),
        (
            "without_rate",
            "p += grad",
            "the sign is wrong, and the step is the whole gradient: the learning rate is forgotten",
        ),
        ("without_rate", "p -= 0.1 * grad", "the step is 0.1 times the gradient, whatever learning rate is given"),
        ("without_rate", "p -= 2 * lr * grad", None),
        ("factor", "p -= lr * grad\n        p -= lr * grad", "the step is twice as long as it should be"),
        ("factor", "p -= lr * grad / n", "the step is too small by the factor `n`"),
        ("factor", "p -= lr * grad * (n - 1)", "the step is too large by the factor `n - 1`"),
        ("factor", "p -= lr * grad / len(x)", "the step is too small by the factor `len(x)`"),
        ("factor", "p += lr * grad / 7", "the sign is wrong, and the step is too small by the factor 7"),
        ("factor", "p += lr * grad", None),
        ("factor", "p -= lr * grad", None),
        ("power_of_rate", "p -= lr**2 * grad", "the step has the learning rate squared in the place of the rate"),
        (
            "power_of_rate",
            "p -= math.sqrt(lr) * grad",
            "the step has the square root of the learning rate in the place of the rate",
        ),
        ("power_of_rate", "p -= grad", None),
        (
            "normalised",
            "p -= lr * grad / grad.norm()",
            "the step does not grow with the gradient, which is divided by its norm",
        ),
        ("normalised", "p -= lr * grad", None),
        (
            "of_own_length",
            "p -= lr * grad / p.numel()",
            "the step is off by a factor, and by another one for each tensor: does a size come in?",
        ),
        (
            "of_own_length",
            "p -= lr * grad / (1 + grad.norm())",
            "the step follows the gradient, but its length is not the learning rate times it",
        ),
        ("of_own_length", "p += lr * grad / p.numel()", None),
    ],
)
def test_a_guess_alone(guess, code, says):
    found = getattr(step_length, guess)(update_of(EACH + code))
    assert (found and found.sentence) == says


def test_one_norm_of_all_gradients():
    found = step_length.normalised(update_of(NORM))
    assert found.sentence == "the step does not grow with the gradients: all are divided by one norm"


@pytest.mark.parametrize("guess", ["over_the_rate", "without_rate", "power_of_rate", "normalised"])
def test_a_right_update_fits_none(guess):
    assert getattr(step_length, guess)(update_of(RIGHT)) is None
