"""Code that goes around autograd's engine."""

import pytest

from autograder.submission.evasion import evades


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


def test_deep_nesting_is_no_way_to_crash_the_reading():
    assert not evades({0: "(" * 5000 + "x" + ")" * 5000}, [0])


@pytest.mark.parametrize(
    ("other", "belongs"),
    [
        ("def train():\n    n = 3\n    return n.grad_fn", False),
        ("n = 3\nm = n.grad_fn", True),
        ("def f():\n    global n\n    n = x.grad_fn", True),
        ("n[0] = x.grad_fn", True),
        ("n.value = x.grad_fn", True),
        ("def f():\n    n.append(1)\n    return x.grad_fn", True),
        ("def f():\n    n.index(1)\n    return x.grad_fn", False),
    ],
)
def test_a_functions_own_names_are_no_other_cells(other, belongs):
    assert evades({0: other, 1: "dn = n * 2"}, [1]) == belongs
