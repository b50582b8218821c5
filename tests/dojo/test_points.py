"""The points of the steps, from the notebook's own file."""

from __future__ import annotations

import json

import pytest

from autograder.dojo.points import sheet_of
from autograder.dojo.standing import Worth
from tests.conftest import ROOT

FORWARD = "a = x + 1\nloss = a.sum()"


def cell(source, **info):
    return {"cell_type": "code", "source": source.splitlines(keepends=True), "metadata": {"nbgrader": info}}


def test_of_the_released_exercise():
    folder = ROOT / "assignments" / "backprop"
    notebook = json.loads((folder / "1_manual_backprop.ipynb").read_text(encoding="utf-8"))
    forward = next("".join(c["source"]) for c in notebook["cells"] if "forward" in c["metadata"].get("tags", []))
    found = sheet_of(forward, (), folder).points
    assert len(found) == sum(worth.points for worth in found.values()) == 26
    assert next(iter(found)) == "dlogprobs"


def test_of_gradients_and_values_in_order(tmp_path):
    cells = [
        cell(FORWARD),
        cell("cmp('a', da, a)", grade=True, points=2),
        cell("cmp('b', db, b)"),  # a student's own
        cell("cmp_value('update', found, expected)", grade=True, points=0.5),
        cell("cmp('c', f(dc), c)", grade=True, points=3),
        cell("cmp('e', de, e, rtol=0.1, bonus=1.5)", grade=True, points=0),
        cell("(", grade=True, points=3),
    ]
    (tmp_path / "mine.ipynb").write_text(json.dumps({"cells": cells}))
    assert sheet_of(FORWARD + "\n", (), tmp_path).points == {
        "da": Worth(2.0),
        "found": Worth(0.5),
        "de": Worth(0.0, 1.5),
    }
    assert sheet_of("a = 2", (), tmp_path).points == {}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"cells": 1}', '{"cells": [1]}', '{"cells": [{"source": 1}]}', "\x00"]
)
def test_what_is_no_notebook_of_ours_is_passed_over(tmp_path, text):
    (tmp_path / "a.ipynb").write_text(text)
    (tmp_path / "b.ipynb").mkdir()
    assert sheet_of(FORWARD, (), tmp_path).points == {}


def test_of_two_notebooks_with_one_forward_pass_it_is_the_one_that_runs(tmp_path):
    first = [cell(FORWARD), cell("t.retain_grad()"), cell("cmp('a', da, a)", grade=True, points=1)]
    second = [cell(FORWARD), cell("b.retain_grad()"), cell("cmp('b', db, b)", grade=True, points=5)]
    for name, cells in {"1.ipynb": first, "2.ipynb": second}.items():
        (tmp_path / name).write_text(json.dumps({"cells": cells}))
    assert sheet_of(FORWARD, [FORWARD, "b.retain_grad()"], tmp_path).points == {"db": Worth(5.0)}
    assert sheet_of(FORWARD, [FORWARD, "t.retain_grad()\n"], tmp_path).points == {"da": Worth(1.0)}


def test_the_steps_are_what_locked_cells_compare_or_give(tmp_path):
    cells = [
        cell(FORWARD, locked=True),
        cell(
            "for tensor in [a, b, c, e, g]:\n    tensor.retain_grad()\nloss.backward()\ndg = g.grad.clone()",
            locked=True,
        ),
        cell("cmp('a', da, a)", grade=True, points=2),
        cell("%time\ncmp('b', db, b)", grade=True),
        cell("cmp('c', dc, c)"),  # a student's own
        cell("de = e.grad", solution=True, locked=True),
    ]
    (tmp_path / "mine.ipynb").write_text(json.dumps({"cells": cells}))
    assert sheet_of(FORWARD, (), tmp_path).steps == {"a", "g"}
    assert sheet_of("a = 2", (), tmp_path).steps == frozenset()


def test_what_an_exercise_gives_is_a_step_too():
    folder = ROOT / "assignments" / "backprop"
    notebook = json.loads((folder / "3_batchnorm.ipynb").read_text(encoding="utf-8"))
    texts = ["".join(c["source"]) for c in notebook["cells"]]
    forward = next("".join(c["source"]) for c in notebook["cells"] if "forward" in c["metadata"].get("tags", []))
    assert sheet_of(forward, texts, folder).steps == {"hpreact", "hprebn"}
