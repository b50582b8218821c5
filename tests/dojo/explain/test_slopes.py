"""Wrong slopes, made by hand, are among the guesses; the sentence names what was multiplied with."""

from __future__ import annotations

import math

import pytest
import torch

from autograder.dojo.explain.fit import CLOSE_64, Close, multiple
from autograder.dojo.explain.forward import product
from autograder.dojo.explain.slopes import input_names, of_slopes, summed_to
from tests.dojo.explain.scenes import scene


@pytest.mark.parametrize(
    ("forward", "wrong", "sentence"),
    [
        ("out = oar.tanh()", "dout * (1 - out)", "what arrives is multiplied by `{}1 - out`, which is not"),
        ("out = oar.tanh()", "dout * (1 - oar**2)", "what arrives is multiplied by `{}1 - oar**2`, which is not"),
        ("out = oar.exp()", "dout * oar", "what arrives is multiplied by `{}oar`, which is not"),
        ("out = oar.exp()", "dout / oar", "this is the derivative with `log` where `out = oar.exp()` has `exp`"),
        ("out = oar * hull", "dout", "this is the derivative with `+` where `out = oar * hull` has `*`"),
        ("out = oar**3", "dout * oar**2", "what arrives is multiplied by `{}oar**2`, which is not"),
        ("out = oar**3", "dout / (3 * oar**2)", "what arrives is divided by the derivative of `out = oar**3`"),
        ("out = oar * hull", "dout * hull**3", "right but for a factor `hull**2`, which is too many"),
        ("out = oar * hull", "dout * hull * (1 - oar)", "a factor `1 - oar` too many: the derivative"),
    ],
)
def test_the_wrong_slope_is_named(forward, wrong, sentence):
    here = scene(forward, "oar")
    (route,) = here.routes
    mine = eval(wrong, dict(here.names) | {"dout": here.upstream["out"]})
    close = Close(CLOSE_64, math.inf)
    guesses = [guess for guess in of_slopes(here, route, product(here, route)) if close.fits(mine, guess)]
    assert {guess.kind for guess in guesses} == {"function"}
    assert any(guess.sentence.startswith(sentence) for guess in guesses)


def test_a_guess_up_to_a_factor_has_its_values_up_to_that_factor():
    here = scene("out = oar.tanh()", "oar")
    guess = next(g for g in of_slopes(here, here.routes[0], here.value) if "{}1 - out`" in g.sentence)
    mine = 0.5 * here.upstream["out"] * (1 - here.names["out"])
    assert guess.any_factor
    assert multiple(mine, guess.value) == pytest.approx(0.5)


def test_the_inputs_are_float_tensors_of_several_elements_the_tensor_itself_first():
    here = scene("out = (oar * hull)[port] / n", "oar")
    assert input_names(here, here.routes[0]) == ["oar", "hull"]


def test_summed_to_gives_none_where_nothing_broadcasts():
    assert summed_to(torch.ones(3, 2), torch.Size([2])).tolist() == [3.0, 3.0]
    assert summed_to(torch.ones(3), torch.Size([2])) is None
    assert summed_to(None, torch.Size([2])) is None
