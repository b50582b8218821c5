"""Find the steps whose own code fixes a precision below float64; these are marked in float32 as well."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from autograder.dojo.trial.code import names_low_precision
from autograder.sandbox.host.received import RunRecord
from autograder.submission.split import Apart

LOW_PRECISION_WORDS = ("dtype", "Double", "Float", "Half")


def lowers_precision(name: str, indices: Collection[int], apart: Apart, runs: Iterable[RunRecord]) -> bool:
    """Return whether a step fixes a precision below float64 itself, or stumbles over one that was fixed before it.

    Its value may be float64 all the same: a float32 path or constant, added to or times a float64 tensor.
    indices: the step's own cells. apart: the submission by its statements. runs: what the step held so far.
    """
    own = (*apart.code_of(name), *indices)
    if names_low_precision(apart.sources, own):
        return True
    cells = {apart.cells.get(index, index) for index in own}
    return any(_is_low(run, name) or _stumbled(run, cells) for run in runs)


def _is_low(run: RunRecord, name: str) -> bool:
    value = run.values.get(name)
    return value is not None and value.tensor is not None and value.tensor.dtype.itemsize < 8


def _stumbled(run: RunRecord, cells: Collection[int]) -> bool:
    """Return whether one of these cells raised an error that speaks of a dtype."""
    errors = (run.cells[index].error for index in cells if index in run.cells)
    return any(error is not None and any(word in error for word in LOW_PRECISION_WORDS) for error in errors)
