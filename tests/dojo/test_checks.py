"""cmp, cmp_all and cmp_value: the line, the reason, and nbgrader's Validate."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from autograder.dojo import cmp, cmp_all, cmp_value


def with_grad(*values, **kwargs) -> torch.Tensor:
    """A tensor whose .grad holds the values."""
    t = torch.zeros(len(values), requires_grad=True, **kwargs)
    t.grad = torch.tensor(values, dtype=t.dtype)
    return t


class SaysTrue(torch.Tensor):
    """Answers True to everything, as a way to make any comparison come out right."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True


class ClaimsToBeATensor:
    __class__ = torch.Tensor


@pytest.mark.parametrize(
    ("name", "dt", "lines"),
    [
        (
            "probs",
            torch.tensor([1.0, 2.0]),
            ["probs           | exact: True  | approximate: True  | maxdiff: 0.0", "                | ✓ right"],
        ),
        (
            "b1",
            torch.tensor([1.0, 2.00001]),
            ["b1              | exact: False | approximate: True  | maxdiff: {diff}", "                | ✓ right"],
        ),
        (
            "h",
            torch.tensor([1.0, 2.5]),
            [
                "h               | exact: False | approximate: False | maxdiff: 0.5",
                "                | 1 of 2 elements are off; most at [1]",
            ],
        ),
        (
            "a_name_that_is_long",
            None,
            [
                "a_name_that_is_long | exact: False | approximate: False | maxdiff: None",
                "                | still to do: a tensor of shape (2,)",
            ],
        ),
    ],
)
def test_cmp_prints_fixed_columns_and_then_the_reason(capsys, name, dt, lines):
    cmp(name, dt, with_grad(1.0, 2.0))
    diff = None if dt is None else float(f"{(dt - torch.tensor([1.0, 2.0])).abs().max().item():.3g}")
    assert capsys.readouterr().out.splitlines() == [line.format(diff=diff) for line in lines]


def test_cmp_without_a_gradient_keeps_the_form_and_says_which_cell_to_run(capsys):
    cmp("x", torch.ones(2), torch.ones(2, requires_grad=True))
    line, *below = capsys.readouterr().out.splitlines()
    assert line == "x               | exact: False | approximate: False | maxdiff: None"
    reason = " ".join(part.removeprefix("                | ") for part in below)
    assert reason.endswith("run the cell with loss.backward() first")


@pytest.mark.parametrize("dt", [None, 1.0, np.ones(2), ClaimsToBeATensor(), torch.ones(2).as_subclass(SaysTrue)])
def test_cmp_prints_its_line_for_anything(capsys, dt):
    cmp("x", dt, with_grad(1.0, 2.0))
    assert capsys.readouterr().out.startswith("x               | exact: False | approximate: False | maxdiff: ")


def test_cmp_all_prints_a_line_for_each_row_and_a_count(capsys):
    t = with_grad(1.0, 2.0)
    near = t.grad + torch.tensor([0.0, 1e-6])
    cmp_all(("a", t.grad.clone(), t), ("b", near, t), ("c", torch.zeros(2), t), ("d", None, t))
    lines = capsys.readouterr().out.splitlines()
    assert [line[:1] for line in lines if " | exact: " in line] == ["a", "b", "c", "d"]
    assert lines[-1] == "2 of 4 right, 1 of them exact; 1 still to do"


def test_cmp_all_without_a_gradient_still_compares_the_other_rows(capsys):
    t = with_grad(1.0, 2.0)
    cmp_all(("a", t.grad, t), ("b", t.grad, torch.ones(2, requires_grad=True)))
    assert capsys.readouterr().out.splitlines()[-1] == "1 of 2 right, 1 of them exact; 0 still to do"


@pytest.mark.parametrize("dt", [None, torch.ones(2), torch.zeros(3)])
def test_nbgraders_validate_sees_a_step_that_is_not_right_as_failed(monkeypatch, dt):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    t = torch.ones(2, requires_grad=True)
    t.grad = torch.full((2,), 2.0)
    with pytest.raises(AssertionError, match=r"^tide: "):
        cmp("tide", dt, t)


def test_nbgraders_validate_passes_a_right_step(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    t = torch.ones(2, requires_grad=True)
    t.grad = torch.full((2,), 2.0)
    cmp("tide", torch.full((2,), 2.0), t)


class TestCmpValue:
    def test_it_prints_the_line_and_the_problem(self, capsys):
        cmp_value("update", torch.ones(3), torch.ones(2))
        assert capsys.readouterr().out.splitlines() == [
            "update          | exact: False | approximate: False | maxdiff: None",
            "                | expected shape (2,), found (3,)",
        ]

    def test_validate_sees_a_wrong_one_as_failed_and_passes_a_right_one(self, monkeypatch):
        monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
        cmp_value("update", torch.ones(2), torch.ones(2))
        with pytest.raises(AssertionError, match=r"^update: this is zero everywhere$"):
            cmp_value("update", torch.zeros(2), torch.ones(2))
