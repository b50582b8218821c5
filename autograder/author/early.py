"""The cheap part of a check, which `nbgrader generate_assignment` does too: what grading would refuse is found here."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import torch

from autograder.author.finding import Finding, cell_name, error
from autograder.author.layout import layout_findings
from autograder.author.setup_code import setup_findings
from autograder.cells.errors import SetupError
from autograder.cells.namespace import run_autograd
from autograder.dojo.structure import value_at
from autograder.exercise.cells import has_tag
from autograder.exercise.notebook import Exercise, ExerciseError
from autograder.reference.cases import PUBLIC, PUBLIC_SIZES
from autograder.reference.compute import compute_references
from autograder.reference.setup import Setup, setups

SECRET = b"no course's"  # the cases that are drawn here are nobody's, and tell nothing of the course's


def early_findings(notebook: Any, exercise: Exercise) -> list[Finding]:
    """Return what can be found without grading: wrong cells, then what fails at other sizes, then missing gradients."""
    found = [*layout_findings(notebook, exercise), *setup_findings(notebook, exercise)]
    try:
        compute_references(exercise, SECRET, first=PUBLIC_SIZES - 1)
        with setups(exercise) as setup:
            found += no_gradient(notebook, exercise, setup)
    except (ExerciseError, SetupError) as fault:
        found.append(error("", str(fault).removeprefix(f"{exercise.path}: ")))
    return found


def no_gradient(notebook: Any, exercise: Exercise, setup: Setup) -> Iterator[Finding]:
    """Yield the marked tensors that have no `.grad` after the autograd cells, so that `cmp` has nothing to compare."""
    if not exercise.gradients:
        return
    where = "the exercise"
    for index, cell in enumerate(notebook.cells):
        if has_tag(cell, "autograd"):
            where = cell_name(notebook, index)
            break
    else:
        yield error("", "no cell has the tag autograd; students need one with retain_grad and loss.backward()")
        return
    names = setup(PUBLIC)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # which would stand among what nbgrader prints
            after = run_autograd(names, (exercise.forward, *exercise.autograd.sources), keep=True)
    except Exception as fault:
        yield error(where, f"fails: {type(fault).__name__}: {fault}")
        return
    absent = [step.tensor for step in exercise.gradients if _grad(value_at(after, step.tensor)) is None]
    if len(absent) == len(exercise.gradients):
        loss = exercise.assignments[-1].target
        yield error(where, f"leaves no gradient at all; write {loss}.backward() behind the retain_grad lines")
    elif absent:
        listed = ", ".join(absent)
        yield error(
            where, f"{listed}: no .grad, so cmp cannot compare; write {absent[0]}.retain_grad() before backward"
        )


def _grad(value: object) -> torch.Tensor | None:
    if isinstance(value, torch.Tensor) and (value.is_leaf or value.retains_grad):
        return value.grad
    return None
