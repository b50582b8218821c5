"""An exercise's own cells in a fresh namespace, and one case over another's names."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch

from autograder.cells.errors import SetupError
from autograder.cells.ipython import new_shell
from autograder.cells.namespace import clear, default_dtype, overlaid, run_autograd, run_setup, user_names
from autograder.dojo.structure import described

SETUP = (
    "import math, torch",
    "n = 3\nSEED = 1",
    "data = torch.ones(n)\ndraw = torch.rand(n)",
    "def area(r): return r * n",
)


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    return new_shell(str(tmp_path_factory.mktemp("ipython")))


class TestSetup:
    def test_it_returns_what_the_cells_define(self, shell):
        names = run_setup(shell, SETUP, 2, {}, "float32")
        assert {"math", "torch", "n", "SEED", "data", "draw", "area"} == names.keys()
        assert (names["n"], names["data"].dtype, names["math"], names["area"](2)) == (3, torch.float32, math, 6)

    def test_overrides_are_set_behind_the_parameters(self, shell):
        names = run_setup(shell, SETUP, 2, {"n": 5}, "float64")
        assert (names["n"], names["SEED"], names["data"].shape, names["data"].dtype) == (5, 1, (5,), torch.float64)

    def test_it_begins_with_nothing(self, shell):
        run_setup(shell, ("left = 1",), 0, {}, "float32")
        assert run_setup(shell, ("found = 'left' in globals()",), 0, {}, "float32") == {"found": False}

    def test_a_cell_that_raises_is_said(self, shell):
        with pytest.raises(SetupError, match=r"a setup cell of the exercise failed: ZeroDivisionError: .* \(line 1"):
            run_setup(shell, ("1 / 0",), 0, {}, "float64")

    def test_dtype_and_random_numbers_are_as_before(self, shell):
        before = torch.get_default_dtype(), torch.random.get_rng_state()
        run_setup(shell, ("import torch\ntorch.manual_seed(3)\ntorch.rand(2)",), 0, {}, "float64")
        with pytest.raises(SetupError):
            run_setup(shell, ("nonsense",), 0, {}, "float64")
        assert torch.get_default_dtype() == before[0]
        assert torch.equal(torch.random.get_rng_state(), before[1])


class TestNames:
    def test_those_of_cells_are_there_and_can_be_cleared(self, shell):
        clear(shell)
        shell.run_cell("mine = 1\n_hidden = 2")
        assert user_names(shell) == {"mine": 1}
        clear(shell)
        assert user_names(shell) == {}
        assert "In" in shell.user_ns


NAMES = {"w": torch.zeros(2), "b": torch.zeros(1), "n": 3, "torch": torch}


class TestOverlaid:
    def test_tensors_and_plain_values_are_the_cases_and_the_rest_stays(self):
        other = torch.ones(5)
        found = overlaid(NAMES, {"w": other}, {"n": 5}, {})
        assert found["w"] is other
        assert (found["n"], found["torch"], found["b"]) == (5, torch, NAMES["b"])

    def test_a_list_of_named_tensors_holds_the_cases_own(self):
        other = torch.ones(5)
        names = NAMES | {"parameters": [NAMES["w"], NAMES["b"], 7]}
        tensors, structures = described(names)
        found = overlaid(names, tensors | {"w": other}, {}, structures)
        assert found["parameters"][0] is other
        assert found["parameters"][1] is NAMES["b"]
        assert found["parameters"][2] == 7


class TestAutograd:
    def test_all_names_are_returned_and_no_gradient_is_left(self):
        w = torch.tensor([1.0, 2.0], requires_grad=True)
        found = run_autograd({"w": w}, ("loss = (w**2).sum()", "loss.backward()\ndw = w.grad"))
        assert found["dw"].tolist() == [2.0, 4.0]
        assert w.grad is None
        assert "__builtins__" not in found


def _fail():
    assert torch.ones(1).dtype == torch.float64
    raise KeyError


def test_new_tensors_have_the_dtype_in_the_block_only():
    with pytest.raises(KeyError), default_dtype("float64"):
        _fail()
    assert torch.ones(1).dtype == torch.float32


class TestWithoutTheCompiler:
    """In a process of its own: what is imported stays."""

    @staticmethod
    def said(cell):
        code = (
            "import sys, torch\nfrom autograder.cells.namespace import run_autograd\n"
            f"names = run_autograd({{'torch': torch}}, ({cell!r},))\n"
            "print(names['found'], 'torch._dynamo' in sys.modules)\n"
            "import torch._dynamo\nprint(torch._dynamo.config.verbose)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return done.stdout.split()

    def test_an_optimizer_does_not_import_it(self):
        cell = (
            "p = torch.ones(2, requires_grad=True)\nthe = torch.optim.SGD([p], lr=0.5)\nthe.zero_grad()\n"
            "(p * 2).sum().backward()\nthe.step()\nfound = p.sum().item()"
        )
        assert self.said(cell) == ["0.0", "False", "False"]

    def test_a_cell_that_asks_for_it_has_it(self):
        cell = "import torch._dynamo\nfound = torch._dynamo.config.suppress_errors"
        assert self.said(cell) == ["False", "True", "False"]
