"""What is wrong with a cell is what has to change in it: kinds of mistakes, on forward lines of our own."""

from __future__ import annotations

import pytest

from autograder.dojo.explain.repair import repaired
from tests.dojo.explain.cells import trials

PRODUCT = "pull = oar @ hull + keel"
SHAPES = {"oar": (0, 3), "hull": (3, 6), "keel": (6,)}
WAVE = {"oar": (0, 6)}
GATHER = "crew = hold[seats]"

# (forward line, tensor, shapes, code, words of the sentence)
MISTAKES = [
    (PRODUCT, "oar", SHAPES, "doar = dpull @ hull.reshape(6, 3)", "`reshape` does not transpose `hull`"),
    (PRODUCT, "oar", SHAPES, "doar = pull @ hull.T", "the value `pull` stands where its gradient `dpull` belongs"),
    (PRODUCT, "oar", SHAPES, "doar = dpull @ hull.T + keel.sum()", "`keel.sum()` is added, and does not belong there"),
    (PRODUCT, "hull", SHAPES, "dhull = torch.outer(oar.sum(0), dpull.sum(0))", "summed before the product"),
    (PRODUCT, "hull", SHAPES, "dhull = oar[:2].T @ dpull[:2]", "`[:2]` takes only a part of `dpull` and `oar`"),
    (
        PRODUCT,
        "hull",
        SHAPES,
        "x = torch.sigmoid(oar)\ndhull = (oar * x).T @ dpull",
        "the factor `x` does not belong there",
    ),
    (
        "swell = oar * keel",
        "keel",
        {"oar": (0, 6), "keel": (6,)},
        "dkeel = oar.T @ dswell",
        "multiply `oar` and `dswell` element by element (`*`), and sum",
    ),
    ("swell = F.gelu(oar)", "oar", WAVE, "doar = dswell * (oar > 0)", "where the derivative of `swell = F.gelu(oar)`"),
    (
        "swell = F.silu(oar)",
        "oar",
        WAVE,
        "doar = dswell * torch.sigmoid(oar) * (1 + oar * torch.sigmoid(oar))",
        "`torch.sigmoid(oar)` stands where `1 - torch.sigmoid(oar)` belongs, in `oar * torch.sigmoid(oar)`",
    ),
    (
        "swell = F.leaky_relu(oar, 0.2)",
        "oar",
        WAVE,
        "doar = torch.where(oar > 0, dswell, 0.2)",
        "`dswell`, the gradient that arrives, is missing as a factor of `0.2`",
    ),
    (
        "swell = F.huber_loss(oar, tide, delta=0.5)",
        "oar",
        {"oar": (0, 6), "tide": (0, 6)},
        "doar = dswell * (oar - tide) / oar.numel()",
        "`oar - tide` stands where `(oar - tide).clamp(-0.5, 0.5)` belongs",
    ),
    (
        "swell = torch.tanh(oar)",
        "oar",
        WAVE,
        "def back(d, x):\n    return d * (1 - x)\ndoar = back(dswell, swell)",
        "`swell` must be squared",
    ),
    (PRODUCT, "keel", SHAPES, "dkeel = dpull.mean(0)", "a `mean` stands where a `sum` belongs"),
    (PRODUCT, "keel", SHAPES, "dkeel = dpull.max(0).values", "a `max` stands where a `sum` belongs"),
    ("swell = torch.tanh(oar)", "oar", WAVE, "doar = dswell * (1 - swell)", "`swell` must be squared"),
    ("swell = torch.tanh(oar)", "oar", WAVE, "doar = dswell * (oar > 0)", "stands where the derivative of"),
    (
        "swell = torch.tanh(oar)",
        "oar",
        WAVE,
        "doar = dswell * (1 - torch.tanh(swell)**2)",
        "`tanh` is taken twice",
    ),
    ("swell = torch.tanh(oar)", "oar", WAVE, "doar = dswell * swell * (1 - swell)", "stands where the derivative of"),
    (
        "swell = F.gelu(oar)",
        "oar",
        WAVE,
        "doar = dswell * torch.sigmoid(oar)",
        "the derivative of `swell = F.gelu(oar)`",
    ),
    ("swell = (oar**2 + 1e-5)**-0.5", "oar", WAVE, "doar = dswell * -oar * (oar**2)**-1.5", "epsilon"),
    ("swell = (oar**2 + 1e-5)**-0.5", "oar", WAVE, "doar = dswell * -oar * (oar**2 + 1e-5)**1.5", "`**-1.5`"),
    (
        "swell = torch.softmax(oar, 1)",
        "oar",
        WAVE,
        "doar = swell * (dswell - (dswell * swell).sum(0, keepdim=True))",
        "summed over axis 0, expected axis 1",
    ),
    (
        "swell = torch.softmax(oar, 1)",
        "oar",
        WAVE,
        "doar = swell * (dswell - dswell.sum(1, keepdim=True))",
        "`dswell` must be multiplied by `swell`: this factor is missing",
    ),
    (
        "swell = oar.logsumexp(1)",
        "oar",
        WAVE,
        "doar = dswell[:, None] * oar.exp()",
        "not divided by its sum over axis 1",
    ),
    (
        "swell = torch.cat([oar[:, :2].exp(), oar[:, 2:4].tanh(), oar[:, 4:].exp()], 1)",
        "oar",
        WAVE,
        "doar = torch.cat([dswell[:, :2] * swell[:, :2], dswell[:, 4:] * swell[:, 4:], "
        "dswell[:, 2:4] * (1 - swell[:, 2:4]**2)], 1)",
        "stand in the wrong order",
    ),
    (
        "swell = oar.sum(0, keepdim=True) / (n - 1)",
        "oar",
        WAVE,
        "doar = torch.ones_like(oar) / n - 1 * dswell",
        "a bracket is missing",
    ),
    (
        "swell = oar[range(n), 0]",
        "oar",
        WAVE,
        "doar = torch.zeros_like(oar)\nfor i in range(n - 1):\n    doar[i, 0] += dswell[i]",
        "leaves the last examples out",
    ),
    (
        "swell = oar[range(n), 0]",
        "oar",
        WAVE,
        "doar = oar.clone()\ndoar[range(n), 0] += dswell",
        "this starts from `oar`",
    ),
    # what was found is zero but for rounding
    (
        "wave = (oar - oar.mean(0)).detach()\nswell = wave * hull",
        "hull",
        {"oar": (0, 6), "hull": (6,)},
        "dhull = (oar - oar.mean(0)).sum(0) * dswell.sum(0)",
        "are summed before the product",
    ),
    # two mistakes at once
    ("swell = oar.exp()", "oar", WAVE, "doar = -dswell * swell**2", "sign"),
]


@pytest.mark.parametrize(("forward", "tensor", "shapes", "code", "says"), MISTAKES)
def test_what_has_to_change_is_said(forward, tensor, shapes, code, says):
    explanation = repaired(code, f"d{tensor}", trials(forward, tensor, code, **shapes))
    assert (explanation and says in explanation.sentence) if says else explanation is None, explanation


def test_nothing_is_said_where_the_code_does_not_give_what_was_found():
    tried = trials(PRODUCT, "oar", "doar = dpull @ hull.T * 2", **SHAPES)
    assert repaired("doar = dpull @ hull.T * 3", "doar", tried) is None
    assert repaired("doar = helper(dpull)", "doar", tried) is None
    assert repaired("doar = (", "doar", tried) is None


def test_nothing_is_said_from_one_trial():
    code = "doar = -dpull @ hull.T"
    assert repaired(code, "doar", trials(PRODUCT, "oar", code, **SHAPES)[:1]) is None
