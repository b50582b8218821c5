"""Choose the tensors of a forward pass whose gradients an exercise asks for, and the variable of each."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from autograder.dojo.structure import tensors_in
from autograder.exercise.lines import Assignment


def marked_tensors(names: Mapping[str, Any], after: Mapping[str, Any], written: Sequence[Assignment]) -> dict[str, str]:
    """Return the gradient variable of each tensor that has one, by the tensor's name or path: all but the loss.

    names: after setup. after: after the forward pass. What a loop makes for its own turns only is left out.
    """
    read_names = {name for line in written for name in line.uses}
    text = "\n".join(ast.unparse(ast.parse(line.source)) for line in written)
    loss = written[-1].target
    found: dict[str, str] = {}
    for path, tensor in tensors_in(names):
        reached = path in read_names if path.isidentifier() else path in text or _is_run_through(path, written)
        if tensor.requires_grad and reached:
            found[path] = _variable(path, found)
    for line in written[:-1]:
        value = after.get(line.target)
        has_gradient = isinstance(value, torch.Tensor) and value.requires_grad and line.target != loss
        if has_gradient and not _is_inner(line.target, written):
            found[line.target] = _variable(line.target, found)
    return found


def _is_run_through(path: str, written: Sequence[Assignment]) -> bool:
    """Return whether a loop runs through the container that the path begins with, as in `for W, b in layers`."""
    container = path.partition("[")[0]
    loops = [ast.parse(line.source).body[0] for line in written if line.is_loop]
    return any(
        isinstance(part, ast.Name) and part.id == container
        for loop in loops
        if isinstance(loop, ast.For)
        for part in ast.walk(loop.iter)
    )


def _is_inner(name: str, written: Sequence[Assignment]) -> bool:
    """Return whether a loop makes the name, and no later line reads it."""
    last = max((number for number, line in enumerate(written) if line.is_loop and line.target == name), default=None)
    if last is None:
        return False
    return not any(name in line.uses for line in written[last + 1 :] if line.source != written[last].source)


def _variable(path: str, taken: Mapping[str, str]) -> str:
    last = "".join(c if c.isalnum() or c == "_" else " " for c in path).split()
    short, long = f"d{last[-1]}", f"d{'_'.join(last)}"
    return short if short.isidentifier() and not last[-1].isdigit() and short not in taken.values() else long
