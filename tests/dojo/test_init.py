"""cmp and its kin outside of a notebook: what is printed, what is imported, and what nbgrader's Validate sees."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from autograder import dojo
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


FOLDER = Path(dojo.__file__).parent
STUDENT_FILES = sorted(FOLDER.rglob("*.py"))


@pytest.mark.parametrize("path", STUDENT_FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_what_students_get_imports_nothing_but_torch_ipython_and_the_standard_library(path):
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= len(path.relative_to(FOLDER).parts)  # a file of this folder
            imported |= {node.module.partition(".")[0]} if node.level == 0 else set()
    assert imported <= {"torch", "IPython", *sys.stdlib_module_names}


def imported(path):
    """The files of ours that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            names = [base.with_suffix(".py")] if node.module else [base / f"{name.name}.py" for name in node.names]
            found |= {file for file in names if file.exists()}
    return found


def test_imports_run_in_no_circle_not_even_a_late_one():
    rest = {path: imported(path) for path in STUDENT_FILES}
    assert sum(map(len, rest.values())) > 20
    while rest:
        lowest = {path for path, files in rest.items() if not files & rest.keys()}
        assert lowest, sorted(str(path.relative_to(FOLDER)) for path in rest)
        rest = {path: files for path, files in rest.items() if path not in lowest}


def test_the_explainer_imports_nothing_from_above_it():
    explain = FOLDER / "explain"
    files = set().union(*map(imported, explain.glob("*.py")))
    assert {file.parent for file in files} == {explain}


def test_the_name_students_import_loads_neither_the_explainer_nor_sympy():
    """What is imported at the top of a notebook must be quick: the rest is loaded at the first wrong step."""
    code = "import sys, torch\nfrom autograder.dojo import cmp, cmp_all, cmp_value, progress\n"
    code += "print([name for name in sys.modules if 'sympy' in name or 'explain' in name or 'pictures' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_face_has_these_names():
    assert sorted(dojo.__all__) == [
        "Comparison",
        "Result",
        "Training",
        "cmp",
        "cmp_all",
        "cmp_path",
        "cmp_value",
        "compare",
        "example",
        "heat_map",
        "is_written",
        "moves_of",
        "progress",
        "results",
    ]


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
