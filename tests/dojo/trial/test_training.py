"""A whole training step against PyTorch's."""

import time

import pytest
import torch

from autograder.dojo.trial import training
from autograder.dojo.trial.first_wrong import Question
from autograder.dojo.trial.training import tried

NAMES = ("W", "b", "gain")
G = torch.Generator().manual_seed(4)
OWN = [torch.randn(shape, generator=G).requires_grad_() for shape in ((3, 5), (5,), (1, 5))]
EXAMPLES = [(torch.randn((6, 3), generator=G), torch.randint(0, 5, (6,), generator=G)) for _ in range(20)]


def loss_of(parameters, x, y):
    w, b, gain = parameters
    return torch.nn.functional.cross_entropy(torch.tanh(x @ w + b) * gain, y)


def question(**changed):
    start = [p.detach().clone() for p in OWN]
    about = {"loss": loss_of, "names": NAMES, "start": start, "own": OWN, "examples": EXAMPLES, "rate": 0.1}
    return Question(**about | changed)


CODE = """
def step(parameters, X, Y, lr):
    W, b, gain = parameters
    n = len(X)
    h = torch.tanh(X @ W + b)
    logits = h * gain
    loss = torch.nn.functional.cross_entropy(logits, Y)
    dlogits = (torch.softmax(logits, 1) - torch.nn.functional.one_hot(Y, logits.shape[1])) / n
    dgain = (dlogits * h).sum(0, keepdim=True)
    dpre = dlogits * gain * (1 - h**2)
    dW = X.T @ dpre
    db = dpre.sum(0)
    for p, grad in zip(parameters, [dW, db, dgain]):
        p -= lr * grad
    return loss
"""


def step(*changes):
    code = CODE
    for before, after in changes:
        assert before in code
        code = code.replace(before, after)
    names = {"torch": torch, "OWN": OWN, "__name__": "__main__"}
    exec(code, names)
    return names["step"]


@pytest.mark.parametrize(
    "changes",
    [
        (),
        (("return loss", "return loss.item()"),),
        (("dW = X.T @ dpre", "dW = (X.float().T @ dpre.float())"),),
        (("dW = X.T @ dpre", "dW = torch.zeros((3, 5), dtype=torch.float32); dW += X.T @ dpre"),),
        (("dW = X.T @ dpre", "dW = torch.zeros((3, 5)).index_add_(0, torch.arange(3), X.T @ dpre)"),),
        (("    return loss", "    print('noise'); X.zero_(); return loss"),),
    ],
)
def test_a_right_step_is_right(changes, capsys):
    found = tried(step(*changes), question())
    assert found.right, found.reason
    assert found.done == len(EXAMPLES)
    assert found.comparison.approximate
    assert found.comparison.maxdiff < 1e-6
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            [("[dW, db, dgain]", "[dW, dgain[0], db[None]]")],
            "step 1 of 20 differs from PyTorch's: `b` is moved by the gradient of `gain` "
            "and `gain` is moved by the gradient of `b`; the others are right",
        ),
        (
            [("dpre = dlogits", "dpre = -dlogits")],
            "the step of `W` and `b` has the wrong sign: it goes uphill; the others are right",
        ),
        ([("p -= lr", "p += lr")], "the step has the wrong sign"),
        (
            [("p -= lr", "p -= 0.1")],
            "step 2 of 20 differs from PyTorch's: the step is 0.1 times the gradient, whatever",
        ),
        ([("/ n", "")], "the step is too large by the factor 6"),
        (
            [("(1 - h**2)", "(1 - h)")],
            "`W` and `b` do not move as in PyTorch; `gain` is right: look at what the gradients of the others share",
        ),
        ([("X.T @ dpre", "X.T.abs() @ dpre")], "only `W` does not move as in PyTorch: look at its own gradient"),
        (
            [("torch.tanh(X", "torch.sigmoid(X")],
            "none is right; the loss that it returns is wrong too, so begin with the forward pass",
        ),
        ([("return loss", "pass")], "the parameters are right, but it returns nothing: end it with `return loss`"),
        ([("return loss", "return logits")], "it returns a tensor of shape (6, 5) where the loss belongs"),
        ([("return loss", "return [loss]")], "it returns a list where the loss belongs"),
        ([("return loss", "return 2 * loss")], "where the loss is"),
        (
            [("return loss", "return torch.nn.functional.cross_entropy(torch.tanh(X @ W + b) * gain, Y)")],
            "that is the loss after the update",
        ),
        ([("p -= lr * grad", "p = p - lr * grad")], "it changes nothing: the tensors that are given stay as they were"),
        (
            [("zip(parameters,", "zip(OWN,")],
            "it changes `W`, `b` and `gain` of the notebook, not the tensors that it is given",
        ),
        ([("= parameters\n", "= OWN\n")], "its gradients are those of the notebook's own parameters"),
        ([("p -= lr", "p -= float('nan')")], "it leaves NaN or inf in `W`"),
        ([("return loss", "return loss * float('nan')")], "the loss that it returns is NaN or inf"),
        ([("X.T @ dpre", "X @ dpre")], "it raises RuntimeError: mat1 and mat2 shapes"),
        ([("p -= lr * grad", "parameters.pop()")], "it changes the list of parameters"),
        ([("    W, b, gain = parameters\n", "    h = X * 2\n    return\n")], "it changes nothing and returns nothing"),
    ],
)
def test_a_wrong_step_gets_its_reason(changes, says):
    before = [p.detach().clone() for p in OWN]
    found = tried(step(*changes), question())
    assert says in found.reason
    assert not found.right
    assert not found.comparison.approximate
    assert all(torch.equal(p, was) for p, was in zip(OWN, before, strict=True))


def test_the_step_that_differs_first_is_named():
    late = "import itertools\ncount = itertools.count()" + CODE.replace("/ n", "/ (n if next(count) < 7 else 1)")
    names = {"torch": torch}
    exec(late, names)
    found = tried(names["step"], question())
    assert found.done == 7
    assert found.reason.startswith("step 8 of 20 differs from PyTorch's: the step is too large by the factor 6")


def test_a_stub_is_still_to_do():
    def stub(parameters, x, y, lr):
        """One step."""

    assert tried(stub, question()).todo


def test_the_line_that_raised_is_named(tmp_path):
    path = tmp_path / "cell.py"
    path.write_text("def step(parameters, X, Y, lr):\n    h = X @ parameters[1] @ X\n    return h\n")
    names = {"__name__": "__main__"}
    exec(compile(path.read_text(), str(path), "exec"), names)
    assert tried(names["step"], question()).reason.endswith("in `h = X @ parameters[1] @ X`")


def test_a_step_without_an_end_is_given_up(monkeypatch):
    monkeypatch.setattr(training, "SECONDS", 0.2)
    found = tried(step(("return loss", "while True: pass")), question())
    assert "it takes too long: its first step has not ended" in found.reason


def test_slow_right_steps_are_right_as_far_as_they_were_tried(monkeypatch):
    monkeypatch.setattr(training, "SECONDS", 0.5)
    right = step()

    def slow(*args):
        time.sleep(0.1)
        return right(*args)

    found = tried(slow, question())
    assert found.right
    assert 0 < found.done < len(EXAMPLES)


def test_a_step_that_calls_a_stub_is_told_of_it():
    calls = step(("        p -= lr * grad\n", "        update(p, grad, lr)\n"))
    calls.__globals__["update"] = lambda p, grad, lr: None
    assert tried(calls, question()).reason == "it calls `update`, which is still to do"
    calls.__globals__["update"] = lambda p, grad, lr: p.sub_(lr * grad)
    assert tried(calls, question()).right
