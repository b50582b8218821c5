import pytest

from autograder.sandbox.messages import ScriptCell
from autograder.submission.code import changed_through, evades, grads_read
from autograder.submission.notebook import Submission


@pytest.mark.parametrize(
    "source",
    [
        "dx = loss.grad_fn(one)",
        "dx = getattr(loss, 'grad_fn')(one)",
        "step = loss.grad_fn.next_functions[0][0]",
        "dx = torch.ops.aten.tanh_backward(dy, y)",
        "from torch._C import _nn as kernels",
        "import torch._C",
        "import torch._C._autograd as engine",
        "torch.autograd.Variable._execution_engine.run_backward",
        "dx = torch._softmax_backward_data(dy, y, 1, y.dtype)",
        "dx = torch._unpack_dual(y, 0)[1]",
        "from autograder.sandbox.guest.autograd_guard import Guard\nGuard.poisoned = False",
        "def solve():\n    return [loss.grad_fn for _ in range(1)]",
        "%time dx = loss.grad_fn(one)",
        "%matplotlib inline\ndx = loss.grad_fn(one)",
        "%%time\ndx = 1\ndx = loss.grad_fn(one)",
        "%%time\n%time loss.grad_fn(one)",
    ],
)
def test_code_that_goes_around_the_engine_is_seen(source):
    assert evades({0: source}, [0])


@pytest.mark.parametrize(
    "source",
    [
        "dx = %time loss.grad_fn(one)",
        "%timeit loss.grad_fn(one)",
        "dx?\nfiles = !ls\nif dx:\n    %matplotlib inline\ndx = loss.grad_fn(one)",
        "!ls\n" * 600 + "dx = loss.grad_fn(one)",  # IPython's own transformer gives up
        "a" * 100_000 + " ?\ndx = loss.grad_fn(one)",  # and would not come back
    ],
)
def test_it_is_seen_between_commands(source):
    assert evades({0: source}, [0])


@pytest.mark.parametrize(
    "source",
    [
        "dh = dlogits @ W2.T",
        "loss.backward()",  # left to the guard, which sees what it does when it runs
        "# loss.grad_fn would do it all\ndx = dy * 2",
        "note = 'loss.grad_fn and tanh_backward'",
        "import torch.nn.functional as F\ndx = F.one_hot(i)",
        "backward = dy * 2",
        "def linear_backward(d):\n    return d @ W.T\ndx = linear_backward(dy)",
        "%matplotlib inline\ndx = dy",
        "%%time\ndx = dy",
        "%%html\nloss.grad_fn <b>explained</b>",
        "dx = (",
        "",
        "dx = \0",
    ],
)
def test_other_code_is_left_alone(source):
    assert not evades({0: source}, [0])


@pytest.mark.parametrize(
    "helper",
    [
        "def helper(t):\n    return t.grad_fn",
        "class helper:\n    f = loss.grad_fn",
        "helper = lambda t: t.grad_fn",
        "from torch import _C as helper",
        "%time helper = lambda t: t.grad_fn",
    ],
)
def test_a_helper_in_another_cell_belongs_to_the_cells_that_use_it(helper):
    cells = {0: helper, 1: "between = helper", 2: "dx = between(y)", 3: "dz = dx * 2", 4: "dw = dy * 2"}
    assert [evades(cells, [own]) for own in (1, 2, 4)] == [True, True, False]


def test_cells_that_the_submission_does_not_have_are_no_evasion():
    assert not evades({0: "dx = loss.grad_fn(one)"}, [7])


@pytest.mark.parametrize(
    "source", ["dx = x.grad", "dx = x.grad.clone()", "f = [t.grad for t in (x, y)]", "%time dx = x.grad"]
)
def test_code_that_reads_grad_is_seen(source):
    assert grads_read(["dx = dy", source])


@pytest.mark.parametrize(
    "source", ["grad = dy * 2\ndx = grad", "dx = dy  # x.grad", "x.requires_grad", "'x.grad'", "x.grad_fn", "x.grad ("]
)
def test_code_that_does_not_read_grad_is_left_alone(source):
    assert not grads_read([source])


def test_deep_nesting_is_no_way_to_crash_the_reading():
    assert not evades({0: "(" * 5000 + "x" + ")" * 5000}, [0])


def submission(*cells, own=(0,)):
    script = tuple(ScriptCell(index, source, ()) for index, source in enumerate(cells))
    return Submission(script, {}, {"dmast": own}, ())


@pytest.mark.parametrize(
    "change",
    [
        "dflat += 1",
        "dflat *= -1",
        "dflat[0] = 1",
        "dflat[0] += 1",
        "dflat.neg_()",
        "dflat.mul_(2)",
        "if True:\n    dflat -= 1",
    ],
)
def test_a_change_through_the_other_name_is_seen(change):
    assert changed_through("dmast", submission(f"dmast = dflat\n{change}")) == "dflat"
    assert changed_through("dmast", submission("dmast = dflat", change, "dmast = dmast + 1", own=(0, 2))) == "dflat"


@pytest.mark.parametrize(
    "cells",
    [
        ("dmast = dflat.clone()\ndflat += 1",),
        ("dmast = dflat\ndflat = dflat + 1",),
        ("dmast = dflat\ndmast = dmast + 1\ndflat += 1",),
        ("dmast = dflat\nother += 1",),
        ("dflat += 1\ndmast = dflat",),
        ("dmast = dflat", "dflat += 1"),
        ("%%time\ndmast = dflat", "dflat += 1"),
        ("dmast = = 1",),
    ],
)
def test_what_does_no_harm_is_not(cells):
    assert changed_through("dmast", submission(*cells)) is None
