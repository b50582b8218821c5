"""What is said comes from the same order of causes in marking and in the notebook."""

from __future__ import annotations

from dataclasses import replace

import torch

from autograder.dojo.explain.forward import Scene, find_routes, read_lines
from autograder.dojo.explain.reason import agreed, reason, shown
from tests.dojo.explain.cells import trials

PULL = "pull = oar @ hull + keel"
SHAPES = {"oar": (0, 3), "hull": (3, 6), "keel": (6,)}


def said(code: str) -> str | None:
    found = reason(trials(PULL, "oar", code, **SHAPES), code, "doar")
    return found and found.sentence


def test_simple_causes_come_before_what_has_to_change():
    assert said("doar = -(dpull @ hull.T)") == "the sign is wrong"
    assert "`reshape` does not transpose" in said("doar = dpull @ hull.reshape(6, 3)")


def test_a_right_gradient_gets_no_sentence():
    assert said("doar = dpull @ hull.T") is None


def test_trials_that_do_not_agree_get_no_sentence():
    first, *rest = trials(PULL, "oar", "doar = -(dpull @ hull.T)", **SHAPES)
    mixed = [first, *(replace(trial, found=trial.total * 3 + 1, public=True) for trial in rest)]
    assert agreed(mixed, ()) is None
    assert reason(mixed, "", "doar") is None


def test_a_notebook_with_one_set_of_numbers_gets_the_same_sentence():
    source = torch.Generator().manual_seed(1)
    names = {"torch": torch, "n": 5}
    for name, shape in {"oar": (5, 3), "hull": (3, 6), "keel": (6,)}.items():
        names[name] = torch.randn(shape, generator=source).requires_grad_()
    with torch.no_grad():
        names["pull"] = names["oar"] @ names["hull"] + names["keel"]
    lines = read_lines(PULL)
    names["dpull"] = torch.randn(5, 6, generator=source)
    scene = Scene("oar", find_routes(lines, "oar", {"pull"}), names, {"pull": names["dpull"]})
    code = "doar = dpull @ hull.reshape(6, 3)"
    found = names["dpull"] @ names["hull"].detach().reshape(6, 3)
    assert shown(found, scene, names, lines, code, "doar").sentence == said(code)
    assert shown(found, scene, names, lines, "doar = dpull @ hull.T", "doar") is None


def test_nothing_is_said_when_the_time_is_over_but_simple_causes():
    code = "doar = dpull @ hull.reshape(6, 3)"
    tried = trials(PULL, "oar", code, **SHAPES)
    assert reason(tried, code, "doar", seconds=-1) is None
    code = "doar = -dpull @ hull.T"
    assert reason(trials(PULL, "oar", code, **SHAPES), code, "doar", seconds=-1).kind == "sign"


def test_an_answer_that_skips_what_arrives_is_not_told_to_use_it():
    forward, shapes = "swell = oar.exp()\nsum_ = swell.sum(1, keepdim=True)", {"oar": (0, 3)}
    code = "doar = (swell - 1) / n"
    assert reason(trials(forward, "oar", code, **shapes), code, "doar") is None


def test_a_small_constant_is_named_where_the_gradient_is_right_up_to_rounding():
    code = "doar = dswell * (swell + 1e-7)"
    found = reason(trials("swell = oar.exp()", "oar", code, oar=(0, 3)), code, "doar", (1e-9, 3e-6))
    assert found.kind == "epsilon"


