"""Signs, terms and factors that are wrong, too many or missing."""

from __future__ import annotations

import pytest

from autograder.dojo.explain import edit_terms
from tests.dojo.explain.cells import mended

OAR = {"oar": (0, 6)}
PRODUCT = {"oar": (0, 3), "hull": (3, 6), "keel": (6,)}
PULL = "pull = oar @ hull + keel"


@pytest.mark.parametrize(
    ("forward", "tensor", "code", "leaves", "says"),
    [
        ("swell = oar.exp()", "oar", "doar = -dswell * swell", OAR, "the sign is wrong"),
        (
            "swell = oar.exp()",
            "oar",
            "doar = dswell * swell + oar",
            OAR,
            "the term `oar` is added, and does not belong there",
        ),
        ("swell = oar.exp()", "oar", "doar = dswell * swell * oar", OAR, "the factor `oar` does not belong there"),
        ("swell = oar**2", "oar", "doar = dswell * oar", OAR, "must be multiplied by `2`: this factor is missing"),
        (
            "swell = oar * (n / (n - 1))",
            "oar",
            "doar = 1 * dswell",
            OAR,
            "must be multiplied by `n / (n - 1)`: this factor is missing",
        ),
        (
            "swell = F.gelu(oar)",
            "oar",
            "half = 0.5 * (1 + torch.erf(oar * 2**-0.5))\ndoar = dswell * half",
            OAR,
            "is one term of the product rule: the other, `oar * torch.exp(-oar ** 2 / 2) / (2 * torch.pi) ** 0.5`, is",
        ),
        ("swell = torch.exp(-2 * oar)", "oar", "doar = dswell * swell", OAR, "must be multiplied by `-2`: this factor"),
        ("swell = oar.exp()", "oar", "doar = dswell * swell.exp()", OAR, "`exp` is taken twice: `swell` is its result"),
        ("swell = torch.sigmoid(oar)", "oar", "doar = dswell * swell", OAR, "must be multiplied by `1 - swell`"),
        (
            "swell = oar.sin()",
            "oar",
            "doar = dswell",
            OAR,
            "must be multiplied by the derivative of `swell = oar.sin()`",
        ),
        ("swell = oar.exp()", "oar", "doar = swell", OAR, "`dswell`, the gradient that arrives, is missing"),
        ("swell = oar.tanh()", "oar", "doar = dswell * (1 - swell)", OAR, "`swell` must be squared"),
        (
            "swell = oar.tanh()",
            "oar",
            "doar = dswell * swell * (1 - swell)",
            OAR,
            "the derivative of `swell = oar.tanh()` belongs",
        ),
        (
            "swell = oar.exp()",
            "oar",
            "doar = dswell * swell - oar",
            OAR,
            "the term `- oar` is added, and does not belong",
        ),
        ("swell = oar.exp() * 3", "oar", "doar = dswell * swell * 2", OAR, "the factor `2` does not belong there"),
        (
            "swell = F.layer_norm(oar, (6,))",
            "oar",
            "doar = (dswell - swell * (dswell * swell).mean(1, keepdim=True)) "
            "* (oar.var(1, unbiased=False, keepdim=True) + 1e-5)**-0.5",
            OAR,
            "the term `- dswell.mean(1, keepdim=True)` is missing",
        ),
        (
            "swell = torch.exp(0.5 * oar)\ncrest = oar * 3",
            "oar",
            "doar = dcrest * 3 + dswell * swell",
            {"oar": (0, 4)},
            "`dswell * swell` must be multiplied by `0.5`: this factor is missing",
        ),
        (
            "swell = (oar * hull).sum(1)",
            "oar",
            "doar = dswell.unsqueeze(1).expand_as(oar) / oar.shape[1]",
            {"oar": (0, 4), "hull": (0, 4)},
            "is divided by `oar.shape[1]`, as of a mean: multiply it by `hull` instead",
        ),
        (
            "swell = oar**2\ncrest = oar * 3",
            "oar",
            "doar = dswell * oar\ndoar = doar + dcrest * 3",
            {"oar": (0, 4)},
            "`dswell * oar` must be multiplied by `2`: this factor is missing",
        ),
    ],
)
def test_the_change_that_mends_the_cell_says_the_mistake(forward, tensor, code, leaves, says):
    found = mended(edit_terms, forward, tensor, code, **leaves)
    assert any(says in sentence for sentence in found), found


def test_the_sign_of_what_is_only_ordered_is_no_mistake():
    code = "doar = torch.zeros_like(oar).scatter_(1, oar.min(1, keepdim=True).indices, dswell[:, None])"
    assert mended(edit_terms, "swell = oar.max(1).values", "oar", code, **OAR) == []
