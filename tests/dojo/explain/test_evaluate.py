"""A cell is evaluated as Python would run it, and refused where it could do anything but arithmetic.

The second half is what an attacker would write: a cell is a stranger's text, and is evaluated on the trusted side.
"""

from __future__ import annotations

import ast
import contextlib
import resource
import sys
import time

import pytest
import torch

from autograder.dojo.explain.evaluate import Evaluation
from autograder.dojo.explain.operations import UnknownError
from autograder.dojo.explain.trials import evaluated

NAMES = {"oar": torch.arange(12.0).reshape(3, 4), "seats": torch.tensor([2, 0, 0]), "n": 3, "torch": torch}
NAMES |= {"hold": [NAMES["oar"].clone()], "crew": [[1.0], [NAMES["oar"].clone()]]}


def run(source: str):
    evaluation = Evaluation(NAMES)
    evaluation.run(ast.parse(source).body)
    return evaluation.names["out"]


@pytest.mark.parametrize(
    "source",
    [
        "out = (oar**2).sum(1, keepdim=True) / n - 1e-5",
        "out = torch.zeros_like(oar)\nfor i in range(n):\n    out[i] += oar[seats[i]] * 2",
        "out = torch.zeros_like(oar).index_add_(0, seats, oar)",
        "out = oar.clone()\nout[range(n), seats] -= 1\nout /= n",
        "out = torch.einsum('ij,kj->ik', oar, oar) @ oar",
        "out = torch.stack([row * 2 for row in oar])",
        "out = sum(oar[i].outer(oar[i]) for i in range(n))",
        "out = torch.cat([oar[:, :2], -oar[:, 2:]], dim=1).T.reshape(4, -1)",
        "out = torch.where(oar > 3, oar, 0.0)",
        "a, b = oar.max(1)\nout = a + b",
        "out = torch.nn.functional.one_hot(seats, oar.shape[1]) * oar",
        "out = oar.max(1, keepdim=True).values + max(n, 2) + len(oar) + abs(-n)",
        "out = torch.zeros(3)\nfor number, row in enumerate(oar, 0):\n    out[number] = float(row.sum())",
        "out = oar[[0, 2]] + oar[[2, 1]]",
        "out = sum([left * right for left, right in zip(oar, reversed([row for row in oar]))])",
        "out = torch.tensor([[1.0, 2.0], [3.0, 4.0]]) ** 2",
        "out = torch.nn.functional.unfold(oar[None, None], 2)",
        "import math\nout = oar * math.sqrt(2 / math.pi)",
    ],
)
def test_the_value_is_that_of_python(source):
    names = {**NAMES, "oar": NAMES["oar"].clone()}
    exec(source, names)
    torch.testing.assert_close(run(source), names["out"])
    torch.testing.assert_close(NAMES["oar"], torch.arange(12.0).reshape(3, 4))


