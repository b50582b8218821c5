"""A wrong update, and the arithmetic that guessers share."""

import math
from dataclasses import replace

import torch

from autograder.dojo.explain.update import combination, listed, ratio_of
from tests.dojo.explain.updates import EACH, HEAD, RIGHT, update_of


def test_a_right_update_has_nothing_wrong():
    assert update_of(RIGHT).wrong == ()
    assert update_of(RIGHT).fine == (0, 1, 2, 3, 4)


def test_tensors_that_are_wrong_and_those_that_are_fine():
    update = update_of(HEAD + "for p, grad in zip(parameters[1:], grads[1:]):\n        p -= lr * grad")
    assert (update.wrong, update.fine, update.is_all) == ((0,), (1, 2, 3, 4), False)


def test_a_gradient_of_zero_is_neither():
    update = update_of(EACH + "p += lr * grad")
    still = [replace(m, grad=0 * m.grad, after=m.before) if m.number == 2 else m for m in update.moves]
    update = replace(update, moves=tuple(still))
    assert (update.wrong, update.fine, update.is_all) == ((0, 1, 3, 4), (), True)


def test_a_sentence_names_the_tensors_where_some_are_right():
    some = update_of(HEAD + "for p, grad in zip(parameters[2:], grads[2:]):\n        p -= lr * grad")
    assert some.said("kind", "{} is short").sentence == "the step of `E` and `W` is short; the others are right"
    assert update_of(EACH + "p += grad").said("kind", "{} is short").sentence == "the step is short"


def test_a_factor_is_found_only_where_it_is_one_for_all():
    assert math.isclose(ratio_of(update_of(EACH + "p -= 3 * lr * grad"), lambda m: m.right), 3)
    assert ratio_of(update_of(EACH + "p -= 3 * grad"), lambda m: m.right) is None
    assert ratio_of(update_of(EACH + "p -= lr * grad**2"), lambda m: m.right) is None


def test_a_sum_of_two_steps_is_taken_apart():
    update = update_of(EACH + "p -= lr * (2 * grad - 3 * p)")
    found = combination(update, lambda m: (m.grad * -m.rate, m.before * -m.rate))
    assert torch.allclose(torch.tensor(found), torch.tensor([2.0, -3.0]))
    assert combination(update, lambda m: (m.grad, 2 * m.grad)) is None  # the same twice


def test_names_in_a_sentence():
    assert [listed("a"), listed("ab"), listed("abc")] == ["a", "a and b", "a, b and c"]
