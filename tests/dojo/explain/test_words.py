"""The words from which a cell can be mended come from the forward lines."""

from __future__ import annotations

import torch

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
