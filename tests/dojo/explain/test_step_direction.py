"""Updates that follow something else than the gradient."""

import pytest

from autograder.dojo.explain import step_direction
from tests.dojo.explain.updates import EACH, HEAD, update_of

MOMENTUM = (
    "V = {}\ndef update(parameters, grads, lr):\n    for i, (p, g) in enumerate(zip(parameters, grads)):\n        "
)
SWAPPED = (
    HEAD + "grads[3], grads[4] = grads[4], grads[3]\n    for p, grad in zip(parameters, grads):\n        p -= lr * grad"
)


@pytest.mark.parametrize(
    ("guess", "code", "says"),
    [
        (
            "anothers_gradient",
            SWAPPED,
            "`gain` is moved by the gradient of `bias` and `bias` is moved by the gradient of `gain`; "
            "the others are right",
        ),
        ("anothers_gradient", EACH + "p += lr * grad", None),
        ("of_the_value", EACH + "p -= lr * p", "the step is made of the parameter itself, where its gradient belongs"),
        ("of_the_value", EACH + "p *= 1 - lr * grad", "the step has the parameter itself as a factor"),
        ("of_the_value", EACH + "p.copy_(-lr * grad)", "the step replaces the parameter, and is not added to it"),
        ("of_the_value", EACH + "p.copy_(lr * grad)", "the step replaces the parameter, and is not subtracted from it"),
        ("of_the_value", EACH + "p.copy_(grad)", "the parameter is replaced by its gradient: the step is `grad - p`"),
        ("of_the_value", EACH + "p -= grad", None),
        (
            "decays",
            EACH + "p -= lr * (grad + 0.01 * p)",
            "the step follows the gradient plus 0.01 times the parameter: a decay that was not asked for",
        ),
        ("decays", EACH + "p -= lr * (2 * grad + 0.01 * p)", None),
        (
            "decays",
            EACH + "p -= lr * (p - grad)",
            "the sign is wrong: the step goes up the gradient, and the parameter itself is in the step, "
            "which it must not be",
        ),
        ("of_the_gradient", EACH + "p -= lr * grad.sign()", "the step has only the sign of the gradient, not its size"),
        ("of_the_gradient", EACH + "p -= lr * grad.abs()", "the step has only the size of the gradient, not its sign"),
        ("of_the_gradient", EACH + "p -= lr * grad * grad", "the step has the gradient squared"),
        ("of_the_gradient", EACH + "p -= lr / grad", "the step has one divided by the gradient"),
        ("of_the_gradient", EACH + "p -= 2 * lr * grad", None),
        (
            "cut_off",
            EACH + "p -= lr * grad.clamp(-0.5, 0.5)",
            "the gradient is cut off at 0.5: the step is shorter where it is larger",
        ),
        ("cut_off", EACH + "p -= lr * grad.clamp(-0.5, 0.7)", None),
        (
            "all_alike",
            EACH + "p -= lr * grad.mean()",
            "the step is the same for all elements of a tensor: one number, a mean or a sum, stands for its gradient",
        ),
        ("all_alike", EACH + "p -= lr * grad", None),
        (
            "with_momentum",
            MOMENTUM + "V[i] = 0.9 * V.get(i, 0) + g\n        p -= lr * V[i]",
            "the step holds 0.9 of the step before it: momentum, which was not asked for",
        ),
        (
            "with_momentum",
            MOMENTUM + "V[i] = 0.9 * V.get(i, 0) - lr * g\n        p += V[i]",
            "the step holds 0.9 of the step before it: momentum, which was not asked for",
        ),
        ("with_momentum", EACH + "p -= 2 * lr * grad", None),
        ("with_constant", EACH + "p -= lr * grad + 0.25", "-0.25 is added to the step"),
        ("with_constant", EACH + "p -= lr * (grad + 0.25)", None),
    ],
)
def test_a_guess_alone(guess, code, says):
    found = getattr(step_direction, guess)(update_of(code))
    assert (found and found.sentence) == says
