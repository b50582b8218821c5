"""The training loop: tried first, interrupted, gone on with, stopped at NaN."""

import pytest
import torch

from autograder.dojo import training
from autograder.dojo.printed import WIDTH
from autograder.dojo.training import AT_ONCE, Training, bar_text

STEPS = 450
OWN = [torch.tensor([[0.5, -1.0, 0.0, 1.5, 0.7, 0.2]]).requires_grad_(), torch.tensor([0.25]).requires_grad_()]


def loss_of(parameters, x, y):
    w, b = parameters
    return ((x @ w.T + b).squeeze(1) - y).square().mean()


def minibatch(source):
    x = torch.randn((8, 6), generator=source)
    return x, x.sum(1)


def step(parameters, x, y, lr):
    w, b = parameters
    off = (x @ w.T + b).squeeze(1) - y
    w -= lr * (2 * off @ x / len(x))
    b -= lr * 2 * off.mean()
    return off.square().mean()


def uphill(parameters, x, y, lr):
    return step(parameters, x, y, -lr)


def begun(**changed):
    about = {"own": OWN, "start": [p.detach().clone() for p in OWN], "minibatch": minibatch}
    about |= {"rate": lambda number: 0.1 if number < 200 else 0.01, "steps": STEPS, "seed": 3}
    return Training(loss_of, **about | changed)


def interrupted(at, of=step):
    """A step during which the student interrupts, once, half way: one parameter has been changed."""
    left = [at]

    def once(parameters, *args):
        left[0] -= 1
        if left[0] == 0:
            parameters[0] += 100
            raise KeyboardInterrupt
        return of(parameters, *args)

    return once


def after_trial(interrupt):
    """A step that lets the trial be, and interrupts at a number of the training's own steps."""
    return interrupted(training.TRIED + interrupt)


def said(capsys):
    return " ".join(capsys.readouterr().out.split())


@pytest.fixture(name="whole", scope="module")
def _whole():
    whole = begun()
    whole.run(step)
    return whole


def test_it_trains_to_the_end(whole, capsys):
    assert len(whole.losses) == STEPS
    assert whole.losses[-1] < 1e-3 < whole.losses[0]
    assert torch.allclose(whole.parameters[0], torch.ones(1, 6), atol=0.05)
    assert all(torch.equal(p, q) for p, q in zip(OWN, begun().parameters, strict=True))
    losses = list(whole.losses)
    whole.run(step)
    assert "all steps are done" in said(capsys)
    assert whole.losses == losses


@pytest.mark.parametrize("at", [1, 2, AT_ONCE, AT_ONCE + 1, 333])
def test_an_interruption_changes_no_number(whole, at, capsys):
    mine = begun()
    parameters, losses = mine.parameters, mine.losses
    mine.run(after_trial(at))
    done = (at - 1) // AT_ONCE * AT_ONCE
    assert f"stopped after {done} steps; run this cell again to go on" in said(capsys)
    assert len(losses) == done
    assert all(torch.isfinite(p).all() and p.abs().max() < 50 for p in parameters)
    mine.run(step)
    assert "differs" not in said(capsys)
    assert losses == whole.losses
    assert all(torch.equal(p, q) for p, q in zip(parameters, whole.parameters, strict=True))


def test_an_interruption_of_the_trial_leaves_the_start(capsys):
    mine = begun()
    mine.run(interrupted(5))
    assert "stopped after 0 steps" in said(capsys)
    assert mine.losses == []
    assert all(torch.equal(p, q) for p, q in zip(mine.parameters, OWN, strict=True))


def test_a_wrong_step_is_not_begun_with_unless_asked_twice(capsys):
    mine = begun()
    mine.run(uphill)
    assert "not begun: step 1 of 200 differs from PyTorch's: the step has the wrong sign" in said(capsys)
    assert mine.losses == []
    mine.run(uphill)
    assert len(mine.losses) > 0


def test_another_wrong_step_is_refused_anew(capsys):
    mine = begun()
    mine.run(uphill)
    mine.run(lambda *args: uphill(*args))
    assert said(capsys).count("not begun") == 2
    assert mine.losses == []


def test_after_a_wrong_step_a_right_one_begins_again(whole, capsys):
    mine = begun(steps=100)
    halved = interrupted(10**6, of=lambda parameters, x, y, lr: step(parameters, x, y, lr / 2))
    mine.run(halved)
    mine.run(halved)
    assert len(mine.losses) == 100
    mine.run(step)
    assert "the step has changed since, so this begins again" in said(capsys)
    assert mine.losses == whole.losses[:100]


def test_it_stops_at_nan_and_leaves_numbers(capsys):
    mine = begun()
    mine.run(uphill)
    mine.run(uphill)
    out = said(capsys)
    assert "stopped: the loss of step" in out
    assert "the parameters are as after" in out
    assert len(mine.losses) % AT_ONCE == 0
    assert all(torch.isfinite(p).all() for p in mine.parameters)


def test_what_a_step_raises_is_the_students_to_see(capsys):
    left = [training.TRIED + 250]

    def breaks(*args):
        left[0] -= 1
        if left[0] < 0:
            raise ValueError("broken")
        return step(*args)

    mine = begun()
    with pytest.raises(ValueError, match="broken"):
        mine.run(breaks)
    assert len(mine.losses) == 200


def test_a_stub_is_still_to_do(capsys):
    def stub(parameters, x, y, lr):
        """One step."""

    mine = begun()
    mine.cmp("train_step", stub)
    mine.run(stub)
    assert said(capsys) == (
        "train_step | exact: False | approximate: False | maxdiff: None | still to do "
        "this needs your function of the step, which is still to do"
    )


def test_cmp_says_how_a_step_compares(capsys):
    mine = begun()
    mine.cmp("train_step", step)
    right = said(capsys)
    assert right.startswith("train_step | exact: ")
    assert "approximate: True" in right
    assert "| step 1 of 200 differs" not in right
    mine.cmp("train_step", uphill)
    wrong = said(capsys)
    assert "approximate: False" in wrong
    assert "wrong sign: it goes uphill" in wrong
    assert mine.losses == []


def test_the_bar_begins_empty_moves_at_once_and_says_the_time_left():
    assert bar_text([], 1000, 0, 0.0) == ("░" * WIDTH, "0 of 1,000 steps")
    bar, line = bar_text([2.0] * 3, 1000, 3, 0.5)
    assert bar[0] in "▏▎"
    assert len(bar) == WIDTH
    assert line == "3 of 1,000 steps, 6 a second, 2:47 left, loss 2.0000"
    assert bar_text([1.0] * 1000, 1000, 500, 2.0) == ("█" * WIDTH, "all 1,000 steps, 250 a second, loss 1.0000")
    assert "1:23:20 left" in bar_text([1.0], 5001, 1, 1.0)[1]


def test_the_time_left_is_of_this_run():
    """What was done before an interruption took no time of this one."""
    assert "10 a second, 0:40 left" in bar_text([1.0] * 600, 1000, 100, 10.0)[1]
    assert all(len(line) <= WIDTH for line in bar_text([1.0] * 123_456, 200_000, 100_000, 40.0))


def test_the_curve_is_of_so_many_losses_as_there_must_be(capsys, monkeypatch):
    drawn = []
    monkeypatch.setattr("autograder.dojo.curves.show_losses", lambda losses, window: drawn.append((losses, window)))
    training_now = begun()
    training_now.losses += [1.0] * 999
    training_now.show_losses()
    assert "there is a curve after 1,000 steps, and this training has 999" in said(capsys)
    training_now.losses.append(1.0)
    training_now.show_losses()
    assert drawn == [(training_now.losses, 1000)]
