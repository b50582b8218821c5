# ruff: noqa: E501
"""Each way to autograd is counted, worth nothing where marks are decided, and left alone where they are not.

The guard changes PyTorch for the process that it is installed in, so the codes run in processes of their own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

BEFORE = """
import json
import sys
import torch
import torch.nn.functional as F
from autograder.sandbox.guest.autograd_guard import Guard

torch.manual_seed(3)
W = torch.randn(4, 3)
x0 = torch.randn(5, 4)
y = torch.tensor([0, 2, 1, 1, 0])


def f(x):
    return F.cross_entropy(x @ W, y)


def graph():
    x = x0.clone().requires_grad_()
    return x, f(x)


p = torch.softmax(x0 @ W, 1)
truth = (p - F.one_hot(y, 3)) @ W.T / 5
guard = Guard()
guard.install()
guard.poisoned = json.loads(sys.argv[1])
answers = []
for code in json.load(sys.stdin):
    names = dict(globals(), found=None)
    before = guard.uses
    error = None
    functions = torch.randn_like, torch.Tensor.normal_
    try:
        with torch.enable_grad():
            exec(code, names)
    except Exception as exception:
        error = f"{type(exception).__name__}: {exception}"
    torch.randn_like, torch.Tensor.normal_ = functions
    found = names["found"]
    there = isinstance(found, torch.Tensor)
    right = there and found.shape == truth.shape and torch.allclose(found.detach(), truth, atol=1e-6)
    answers.append({"uses": guard.uses - before, "right": right, "there": there, "error": error})
