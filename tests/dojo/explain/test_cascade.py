"""The cascade on fused lines: which cause it reports first, and where it stays silent; the rest is measured in bulk."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from autograder.dojo.explain import cascade
from autograder.dojo.explain.cascade import explain
from autograder.dojo.explain.forward import Scene, find_routes, read_lines

FORWARD = (
    "mid = tide.mean(0, keepdim=True)\nspan = ((tide - mid)**2).sum(0, keepdim=True) / (n - 1)\n"
    "wave = crew * (tide - mid) / torch.sqrt(span + 1e-5)"
)
INNER = "(dwave * crew * raw).sum(0) / (n - 1)"
RIGHT = f"(dwave * crew - (dwave * crew).sum(0) / n - raw * {INNER}) / root"


def scene(dtype: torch.dtype) -> Scene:
    source = torch.Generator().manual_seed(4)
    names = {"n": 7, "torch": torch, "tide": torch.randn((7, 5), generator=source, dtype=dtype)}
    names["crew"] = torch.rand(5, generator=source, dtype=dtype) + 0.5
    lines = read_lines(FORWARD)
    for line in lines:
        exec(line.source, names)
    upstream = {"wave": torch.randn((7, 5), generator=source, dtype=dtype)}
    return Scene("tide", find_routes(lines, "tide", {"wave"}), names, upstream)


def said(expression: str, dtype: torch.dtype) -> str | None:
    here = scene(dtype)
    names = here.names | {"dwave": here.upstream["wave"]}
    exec("root = torch.sqrt(span + 1e-5); raw = (tide - mid) / root", names)
    explanation = explain(eval(expression, names), here)
    return None if explanation is None else explanation.sentence


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
class TestInAFusedLine:
    @pytest.mark.parametrize(
        ("expression", "sentence"),
        [
            (RIGHT, None),
            (RIGHT.replace(f" - raw * {INNER}", ""), "the gradient through `span` is missing"),
            (RIGHT.replace(" - (dwave * crew).sum(0) / n", ""), "the gradient through `mid` is missing"),
            (RIGHT.replace("- raw", "+ raw"), "the gradient through `span` has the wrong sign"),
            (RIGHT.replace("- raw", "- 2 * raw"), "the gradient through `span` is counted twice"),
            (RIGHT.replace(".sum(0) / n ", ".sum(0) "), "the gradient through `mid` is too large by the factor n"),
            (
                RIGHT.replace("crew).sum(0) / n", "crew) / n"),
                "in the gradient through `mid` the sum over axis 0 is missing",
            ),
            (
                RIGHT.replace("crew).sum(0) / n", "crew).sum(1, keepdim=True) / n"),
                "in the gradient through `mid` the sum is over axis 1, expected axis 0",
            ),
            (RIGHT.replace("* crew", "* 1"), "`crew` is missing"),
            (
                RIGHT.replace("(dwave * crew).sum(0) / n", "dwave.sum(0) / n"),
                "`crew` is missing, in the gradient through `mid`",
            ),
            (RIGHT.replace("dwave", "torch.ones_like(dwave)"), "this is nearly zero, for its terms cancel: dwave"),
            (f"({RIGHT}).sum(0)", "a sum too many: `tide` has its own gradient at every place of axis 0"),
        ],
    )
    def test_the_path_and_the_cause_are_named(self, expression, sentence, dtype):
        found = said(expression, dtype)
        assert found == sentence if sentence is None else found is not None and found.startswith(sentence)

    def test_bessels_correction_is_tied_to_its_line(self, dtype):
        found = said(RIGHT.replace("/ (n - 1)", "/ n"), dtype)
        assert "the gradient through `span` is right up to the factor (n - 1)/n" in found
        assert (
            "`span = ((tide - mid)**2).sum(0, keepdim=True) / (n - 1)` divides by n - 1 (Bessel's correction)" in found
        )

    @pytest.mark.parametrize(
        "expression", ["torch.sin(dwave + 3 * tide)", f"{RIGHT} + 0.3 * torch.cos(tide)", "torch.sin(100 * tide)"]
    )
    def test_what_is_no_usual_mistake_gets_no_sentence(self, expression, dtype):
        assert said(expression, dtype) is None


class TestOfAGradientThatVanishes:
    """A shift that is taken out again: the true gradient is zero, in float32 some rounding."""

    @pytest.fixture(name="shifted")
    def _shifted(self):
        source = torch.Generator().manual_seed(1)
        names = {
            "torch": torch,
            "tide": torch.randn((9, 5), generator=source),
            "lift": torch.randn(5, generator=source),
        }
        lines = read_lines("wave = tide + lift")
        exec(lines[0].source, names)
        dwave = torch.randn((9, 5), generator=source)
        dwave -= dwave.mean(0)
        return Scene("lift", find_routes(lines, "lift", {"wave"}), names, {"wave": dwave})

    def test_any_order_of_adding_up_is_right(self, shifted):
        dwave = shifted.upstream["wave"]
        by_row = torch.zeros(5)
        for row in dwave.flip(0):
            by_row += row
        assert not by_row.equal(dwave.sum(0))
        for right in (dwave.sum(0), by_row, dwave.double().sum(0), torch.zeros(5)):
            assert explain(right, shifted) is None

    def test_a_sign_is_seen_all_the_same(self, shifted):
        assert explain(-shifted.upstream["wave"].sum(0), shifted).kind == "sign"


def test_what_is_far_larger_than_any_gradient_is_not_looked_at(monkeypatch):
    """To subtract it took gigabytes."""
    looked_at = []
    monkeypatch.setattr(cascade, "parts_of", lambda *args: looked_at.append(args) or {})
    for found in (torch.ones(200_000, 1, 1), torch.ones(1_000_000), torch.full((1_000_000,), torch.nan)):
        assert explain(found, scene(torch.float64)) is None
    assert looked_at == []


def test_explaining_and_showing_where_imports_no_sympy():
    """PyTorch imports it for some ways of asking, and the first wrong step in a notebook would wait half a second."""
    wrong = RIGHT.replace("- raw", "- 2 * raw")
    code = (
        "import sys, torch\nfrom autograder.dojo import pictures\nfrom tests.dojo.explain.test_cascade import said\n"
        f"print(said({wrong!r}, torch.float32))\n"
        "pictures.where_text(torch.ones(2, 3), torch.ones(2, 3, dtype=torch.bool))\nprint('sympy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "the gradient through `span` is counted twice\nFalse\n"
