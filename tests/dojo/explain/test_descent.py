"""The guessers in their order, in one case and in several."""

import pytest

from autograder.dojo.explain.descent import agreed_update, explain_update
from tests.dojo.explain.updates import EACH, HEAD, RIGHT, SIZES, update_of


def test_the_plainer_of_two_causes_is_said():
    # A parameter's own gradient, squared rate and constants apart, is looked for before sums of several things.
    assert explain_update(update_of(EACH + "p -= lr * grad\n        p -= lr * grad")).kind == "factor"
    assert explain_update(update_of(EACH + "p += lr * grad")).kind == "sign"
    assert explain_update(update_of(EACH + "p -= grad")).kind == "rate"
    assert explain_update(update_of(EACH + "p -= lr * p")).kind == "value"


@pytest.mark.parametrize(
    "code",
    [
        RIGHT,
        EACH + "p.sub_(grad, alpha=lr)",
        EACH + "p.data = p - lr * grad",
        HEAD + "for i in range(len(parameters)):\n        parameters[i] = parameters[i] - lr * grads[i]",
        HEAD + "torch._foreach_add_(parameters, grads, alpha=-lr)",
        EACH + "p -= (lr * grad).float()",
    ],
)
def test_a_right_update_gets_no_sentence(code):
    assert explain_update(update_of(code)) is None


@pytest.mark.parametrize("code", ["p -= lr * torch.randn_like(p)", "p -= lr * grad.sort().values", "p -= lr * p.grad"])
def test_what_is_of_no_usual_kind_gets_none(code):
    assert explain_update(update_of(EACH + code)) is None


def test_cases_must_agree():
    def said(code):
        found = agreed_update([update_of(code, sizes) for sizes in SIZES])
        return found and found.sentence

    assert said(EACH + "p -= lr * grad / n") == "the step is too small by the factor `n`"
    assert said(EACH + "p -= lr * grad / 7") == "the step is too small by the factor 7"
    # A number that no name of the code has, and that is another one in each case.
    assert said(HEAD + "k = len(x)\n    for p, g in zip(parameters, grads):\n        p -= lr * g / 2 / k") == (
        "the step is too small by a constant factor"
    )
    assert said(EACH + "p -= lr * grad if n == 6 else -grad") is None
    assert agreed_update([]) is None


@pytest.mark.parametrize("size", SIZES)
def test_one_case_says_what_several_say(size):
    for code in ("p += lr * grad", "p -= lr**2 * grad", "p -= lr * (grad + 0.01 * p)", "p = p - lr * grad"):
        several = agreed_update([update_of(EACH + code, sizes) for sizes in SIZES])
        assert explain_update(update_of(EACH + code, size)).sentence == several.sentence
