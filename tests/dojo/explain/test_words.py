"""The words from which a cell can be mended come from the forward lines."""

from __future__ import annotations

import pytest
import torch

from autograder.dojo.explain.forward import Scene, find_routes, read_lines
from autograder.dojo.explain.words import derivatives, slopes_of, texts_of
from tests.dojo.explain.cells import cell, trials

SWELL = "swell = torch.tanh(oar)"


def test_the_derivatives_of_functions_of_a_line_are_known():
    student = cell(SWELL, "oar", "doar = dswell * swell", oar=(0, 3))
    names = [slope.id for slope in student.slopes]
    swell = student.trial.names["swell"]
    torch.testing.assert_close(student.trial.names[names[0]], 1 - swell**2)
    assert slopes_of(student.trial.scene)[names[0]].text == SWELL


def test_a_function_of_many_values_has_no_derivative_as_a_tensor():
    scene = trials("swell = oar.softmax(1)", "oar", "doar = dswell", oar=(0, 3))[0].scene
    assert derivatives(scene) == {}


def test_parts_of_fused_lines_are_words_too():
    scene = trials("swell = F.log_softmax(oar, 1)", "oar", "doar = dswell", oar=(0, 3))[0].scene
    found = texts_of(scene)
    assert {"torch.softmax(oar, 1)", "oar.shape[0]", "dswell.sum(1, keepdim=True)", "oar.numel()"} <= set(found)


@pytest.mark.parametrize(
    ("forward", "found"),
    [
        ("swell = F.huber_loss(oar, tide, delta=0.5)", "(oar - tide).clamp(-0.5, 0.5)"),
        ("swell = F.l1_loss(oar + 1, tide)", "torch.sign((oar + 1) - tide)"),
        ("swell = F.binary_cross_entropy_with_logits(oar, tide)", "torch.sigmoid(oar) - tide"),
        ("swell = F.cross_entropy(oar, seats, label_smoothing=0.1)", "0.1 / oar.shape[1]"),
        ("swell = oar.log()[range(n), seats]", "F.one_hot(seats, oar.log().shape[1])"),
        ("swell = oar.exp().mean((0, 1))", "oar.exp().shape[0] * oar.exp().shape[1]"),
        ("swell = F.normalize(oar, dim=1)", "dswell - swell * (dswell * swell).sum(1, keepdim=True)"),
        ("swell = oar[range(n), seats].mean()", "oar[range(n), seats].numel()"),
        ("swell = F.pad(oar, (1, 2))", "dswell[..., 1:-2]"),
        ("swell = 0 * oar\nfor i in range(2):\n    swell = swell + oar * 3", "oar * 3"),
    ],
)
def test_what_the_derivative_of_a_line_is_made_of(forward, found):
    oar = torch.rand(4, 6)
    names = {"torch": torch, "F": torch.nn.functional, "n": 4, "oar": oar, "tide": oar / 2, "seats": torch.arange(4)}
    exec(forward, names)
    routes = find_routes(read_lines(forward), "oar", ("swell",))
    assert found in texts_of(Scene("oar", routes, names, {}))
