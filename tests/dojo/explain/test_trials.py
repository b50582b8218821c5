"""A notebook has one set of numbers; its forward pass gives others, on which code is tried."""

from __future__ import annotations

import torch

from autograder.dojo.explain.forward import Scene, find_routes, read_lines
from autograder.dojo.explain.trials import forward_in_float64, gives, trials_of, with_random_upstream

LINES = read_lines("swell = oar * 2\ncrest = swell.tanh()")
OAR = torch.tensor([[1.0, 2.0, 3.0]]).requires_grad_()
SWELL = OAR.detach() * 2
NAMES = {"oar": OAR, "swell": SWELL, "crest": SWELL.tanh(), "dswell": torch.ones(1, 3)}
SCENE = Scene("oar", find_routes(LINES, "oar", {"swell"}), NAMES, {"swell": torch.ones(1, 3)})


def test_code_gives_what_was_found_up_to_rounding():
    names = {"oar": torch.tensor([1.0, 2.0], dtype=torch.float64)}
    assert gives("doar = oar * 2", "doar", names, torch.tensor([2.0, 4.0], dtype=torch.float64) + 1e-7)
    assert not gives("doar = oar * 2", "doar", names, torch.tensor([2.0, 4.1], dtype=torch.float64))
    assert not gives("doar = helper(oar)", "doar", names, torch.tensor([2.0, 4.0], dtype=torch.float64))


def test_trials_have_other_gradients_and_other_parameters():
    found = trials_of(NAMES["dswell"] * 2, SCENE, NAMES, LINES, "doar = dswell * 2", "doar")
    assert len({float(trial.names["dswell"].sum()) for trial in found}) == len(found) > 1
    assert len({float(trial.names["oar"].sum()) for trial in found}) == len(found)
    for trial in found:
        torch.testing.assert_close(trial.found, trial.total)


def test_there_are_none_where_the_code_gives_something_else():
    assert trials_of(NAMES["dswell"] * 3, SCENE, NAMES, LINES, "doar = dswell * 2", "doar") == []
    assert trials_of("text", SCENE, NAMES, LINES, "doar = dswell * 2", "doar") == []


def test_the_forward_pass_is_run_again_in_float64():
    again = forward_in_float64({"oar": OAR.detach().double()}, LINES)
    assert again["crest"].dtype == torch.float64
    assert forward_in_float64({"oar": "text"}, LINES) == {}


def test_a_gradient_that_code_cannot_read_stays():
    other = with_random_upstream(SCENE, 1, known=())
    assert torch.equal(other.upstream["swell"], torch.ones(1, 3, dtype=torch.float64))
    other = with_random_upstream(SCENE, 1, known=("dswell",))
    assert not torch.equal(other.upstream["swell"], torch.ones(1, 3, dtype=torch.float64))


def test_a_forward_pass_with_a_loop_and_a_list_is_run_once():
    lines = read_lines(
        "hs = []\nfor t in range(3):\n    hs.append(oar[t] * 2)\nall = torch.stack(hs)\nloss = all.sum()"
    )
    oar = torch.arange(6.0, dtype=torch.float64).reshape(3, 2)
    again = forward_in_float64({"torch": torch, "oar": oar}, lines)
    assert again.keys() == {"all", "loss"}
    assert torch.equal(again["all"], oar * 2)
