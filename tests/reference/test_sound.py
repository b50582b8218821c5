"""What keeps an exercise from being marked is said with its line, the case's parameters and what to do."""

from pathlib import Path

import nbformat
import pytest
import torch

from autograder.cells.errors import SetupError
from autograder.dojo.gradients import Gradients
from autograder.exercise.notebook import ExerciseError, exercise_from_notebook, read_exercise
from autograder.reference.cases import Case
from autograder.reference.compute import compute_references
from autograder.reference.sound import failed, not_finite, refuse_unrepeatable, with_parameters
from tests import notebooks
from tests.notebooks import by_id

LARGER = Case("hidden 3", {"SEED": 9, "rows": 8, "width": 7}, public_sizes=False)


@pytest.fixture
def harbour_exercise():
    return exercise_from_notebook(notebooks.harbour(), Path("harbour.ipynb"))


def test_a_case_is_named_by_its_sizes_and_one_of_the_same_sizes_by_its_seeds(harbour_exercise):
    assert with_parameters(harbour_exercise, LARGER) == "with rows = 8, width = 7"
    assert with_parameters(harbour_exercise, Case("hidden 1", {"SEED": 9})) == "with SEED = 9"
    assert with_parameters(harbour_exercise, Case("public")) == ""


def test_a_failure_at_other_sizes_has_both_sizes_and_a_cure(harbour_exercise):
    said = str(failed(harbour_exercise, LARGER, SetupError("a setup cell failed")))
    assert said.startswith(
        "harbour.ipynb: a setup cell failed; this happens with rows = 8, width = 7 (the notebook has "
    )
    assert "(the notebook has rows = 6, width = 4)" in said
    assert "`k = 2  # fixed`" in said


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "flat = mast - peak + torch.rand(())",
            r"`flat = mast - peak \+ torch.rand.*` gives other numbers",
        ),
        ("flat = (mast - peak).mul_(1 + counted())", "gives other numbers each time"),
        ("flat = torch.fft.fft(mast).abs()", None),
        ("flat = torch.fft.fft(mast)", "`flat = torch.fft.fft.mast.` makes a complex tensor"),
    ],
)
def test_a_line_that_is_random_or_complex_is_refused_with_what_to_do(line, says):
    changed = notebooks.harbour()
    by_id(changed)["forward"].source = by_id(changed)["forward"].source.replace("flat = mast - peak", line)
    exercise = exercise_from_notebook(changed, Path("harbour.ipynb"))
    times: list[int] = []
    names = {"torch": torch, "rows": 6, "counted": lambda: times.append(1) or len(times)}
    names |= {"sail": torch.randn(6, 3), "keel": torch.randn(3, 4), "rope": torch.randn(4), "goal": torch.arange(6) % 4}
    if says is None:
        refuse_unrepeatable(exercise, exercise.assignments, names)
        return
    stops = exercise.assignments[:3]
    with pytest.raises(ExerciseError, match=says):
        refuse_unrepeatable(exercise, stops, names)


def test_a_value_may_be_infinite_where_no_gradient_is():
    fine, inf = {"x": torch.ones(2)}, {"x": torch.tensor([1.0, float("inf")])}
    assert not_finite([Gradients(fine, {})]) is None
    assert not_finite([Gradients(fine, {}), Gradients(inf, {})]) == "x"


def test_a_literal_size_is_found_in_the_case_of_other_sizes(tmp_path):
    changed = notebooks.harbour()
    by_id(changed)["data"].source = by_id(changed)["data"].source.replace("randn((rows, 3)", "randn((6, 3)")
    nbformat.write(changed, tmp_path / "harbour.ipynb")
    with pytest.raises(ExerciseError, match=r"`loss = .*IndexError.*with rows = \d+, .*has rows = 6"):
        compute_references(read_exercise(tmp_path / "harbour.ipynb"), b"secret")
