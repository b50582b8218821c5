"""Pieces of an answer, run on a trial case."""

from __future__ import annotations

import pytest
import torch

from autograder.dojo.trial import run as module
from autograder.dojo.trial.answer import pieces_of
from autograder.dojo.trial.cases import Case
from autograder.dojo.trial.run import run, run_taped, value_of

VARIABLES = ("da", "db")


def case(**names):
    return Case(True, torch.float64, names, {}, {}, {}, {}, frozenset())


def ran(code, given=None, **names):
    return run(pieces_of([(1, code)], VARIABLES), case(torch=torch, **names), given or {}, ["da"])


def test_what_it_holds_then():
    assert ran("da = 2 * db", {"db": torch.ones(2)}).values["da"].tensor.tolist() == [2.0, 2.0]
    assert ran("da = None").values["da"].kind == "none"
    assert ran("pass").values["da"].kind == "undefined"
    assert ran("da = [1]").values["da"].type == "list"


def test_in_the_cases_precision_without_autograd_and_quietly(capsys):
    found = ran("print('hello')\nda = torch.ones(2, requires_grad=True) * 1")
    assert found.values["da"].tensor.dtype == torch.float64
    assert not found.values["da"].tensor.requires_grad
    assert capsys.readouterr().out == ""


def test_the_case_is_not_changed():
    x, several = torch.ones(2), [torch.ones(2)]
    ran("x.mul_(3)\nseveral[0].mul_(3)\nda = x", x=x, several=several)
    assert x.tolist() == several[0].tolist() == [1.0, 1.0]


def test_the_next_piece_runs_after_one_that_raises():
    found = ran("k = 1 / 0\nda = 1.0")
    assert found.error == "ZeroDivisionError: division by zero"
    assert found.values["da"].tensor == 1.0


def test_a_gradient_that_is_given_is_given_again():
    found = ran("db, k = 5, 3\nda = db * k", {"db": torch.tensor(2.0)})
    assert found.values["da"].tensor == 6.0


def test_autograd_gives_noise_and_is_counted():
    code = "x = torch.ones(3, requires_grad=True)\nwith torch.enable_grad():\n    y = (x * 2).sum()\n"
    found = ran(code + "da = torch.autograd.grad(y, x)[0]")
    assert found.uses == 1
    assert found.values["da"].tensor.tolist() != [2.0, 2.0, 2.0]
    x = torch.ones(3, requires_grad=True)
    assert torch.autograd.grad((x * 2).sum(), x)[0].tolist() == [2.0, 2.0, 2.0]


def test_what_never_ends_is_ended(monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.2)
    assert ran("try:\n    while True:\n        pass\nexcept Exception:\n    da = 1").late


def test_operations_are_replayed_with_other_gradients():
    pieces = pieces_of([(1, "def f():\n    a = 2 * x\n    return a, 3 * a\nda, db = f()")], VARIABLES)
    random = {"da": torch.tensor([7.0]), "db": torch.tensor([1.0])}
    found, tape, held = run_taped(pieces, case(x=torch.tensor([1.0])), {}, random)
    assert found.values["da"].tensor.tolist() == [2.0]
    assert found.values["db"].tensor.tolist() == [21.0]
    assert held["db"].tolist() == [6.0]
    assert tape.operations


@pytest.mark.parametrize(
    ("value", "kind"), [(None, "none"), (1.0, "tensor"), (torch.ones(2), "tensor"), ("a", "other")]
)
def test_values_in_words(value, kind):
    assert value_of(value).kind == kind
