"""A step in small: the student's own cell on a few numbers that fit on paper, beside what is right there."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import torch

from .compare import compare, difference_from
from .explain.forward import Scene, find_routes, product
from .grids import Grid, show_grids
from .notebook import Session
from .reading import read_notebook
from .trial.answer import mixed, needed_pieces, own_pieces
from .trial.cases import Case, undisturbed
from .trial.run import Value, run

LARGEST = 9  # rows and columns of what is drawn


def show_example(session: Session, tensor: str, given: Mapping[str, Any]) -> None:
    """Draw the gradient of the tensor of this name on a small example: the student's and the right one.

    given: numbers, and nested lists in place of tensors, by name; of the forward pass, and gradients such as `dprobs`.
    What the forward pass makes of them is computed, and a gradient that is not there is zero. Raises ValueError where
    a tensor that is needed can be neither found nor computed.
    """
    with undisturbed(torch.float32), torch.no_grad():
        names = _in_small(session, given)
    routes = find_routes(session.lines, tensor, session.marked)
    for needed in (tensor, *(route.target for route in routes if route.target != session.lines[-1].target)):
        if needed not in names:
            raise ValueError(f"example({tensor!r}, ...) needs {needed}, or what the forward pass makes it of")
    upstream = {r.target: torch.ones(()) for r in routes if r.target == session.lines[-1].target}
    zeros = {r.target: torch.zeros_like(names[r.target]) for r in routes if r.target not in upstream}
    upstream |= {target: names.get(f"d{target}", zero).expand(zero.shape) for target, zero in zeros.items()}
    right = torch.zeros_like(names[tensor])
    for route in routes:
        part = product(Scene(tensor, (route,), names, upstream), route, rounded=True)
        if part is None:
            raise ValueError(f"example({tensor!r}, ...) needs all that {route.text} uses")
        right = right + part
    arriving = {f"d{name}": value for name, value in names.items() if f"d{name}" in given}
    gradients = {f"d{target}": value.clone() for target, value in upstream.items() if target in zeros}
    gradients |= {name: names[name] for name in given if name not in gradients and name in arriving}
    # What is zero everywhere was given to be there, and shows nothing.
    drawn = [Grid(name, v) for name in given if isinstance(v := names[name], torch.Tensor) and bool(v.any())]
    drawn.append(Grid(f"d{tensor}, right", right))
    found, words = _mine(session, tensor, names, gradients, right)
    if found is not None:
        drawn.append(found)
    show_grids(drawn, words)


def _in_small(session: Session, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the notebook's names with these numbers, and what the forward pass makes of them instead of its own."""
    made = {line.target for line in session.lines}
    tensors = made | set(session.marked)
    gradients = {f"d{name}" for name in tensors}
    names = {name: value for name, value in session.names.items() if name not in tensors | gradients}
    for name, value in given.items():
        like = session.names.get(name)
        whole = isinstance(like, torch.Tensor) and not like.is_floating_point() and name not in gradients
        dtype = torch.int64 if whole else torch.float32
        names[name] = torch.tensor(value, dtype=dtype) if isinstance(value, list) else value
    for line in session.lines:
        if line.target not in given and (line.uses - {line.target}) & tensors <= names.keys():
            with contextlib.suppress(Exception):  # a line of the exercise that these numbers are not meant for
                exec(line.source, names)
    return names


def _mine(
    session: Session, tensor: str, names: Mapping[str, Any], gradients: Mapping[str, torch.Tensor], right: torch.Tensor
) -> tuple[Grid | None, str]:
    """Return (what the student's cell makes of the example, None where there is nothing to draw; a line about it)."""
    notebook = read_notebook(session, "")
    if notebook is None:
        return None, "the forward cell was edited, so your cell is not drawn"
    name = next((d for d, t in notebook.variables.items() if t == tensor), f"d{tensor}")
    own = own_pieces(notebook.pieces, name)
    todo = f"{name} is still to do: run this cell again, and yours stands beside it"
    if not own or session.names.get(name) is None:
        return None, todo
    if mixed(own):
        return None, f"yours is not drawn: one statement makes {name} and another gradient"
    needed = needed_pieces(notebook.pieces, own, gradients, known=notebook.known)
    missing = {*session.marked, *(line.target for line in session.lines)} & frozenset().union(
        *(piece.uses for piece in needed)
    )
    missing -= names.keys()
    if missing:
        return None, f"yours is not drawn: it uses {', '.join(sorted(missing))}, which this example does not have"
    case = Case(True, torch.float32, names, {}, {}, {}, {}, frozenset())
    ran = run(needed, case, gradients, [name])
    value = ran.values.get(name, Value("undefined"))
    if value.tensor is None:
        return None, f"yours is not drawn: {ran.error or 'its cell takes too long'}" if value.kind != "none" else todo
    comparison = compare(value.tensor, right)
    strided = value.tensor.layout == torch.strided and bool(value.tensor.numel())
    small = strided and value.tensor.dim() <= 2 and all(size <= LARGEST for size in value.tensor.shape)
    if comparison.kind != "ok":
        mine = Grid(f"{name}, yours", value.tensor) if small else None
        return mine, f"✗ {comparison.problem}"
    _, wrong = difference_from(value.tensor, right)
    off = int(wrong.sum())
    mine = Grid(f"{name}, yours", value.tensor.reshape(right.shape), wrong)
    return mine, "✓ the same" if not off else f"✗ {off} of {wrong.numel()} differ, each with a ✗ behind it"
