"""Updates that leave tensors as they were."""

import pytest

from autograder.dojo.explain.untouched import in_part, left_out, not_in_place
from tests.dojo.explain.updates import EACH, HEAD, RIGHT, update_of

STAY = "the tensors that are given stay as they were: change them in place, such as `p -= ...`"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            HEAD + "return [p - lr * grad for p, grad in zip(parameters, grads)]",
            f"it returns the right numbers in new tensors, and {STAY}",
        ),
        (EACH + "p = p - lr * grad", f"`p = p - lr * grad` gives the name p to something new; {STAY}"),
        (EACH + "q = p.clone()\n        q -= lr * grad", f"it changes a copy, made by `p.clone()`; {STAY}"),
        (
            EACH + "q = np.array(p)\n        q -= lr * np.array(grad)",
            f"it changes a copy, made by `np.array(p)`; {STAY}",
        ),
        (
            HEAD + "for p, grad in zip([E, W, b, gain, bias], grads):\n        p -= lr * grad.float()",
            "it changes `E`, `W`, `b`, `gain` and `bias` of the notebook, not the tensors that it is given",
        ),
        (EACH + "p - lr * grad", f"it changes nothing: {STAY}"),
        (RIGHT, None),
        (EACH + "p += lr * grad", None),
    ],
)
def test_nothing_is_changed(code, says):
    found = not_in_place(update_of(code))
    assert (found and found.sentence) == says


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            HEAD + "for p, grad in zip(parameters[:-1], grads):\n        p -= lr * grad",
            "`bias` is left as it was; the others are right",
        ),
        (EACH + "if p.dim() == 2:\n            p -= lr * grad", "`b` is left as it was; the others are right"),
        (
            EACH + "if p.shape[0] > 1:\n            p -= lr * grad",
            "`gain` and `bias` are left as they were; the others are right",
        ),
        (
            EACH + "p -= lr * grad\n        return",
            "only `E` is changed: the `return` in the loop ends it after its first turn",
        ),
        (EACH + "if p.dim() == 2:\n            p += lr * grad", None),
        (EACH + "p = p - lr * grad", None),
    ],
)
def test_some_are_left_out(code, says):
    found = left_out(update_of(code))
    assert (found and found.sentence) == says


def test_a_part_of_the_elements():
    found = in_part(update_of(EACH + "p[0] -= lr * grad[0]"))
    assert found.sentence == "the step of `E`, `W` and `b` reaches a part of the elements only; the others are right"
    assert in_part(update_of(EACH + "p[0] += lr * grad[0]")) is None
