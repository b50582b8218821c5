"""Setup in the exercise's folder, and what is kept of it for the next run."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest
import torch

from autograder.cells.errors import SetupError
from autograder.exercise.notebook import Exercise, read_exercise
from autograder.reference.cases import PUBLIC, Case
from autograder.reference.setup import plain, setups
from tests.notebooks import by_id, harbour

OTHER = Case("other", {"SEED": 11, "rows": 5})


def with_helper(folder: Path, factor: int) -> Exercise:
    """Harbour with a module and a package beside it, which its setup imports."""
    (folder / "deep").mkdir(parents=True)
    (folder / "chandler.py").write_text(f"factor = {factor}\n")
    (folder / "deep" / "__init__.py").write_text("")
    (folder / "deep" / "rigging.py").write_text("import chandler\nfactor = chandler.factor\n")
    notebook = harbour()
    by_id(notebook)["imports"].source += "\nimport chandler, deep.rigging"
    by_id(notebook)["data"].source += "\nstrength = chandler.factor + deep.rigging.factor"
    nbformat.write(notebook, folder / "harbour.ipynb")
    return read_exercise(folder / "harbour.ipynb")


def test_a_case_has_its_own_parameters_and_precision(harbour):
    with setups(harbour) as setup:
        public, other = setup(PUBLIC), setup(OTHER)
    assert (public["sail"].shape, public["sail"].dtype) == ((6, 3), torch.float32)
    assert (other["sail"].shape, other["sail"].dtype) == ((5, 3), torch.float64)
    assert other["keel"].requires_grad


def test_plain_values_are_numbers_texts_and_truth():
    assert plain({"n": 3, "x": 0.5, "on": True, "word": "a", "t": torch.ones(1), "f": len, "l": [1]}) == {
        **{"n": 3, "x": 0.5},
        **{"on": True, "word": "a"},
    }


class TestFolder:
    def test_modules_beside_one_exercise_are_not_those_of_the_next(self, tmp_path):
        for number in (1, 2):
            with setups(with_helper(tmp_path / str(number), number)) as setup:
                assert setup(PUBLIC)["strength"] == 2 * number
            assert not {"chandler", "deep", "deep.rigging"} & set(sys.modules)

    def test_the_path_and_the_working_folder_are_as_before(self, tmp_path):
        before = list(sys.path), Path.cwd(), torch.get_default_dtype()
        exercise = with_helper(tmp_path / "a", 1)
        (tmp_path / "a" / "chandler.py").write_text("1 / 0")
        with pytest.raises(SetupError, match="ZeroDivisionError"), setups(exercise) as setup:
            setup(PUBLIC)
        assert (list(sys.path), Path.cwd(), torch.get_default_dtype()) == before