# Doubles a value forty times.
DOUBLED = "\n".join(["x = {}"] + 40 * ["x = {}"])
HOSTILE = {
    # ways out
    "file": "out = open('file')",
    "import": "out = __import__('os')",
    "imported": "import os\nout = os.getpid()",
    "class": "out = oar.__class__",
    "dunder of a list": "out = [].__class__.__base__",
    "dunder of a number": "out = (1).__class__",
    "dunder of a module": "out = torch.__builtins__",
    "dunder of a function": "out = torch.exp.__self__",
    "dunder name": "out = __builtins__",
    "a private function": "out = torch._C",
    "a module that is imported late": "out = torch._inductor(oar)",
    "a method of a string": "out = '{0.__class__}'.format(oar)",
    "load": "out = torch.load('file')",
    "save": "out = torch.save(oar, 'file')",
    "from a file": "out = torch.from_file('/etc/passwd', size=10)",
    "to NumPy": "out = oar.numpy().tofile('file')",
    "apply": "out = oar.apply_(print)",
    "map": "out = oar.map_(oar, print)",
    "hook": "out = oar.register_hook(print)",
    "backward": "out = oar.backward()",
    "grad": "out = oar.grad",
    "storage": "out = oar.untyped_storage()",
    "a view of other memory": "out = oar.as_strided((1000,), (1,))",
    "a larger view": "out = oar.resize_(1000)",
    "manual seed": "out = torch.manual_seed(0)",
    "default dtype": "out = torch.set_default_dtype(torch.float64)",
    "another device": "out = oar.to('cuda')",
    "another device by name": "out = torch.zeros(3, device='meta')",
    "out": "out = torch.exp(oar, out=oar)",
    "lambda": "out = (lambda: 1)()",
    "function": "def out(*all):\n    return 1\nout = out()",
    "a function that calls itself": "def again():\n    return again()\nout = again()",
    "a function that calls itself often": "def again():\n    for i in range(99):\n        again()\nagain()\nout = 1",
    "class statement": "class out:\n    pass",
    "text": "out = f'{oar}'",
    "walrus": "out = (x := oar)",
    "global": "global out\nout = oar",
    "try": "try:\n    out = oar\nexcept: pass",
    "words": "out = torch.sum(**oar)",
    "a function that was given": "out = helper(oar)",
    "eval": "out = eval('1')",
    "getattr": "out = getattr(oar, 'grad')",
    "type": "out = type(oar)",
    "max with a function": "out = max(oar, key=print)",
    # more than there is room for
    "zeros": "out = torch.zeros(10**5, 10**5)",
    "ones": "out = torch.ones(10**9)",
    "eye": "out = torch.eye(10**6)",
    "full": "out = torch.full((10**9,), 1.0)",
    "arange": "out = torch.arange(1e12)",
    "arange by small steps": "out = torch.arange(0, 1, 1e-9)",
    "repeat": "out = oar.repeat(10**4, 10**4)",
    "expand": "out = oar[:, :, None, None, None].expand(3, 4, 300, 300, 300) * 1.0",
    "outer": "out = torch.outer(oar.repeat(100, 100).flatten(), oar.repeat(100, 100).flatten())",
    "an outer product by broadcasting": "x = torch.ones(10**5)\nout = x[:, None] * x",
    "in place by broadcasting": "x = torch.ones(10**5)\ny = x[:, None].clone()\ny += x\nout = y",
    "compared by broadcasting": "x = torch.ones(10**5)\nout = x[:, None] > x",
    "a product": "x = torch.ones(10**6, 1)\nout = x @ x.T",
    "much work in a product": "x = torch.ones(1000, 1000)\nout = x @ x",
    "inner": "x = torch.ones(10**6, 1)\nout = torch.inner(x, x)",
    "kron": "x = torch.ones(10**5)\nout = torch.kron(x, x)",
    "einsum": "x = torch.ones(10**5)\nout = torch.einsum('i,j->ij', x, x)",
    "einsum that broadcasts": "x = torch.ones(10**5, 1)\nout = torch.einsum('ij,ij->ij', x, x.T)",
    "one_hot": "out = torch.nn.functional.one_hot(seats * 10**9)",
    "pad": "x = torch.ones(1, 1, 1, 1)\nout = torch.nn.functional.pad(x, (10**4,) * 8)",
    "unfold": "x = torch.ones(1, 1, 1, 1)\nout = torch.nn.functional.unfold(x, 1000, 1, 1000)",
    "pool": "x = torch.ones(1, 1, 1000, 1000)\nout = torch.nn.functional.max_pool2d(x, 500, 1)",
    "convolution": "x = torch.ones(1, 1, 1000, 1000)\nout = torch.nn.functional.conv2d(x, x, padding=999)",
    "index_select": "x = torch.zeros(10**6).long()\nout = x[None].index_select(0, x)",
    "an index": "x = torch.zeros(10**4).long()\nout = torch.ones(1, 10**4)[x]",
    "a list of indices": "x = torch.zeros(10**4).long()\nout = torch.ones(1, 10**4)[[x]]",
    "two indices": "x = torch.zeros(10**6).long()\nout = torch.ones(1, 1)[x[:, None], x]",
    "a nested index": "a = [0 for i in range(2000)]\nb = [a for i in range(2000)]\nout = torch.ones(1, 1000)[b]",
    "put": "x = torch.zeros(10**6).long()\nout = torch.ones(10, 10**5).index_put_((x,), torch.ones(1))",
    "put in place": "x = torch.zeros(10**6).long()\ny = torch.ones(10, 10**5)\ny[x] = 1.0\nout = y",
    "many tensors": "out = [torch.zeros(10**6) for i in range(4000)]",
    "many tensors at once": "out = torch.ones(10**6).unbind()",
    "tensor_split": "out = torch.ones(10).tensor_split(10**8)",
    "a loop over a tensor": "out = [x for x in torch.ones(10**6)]",
    "a tensor as arguments": "out = torch.stack(*torch.ones(10**6))",
    "a list of a tensor": "out = list(torch.ones(10**6))",
    "a tensor as targets": "a, b = torch.ones(10**6)\nout = a",
    "many axes": "x = oar\nfor i in range(4000):\n    x = x[None]\nout = x",
    "a list many times": "out = [0] * 10**9",
    "a text many times": "out = 'x' * 10**9",
    "a long text": f"out = '{'x' * 10_000}'",
    "a tuple that doubles": DOUBLED.format("(1, 1)", *40 * ["x + x"]) + "\nout = x",
    "a list that doubles": "x = [1, 1]\n" + 40 * "x[0:0] = x\n" + "out = x",
    "lists in lists": DOUBLED.format("[1, 1]", *40 * ["[x, x]"]) + "\nout = torch.tensor(x)",
    "lists in lists that are compared": DOUBLED.format("[1, 1]", *40 * ["[x, x]"]) + "\nout = x == [x]",
    "a list that is appended to itself": "x = [[1]]\nx.append(x)\nout = torch.tensor(x)",
    "a list that grows without an end": "x = []\nfor i in range(5000):\n    x.append(1)\n    x.append(1)\nout = 1",
    "a list in itself": "x = [1]\nx[0] = x\nout = torch.tensor(x)",
    # without an end
    "a power": "out = 10**10**10",
    "a power of a tensor": "out = oar * 10 ** 10 ** 9",
    "a power in place": "x = 9\nx **= x\nx **= x\nx **= x\nx **= x\nout = x",
    "a number that grows": "x = 2\n" + 100 * "x = x * x\n" + "out = x",
    "a number that grows in place": "x = 2\n" + 100 * "x *= x\n" + "out = x",
    "a shift": "out = 1 << 10**9",
    "rounds": "for i in range(10**9):\n    out = i",
    "rounds in rounds": "for i in range(100):\n    for j in range(100):\n        out = i",
    "rounds in a list": "out = [0 for i in range(100) for j in range(100)]",
    "while": "out = 0\nwhile out < 1:\n    out = 0",
    "much in a loop": "x = torch.ones(1000, 500)\nfor i in range(4000):\n    out = x @ x.T[:, :50]",
    "a large sort in a loop": "x = torch.rand(10**6)\nfor i in range(4000):\n    out = x.sort()",
    "the largest of a tensor": "out = max(torch.ones(10**6))",
    "a sum of a tensor": "out = sum(torch.ones(10**6))",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_anything_else_is_refused(source):
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.thread_time()
    imported = set(sys.modules)
    evaluation = Evaluation({**NAMES, "helper": print}, until=started + 0.5)
    with pytest.raises((UnknownError, OverflowError, TypeError, ValueError, RuntimeError, IndexError)):
        evaluation.run(ast.parse(source).body)
    assert time.thread_time() - started < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 250_000  # kB
    assert set(sys.modules) <= imported | {"torch._refs", "torch.utils"}


@pytest.mark.parametrize(
    "source",
    [
        "oar += 1\nout = oar",
        "oar.zero_()\nout = oar",
        "oar[0] = 5\nout = oar",
        "oar.data += 1\nout = oar",
        "oar.T.flatten().view(4, 3)[0] *= 2\nout = oar",
        "hold[0].zero_()\nout = oar",
        "hold[0] = oar * 2\nout = oar",
        "for each in hold:\n    each += 1\nout = oar",
        "crew[1][0].zero_()\nout = oar",
        "crew[0][0] = n\nout = oar",
        "oar.detach().copy_(oar * 2)\nout = oar",
    ],
)
def test_nothing_that_was_given_is_changed(source):
    before = {name: value.clone() for name, value in NAMES.items() if isinstance(value, torch.Tensor)}
    with contextlib.suppress(UnknownError):
        run(source)
    for name, value in before.items():
        assert torch.equal(NAMES[name], value)
    assert [torch.equal(one, NAMES["oar"]) for one in NAMES["hold"]] == [True]
    assert NAMES["crew"][0] == [1.0]
    assert torch.equal(NAMES["crew"][1][0], NAMES["oar"])


@pytest.mark.parametrize(
    "source",
    [
        f"out = {'(' * 5000}oar{')' * 5000}",
        f"out = {'-' * 5000}oar",
        "out = oar" + ".T" * 20_000,
        "out = oar" + " + 1" * 50_000,
        f"out = {'[' * 90}0{']' * 90}",
        "out = oar\n" * 20_000,
        f"out = {'9' * 100_000}",
        "out = oar\0",
        "out = 'x' * 3" + "#" * 200_000,
    ],
)
def test_text_that_is_large_or_deep_is_left_alone(source):
    started = time.thread_time()
    assert evaluated(source, "out", NAMES) is None
    assert time.thread_time() - started < 1


def test_a_limit_of_time_ends_an_evaluation():
    source = "for i in range(4000):\n    out = oar @ oar.T"
    assert evaluated(source, "out", NAMES) is not None
    assert evaluated(source, "out", NAMES, until=time.thread_time()) is None


@pytest.mark.parametrize(
    "source",
    [
        "def f(x, by=2):\n    y = x * by\n    return y\nout = f(oar)",
        "def f(x, by):\n    return x * by\nout = f(by=2, x=oar)",
        "f = lambda x: x * 2\nout = f(oar)",
        "def g(x):\n    return x * 2\ndef f(x):\n    for i in range(3):\n        return g(x)\nout = f(oar)",
    ],
)
def test_a_function_of_the_cell_is_evaluated(source):
    evaluation = Evaluation(NAMES)
    evaluation.run(ast.parse(source).body)
    assert torch.equal(evaluation.names["out"], NAMES["oar"] * 2)
    assert "x" not in evaluation.names  # its names end with it


def test_a_list_that_grows():
    evaluation = Evaluation(NAMES)
    evaluation.run(ast.parse("rows = []\nfor row in oar:\n    rows.append(row * 2)\nout = torch.stack(rows)").body)
    assert torch.equal(evaluation.names["out"], NAMES["oar"] * 2)


def test_memory_of_others_is_zeros():
    assert not run("out = torch.empty(1000)").any()
    assert not run("out = torch.empty_like(oar)").any()