print(json.dumps(answers))
"""

Answers = Callable[[str, bool], dict[str, Any]]


def _answers(script: str, codes: Sequence[str], *arguments: str) -> list[Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *arguments],
        input=json.dumps(codes),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


@pytest.fixture(scope="module")
def answer() -> Answers:
    """What a code does in a process with a guard, poisoned or not; one process for all codes."""
    codes = [*WAYS.values(), *NODES.values(), *HONEST.values(), *COMPARING, NOISE, *PAST.values(), *WATCHED.values()]
    found = {
        poisoned: dict(zip(codes, _answers(BEFORE, codes, json.dumps(poisoned)), strict=True))
        for poisoned in (False, True)
    }
    return lambda code, poisoned: found[poisoned][code]


WAYS = {
    "backward": "x, loss = graph()\nloss.backward()\nfound = x.grad",
    "backward with inputs": "x, loss = graph()\nloss.backward(inputs=[x])\nfound = x.grad",
    "backward twice": "x, loss = graph()\nloss.backward(retain_graph=True)\nloss.backward()\nfound = x.grad / 2",
    "autograd.backward": "x, loss = graph()\ntorch.autograd.backward([loss])\nfound = x.grad",
    "a gradient that is retained": "x, loss = graph()\nz = x * 1\nz.retain_grad()\nf(z).backward()\nfound = z.grad",
    "autograd.grad": "x, loss = graph()\nfound = torch.autograd.grad(loss, x)[0]",
    "autograd.grad with a graph": "x, loss = graph()\nfound = torch.autograd.grad(loss, x, create_graph=True)[0]",
    "autograd.grad of several": "x, loss = graph()\nz = torch.ones((), requires_grad=True)\n"
    "a, b = torch.autograd.grad(loss * z, (x, z))\nfound = a / b * loss",
    "autograd.grad with a weight": "x, loss = graph()\nfound = torch.autograd.grad(loss, x, torch.tensor(2.0))[0] / 2",
    "func.grad": "found = torch.func.grad(f)(x0)",
    "func.grad_and_value": "found = torch.func.grad_and_value(f)(x0)[0]",
    "func.vjp": "found = torch.func.vjp(f, x0)[1](torch.ones(()))[0]",
    "func.jacrev": "found = torch.func.jacrev(f)(x0)",
    "func.jacfwd": "found = torch.func.jacfwd(f)(x0)",
    "func.jvp": "found = torch.stack([torch.func.jvp(f, (x0,), (e,))[1] for e in torch.eye(20).view(20, 5, 4)]).view(5, 4)",
    "vmap of func.grad": "found = torch.vmap(torch.func.grad(lambda r, t: F.cross_entropy(r @ W, t) / 5))(x0, y)",
    "functional.vjp": "found = torch.autograd.functional.vjp(f, x0)[1]",
    "functional.jacobian": "found = torch.autograd.functional.jacobian(f, x0)",
    "functional.jacobian, vectorised": "found = torch.autograd.functional.jacobian(f, x0, vectorize=True)",
    "functional.jvp": "found = torch.stack([torch.autograd.functional.jvp(f, x0, e)[1] for e in torch.eye(20).view(20, 5, 4)])"
    ".view(5, 4)",
    "forward AD": "import torch.autograd.forward_ad as fw\nparts = []\nwith fw.dual_level():\n"
    "    for e in torch.eye(20).view(20, 5, 4):\n        parts.append(fw.unpack_dual(f(fw.make_dual(x0, e))).tangent)\n"
    "found = torch.stack(parts).view(5, 4)",
    "a compiled function": "found = torch.autograd.grad(*reversed((x := x0.clone().requires_grad_(), torch.jit.script(f)(x))))[0]",
    "an optimiser's step": "x, loss = graph()\nloss.backward()\ntorch.optim.SGD([x], lr=1.0).step()\nfound = x0 - x",
    "a hook": "x, loss = graph()\nkept = []\nx.register_hook(lambda g: kept.append(g.clone()))\nloss.backward()\nfound = kept[0]",
    "a hook after accumulation": "x, loss = graph()\nkept = []\n"
    "x.register_post_accumulate_grad_hook(lambda t: kept.append(t.grad.clone()))\nloss.backward()\nfound = kept[0]",
    "a Function of one's own": "class Keep(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, t):\n"
    "        return t.clone()\n\n    @staticmethod\n    def backward(ctx, g):\n        kept.append(g.clone())\n        return g\n\n\n"
    "kept = []\nx = x0.clone().requires_grad_()\nf(Keep.apply(x)).backward()\nfound = kept[0]",
    "a function that is no longer random": "torch.randn_like = torch.clone\ntorch.Tensor.normal_ = lambda t: t\n"
    "x, loss = graph()\nloss.backward()\nfound = x.grad",
    "a thread": "import threading\nx, loss = graph()\nt = threading.Thread(target=loss.backward)\nt.start()\nt.join()\nfound = x.grad",
}


@pytest.mark.parametrize("way", WAYS)
def test_it_is_counted_and_left_alone_in_the_public_case(way, answer):
    found = answer(WAYS[way], False)
    # What PyTorch gives is what it always gives: for these ways that is the gradient.
    assert found["right"], found
    assert found["uses"] >= 1


@pytest.mark.parametrize("way", WAYS)
def test_it_is_counted_and_worth_nothing_where_marks_are_decided(way, answer):
    found = answer(WAYS[way], True)
    assert not found["right"]
    assert found["uses"] >= 1


PAST = {
    "a compiled function": "torch.jit._state.enable()\ntorch.jit.script(F.hardtanh)",
    "a compiled text": "torch.jit.CompilationUnit('def f(x: Tensor):\\n    return torch.autograd.grad([x.sum()], [x])[0]')",
    "a trace": "torch.jit._state.enable()\ntorch.jit.trace(lambda x: torch.autograd.grad(f(x), x)[0], x0.clone().requires_grad_())",
    "an engine of one's own": "torch._C._ImperativeEngine()",
}


@pytest.mark.parametrize("poisoned", [False, True])
@pytest.mark.parametrize("way", PAST)
def test_what_calls_the_engine_from_cpp_is_refused(answer, way, poisoned):
    """In the public case too: what is compiled there could be called in a hidden one."""
    assert "PermissionError" in answer(PAST[way], poisoned)["error"]


WATCHED = {
    "a graph": "from torch.fx.experimental.proxy_tensor import make_fx\n"
    "found = make_fx(lambda x: torch.func.vjp(f, x)[1](torch.ones(()))[0])(x0)(x0)",
    "a mode of one's own": "from torch.utils._python_dispatch import TorchDispatchMode\n"
    "class Mode(TorchDispatchMode):\n    def __torch_dispatch__(self, f, types, args=(), kwargs=None):\n"
    "        return f(*args, **(kwargs or {}))\n"
    "x, loss = graph()\nwith Mode():\n    loss.backward()\nfound = x.grad",
}


@pytest.mark.parametrize("way", WATCHED)
def test_what_could_be_written_down_in_the_public_case_is_worth_nothing_there(way, answer):
    found = answer(WATCHED[way], False)
    assert found["there"], found
    assert not found["right"]


NODES = {
    "a node called by hand": "t = torch.tanh(x0.clone().requires_grad_())\nfound = t.grad_fn(torch.ones_like(t))",
    "its name put together": "t = torch.tanh(x0.clone().requires_grad_())\nfound = getattr(t, 'grad' + '_fn')(torch.ones_like(t))",
    "the next functions": "t = torch.tanh(x0.clone().requires_grad_()) * 1\n"
    "found = t.grad_fn.next_functions[0][0](torch.ones_like(t))",
}


@pytest.mark.parametrize("way", NODES)
def test_no_node_is_to_be_had_where_marks_are_decided(way, answer):
    assert answer(NODES[way], False)["there"]
    poisoned = answer(NODES[way], True)
    assert not poisoned["there"]
    assert poisoned["error"]


HONEST = {
    "by hand": "found = (torch.softmax(x0 @ W, 1) - F.one_hot(y, 3)) @ W.T / 5",
    "by hand, and printed": "found = truth.clone()\nrepr(found)\nstr(found[0])\nf'{found}'",
    "by hand, with a graph": "x, loss = graph()\nfound = ((torch.softmax(x @ W, 1) - F.one_hot(y, 3)) @ W.T / 5)\nrepr(found)",
    "by hand, the graph looked at": "x, loss = graph()\nloss.grad_fn\nfound = truth.clone()",
}


@pytest.mark.parametrize("poisoned", [False, True])
@pytest.mark.parametrize("way", HONEST)
def test_a_derivation_by_hand_is_no_use_of_autograd(way, poisoned, answer):
    assert answer(HONEST[way], poisoned) == {"uses": 0, "right": True, "there": True, "error": None}


COMPARING = [
    WAYS["backward"] + "\nfound = truth + 0 * x.grad",
    "x, loss = graph()\nfound = truth + 0 * torch.autograd.grad(loss, x)[0]",
    "found = truth + 0 * torch.func.grad(f)(x0)",
]


@pytest.mark.parametrize("code", COMPARING)
def test_comparing_does_not_fail_where_marks_are_decided(code, answer):
    """A comparison with autograd beside a derivation by hand gets something to compare with."""
    found = answer(code, True)
    assert found["error"] is None
    assert found["right"]


NOISE = (
    "first, loss = graph()\nloss.backward()\nsecond, loss = graph()\nloss.backward()\n"
    "assert not torch.allclose(first.grad, second.grad)\nassert first.grad.abs().min() > 0\nfound = truth.clone()"
)


def test_noise_is_not_zero_and_not_the_same_again(answer):
    assert answer(NOISE, True)["error"] is None
    assert answer(NOISE, False)["error"] == "AssertionError: "
