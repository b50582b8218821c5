"""What is kept of the references is what would be computed, for the same exercise and secret only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import torch

from autograder.cells.errors import SetupError
from autograder.exercise.notebook import read_exercise
from autograder.reference import kept
from autograder.reference.kept import references_of
from tests.conftest import SECRET
from tests.notebooks import by_id, harbour

HELPER = "\ndef less(a, b):\n    return a - b\n"


def everything(references):
    return (references.public, *references.hidden, *references.rounded)


def same(one, two):
    """Hold two nested values with tensors against each other, order and all."""
    if isinstance(one, torch.Tensor):
        assert (one.dtype, one.shape) == (two.dtype, two.shape)
        assert torch.equal(one, two)
    elif isinstance(one, dict):
        assert list(one) == list(two)
        for name, value in one.items():
            same(value, two[name])
    else:
        assert one == two


@pytest.fixture
def not_computed(monkeypatch):
    monkeypatch.setattr(kept, "compute_references", None)  # would fail


@pytest.fixture
def changed(tmp_path):
    """Harbour with cells changed by a function of its cells by grade_id; in a folder of its own."""

    def make(change, name="changed"):
        notebook = harbour()
        change(by_id(notebook))
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        nbformat.write(notebook, folder / "harbour.ipynb")
        return read_exercise(folder / "harbour.ipynb")

    return make


def helped(cells):
    """A forward line calls a function of setup."""
    cells["imports"].source += HELPER
    cells["forward"].source = cells["forward"].source.replace("mast - peak", "less(mast, peak)")


def test_the_second_time_nothing_is_computed_and_all_is_the_same(harbour, tmp_path, request):
    first = references_of(harbour, SECRET, tmp_path / "kept")
    request.getfixturevalue("not_computed")
    for one, two in zip(everything(first), everything(references_of(harbour, SECRET, tmp_path / "kept")), strict=True):
        assert one.case == two.case
        assert one.vanishing == two.vanishing
        for part in ("tensors", "scalars", "upstream", "dtype"):
            same(getattr(one.known, part), getattr(two.known, part))
        for gradients in ("end", "step"):
            same(vars(getattr(one, gradients)), vars(getattr(two, gradients)))
        # What forward lines may read, in the same order: the explainer takes the first that fits.
        assert list(two.names) == [name for name in one.names if name in two.names]
        assert set(one.names) - set(two.names) == {"source"}  # a generator
        assert two.names["torch"] is torch
        assert two.names["SEED"] == one.names["SEED"] != two.known.scalars["SEED"] or one.case.name == "public"


def test_the_whole_numbers_of_a_case_are_there_once(harbour, tmp_path):
    references = references_of(harbour, SECRET, tmp_path)
    (file,) = tmp_path.iterdir()
    goal = references.hidden[0].known.tensors["goal"]
    assert file.read_bytes().count(goal.numpy().tobytes()) == 1
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"nonsense" * 20, b"\0" * 200])
def test_a_file_that_is_broken_is_made_again(harbour, tmp_path, content):
    references_of(harbour, SECRET, tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(content)
    assert len(references_of(harbour, SECRET, tmp_path).hidden) == 4
    assert file.read_bytes() == whole


def test_a_folder_that_cannot_be_made_is_no_fault(harbour, tmp_path):
    (tmp_path / "kept").write_text("a file")
    assert len(references_of(harbour, SECRET, tmp_path / "kept").hidden) == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda cells: cells["data"].__setitem__("source", cells["data"].source.replace("(SEED)", "(SEED + 1)")),
        lambda cells: cells["sizes"].__setitem__("source", cells["sizes"].source.replace("rows = 6", "rows = 7")),
        lambda cells: cells["forward"].__setitem__("source", cells["forward"].source.replace("mean()", "sum()")),
        lambda cells: cells["autograd"].__setitem__("source", "dmast = mast.grad\nloss.backward()"),
    ],
    ids=["data", "sizes", "forward", "autograd"],
)
def test_after_a_change_of_the_exercise_they_are_computed_and_the_old_ones_go(changed, tmp_path, change):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "harbour-wall-0123456789abcdef.safetensors").touch()
    files = []
    for exercise in (changed(lambda cells: None), changed(change, "again")):
        references = references_of(exercise, SECRET, tmp_path / "kept")
        files += (tmp_path / "kept").glob("harbour-????????????????.safetensors")
    assert len(set(files)) == 2
    assert len(list((tmp_path / "kept").iterdir())) == 2  # and another exercise's stays
    same(references.public.known.tensors, kept.compute_references(exercise, SECRET).public.known.tensors)


def test_after_a_change_of_a_file_beside_it_or_of_the_secret_they_are_computed(changed, tmp_path):
    exercise = changed(lambda cells: None)
    keys = {kept.kept_file(exercise, SECRET, Path()), kept.kept_file(exercise, b"another", Path())}
    (exercise.path.parent / "chart.txt").write_text("here be dragons")
    keys.add(kept.kept_file(exercise, SECRET, Path()))
    keys.add(kept.kept_file(replace(exercise, name="other"), SECRET, Path()))
    assert len(keys) == 4


def test_where_a_forward_line_calls_a_function_setup_runs_once_for_it(changed, tmp_path, request):
    exercise = changed(helped)
    first = references_of(exercise, SECRET, tmp_path / "kept")
    request.getfixturevalue("not_computed")
    again = references_of(exercise, SECRET, tmp_path / "kept")
    same(first.hidden[3].end.total, again.hidden[3].end.total)
    assert again.hidden[3].names["less"](5, 3) == 2
    broken = replace(exercise, setup=("1 / 0",))
    with pytest.raises(SetupError, match="ZeroDivisionError"):
        kept._names(broken, None)


def test_imports_are_those_that_hold_elsewhere_too(changed):
    exercise = changed(
        lambda cells: cells["imports"].__setitem__("source", "import torch\nimport torch.nn.functional as F")
    )
    names = {"torch": torch, "F": torch.nn.functional}
    assert kept._imports(exercise, names) == ["import torch", "import torch.nn.functional as F"]
    assert kept._imports(exercise, names | {"F": None}) == ["import torch"]
    assert kept._imports(replace(exercise, setup=("%matplotlib inline",)), {"torch": torch}) == []
    assert (
        kept._imports(
            changed(helped, "other"), {"torch": torch, "less": test_imports_are_those_that_hold_elsewhere_too}
        )
        is None
    )