def test_a_stage_that_fails_is_silent(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("autograder.dojo.explain.reason.repaired", broken)
    assert reason(trials(PULL, "oar", "doar = dpull @ hull.T + 3", **SHAPES), "", "doar") is None


FORKED = "span = oar**2\npull = torch.tanh(oar * hull)"
FORKS = {"oar": (0, 3), "hull": (0, 3)}
SLOPE = "dpull * (1 - torch.tanh(oar * hull)**2)"


def test_a_path_that_the_code_does_not_read_and_a_slip_in_the_other_are_both_said():
    code = f"doar = {SLOPE} * oar"
    found = reason(trials(FORKED, "oar", code, **FORKS), code, "doar").sentence
    assert found.startswith("the gradient through `span` is missing; and ")
    assert "`oar`" in found
    assert "where `hull` belongs" in found


def test_code_that_leaves_an_arriving_gradient_out_is_tried_with_the_true_ones_too():
    """It may have been derived from further on, in one go."""
    code = "doar = 2 * dpull * oar.abs()"

    def ends():
        found = []
        for trial in trials("pull = (oar * oar).sum(1, keepdim=True)\n", "oar", code, oar=(0, 3)):
            found.append(replace(trial, total=2 * trial.names["dpull"] * trial.names["oar"]))
        return found

    tried = trials(
        "span = oar.abs()\npull = (span * span).sum(1, keepdim=True)\nlast = oar.sum()", "oar", code, oar=(0, 3)
    )
    without = reason(tried, code, "doar")
    assert without is None or "abs" not in without.sentence
    assert "`abs` does not belong there" in reason(tried, code, "doar", ends=ends).sentence


def test_code_that_raised_gets_the_change_with_which_it_is_right():
    right = "doar = dpull @ hull.T"
    raised = [replace(t, found=torch.empty(0), raised=True) for t in trials(PULL, "oar", right, **SHAPES)]
    assert reason(raised, "doar = dpull @ hull", "doar").sentence == "in `dpull @ hull`, `hull` must be transposed"
    assert reason(raised, "doar = hull @ dpull", "doar").sentence == (
        "in `hull @ dpull`, `hull` must be transposed, and the factors of `hull @ dpull` stand in the wrong order"
    )
    found = reason(raised, "doar = dpull * hull", "doar").sentence
    assert found.startswith("`*` stands where a matrix product belongs: `dpull @ hull.T`")
    assert reason(raised, "doar = dpull @ keel @ oar", "doar") is None
    assert reason(raised, right, "doar") is None  # it does not raise here, so nothing is known


def test_an_axis_that_is_missing_where_it_raised_is_said():
    code = "doar = dpull[:, None] * hull"
    tried = trials("pull = (oar * hull).sum(1)", "oar", code, oar=(0, 3), hull=(0, 3))
    raised = [replace(trial, found=torch.empty(0), raised=True) for trial in tried]
    found = reason(raised, "doar = dpull * hull", "doar").sentence
    assert found == "`dpull` has an axis less than the other operand: `dpull[:, None]` has it"


def test_a_path_that_is_overwritten_is_missing_and_why_is_said():
    code = f"doar = 2 * oar * dspan\ndoar = {SLOPE} * hull"
    found = reason(trials(FORKED, "oar", code, **FORKS), code, "doar").sentence
    assert found.startswith("the gradient through `span` is missing: `doar = ")
    assert found.endswith("overwrites the path before it, where it must be added (`+=`)")


def test_the_path_that_is_overwritten_may_stand_between_others():
    code = f"doar = 2 * oar * dspan\ndoar = {SLOPE} * hull\ndoar = doar + 0 * dspan"
    found = reason(trials(FORKED, "oar", code, **FORKS), code, "doar").sentence
    assert "overwrites the path before it" in found


def test_a_path_is_counted_twice_only_where_the_code_reads_it_twice():
    """Without the half, this is as large as it would be then."""
    forward = "span = torch.exp(0.5 * oar)\ncrest = oar * 3"
    once, twice = "doar = 3 * dcrest + dspan * span", "doar = 3 * dcrest + dspan * span / 2\ndoar += dspan * span / 2"
    found = reason(trials(forward, "oar", once, oar=(0, 3)), once, "doar").sentence
    assert (
        found == "`dspan * span` must be multiplied by `0.5`: this factor is missing (in the gradient through `span`)"
    )
    found = reason(trials(forward, "oar", twice, oar=(0, 3)), twice, "doar").sentence
    assert found == "the gradient through `span` is counted twice"


def test_a_mistake_in_one_line_comes_before_two_changes():
    code = "doar = swell.exp() * (dswell - (dswell * swell.exp()).sum(1, keepdim=True))"
    found = reason(trials("swell = F.log_softmax(oar, 1)", "oar", code, oar=(0, 5)), code, "doar").sentence
    assert found == "this is the derivative with `softmax` where `swell = F.log_softmax(oar, 1)` has `log_softmax`"


def test_a_loop_that_keeps_its_last_round_only_is_said_of_the_missing_paths():
    code = "for upstream in (dspan, dcrest):\n    doar = 2 * oar * upstream"
    found = reason(trials("span = oar**2\ncrest = oar**2 + 1", "oar", code, oar=(0, 3)), code, "doar").sentence
    assert found.startswith("the gradient through `span` is missing: `doar = 2 * oar * upstream` in the loop keeps its")
