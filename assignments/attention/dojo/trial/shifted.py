"""Tell whether a run has evaluated the forward pass at shifted values, as numerical differentiation does.

A derivation may compute forward values again: then they are the same. A difference, a complex step or a fit evaluates
the forward line, or a copy of it in whatever form, near its own values. So a tensor near x is looked for, and for it
what the forward pass makes of it: where the run has that too, it has evaluated it there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from ..gradients import ForwardLine, run_forward
from .tape import Node, Tape, storage_of
from .turns import has_loop, turns

NEAR = 0.3  # of a tensor's norm: how far a shifted copy may be from it
SAME = 1e-12  # relative: a value that was computed again differs by rounding alone
CLOSER = 1e-3  # how much closer a result must be to that of the shifted values than to that of the true ones
TWICE = 2  # cases in which a step must be found, where there are so many: in one, numbers may coincide by chance
TRIED = 6  # shifted copies of one tensor that are tried


def shifted(
    tape: Tape,
    held: Mapping[str, torch.Tensor],
    names: Mapping[str, Any],
    lines: Sequence[ForwardLine],
    tensors: Mapping[str, str],
) -> set[str]:
    """Return the d-variables that come from the forward pass, evaluated at shifted values of their own tensor.

    held: what each d-variable held in the run. names: the case's names after the forward pass. tensors: by
    d-variable, the tensor that it is the gradient of.
    """
    floating = [
        (number, tensor)
        for number, tensor in enumerate(tape.tensors)
        if tensor.layout == torch.strided and (tensor.is_floating_point() or tensor.is_complex())
    ]
    if has_loop(lines):  # a turn reads what the one before it has made, and only the last keeps its names
        lines = turns(lines, names)
        names = run_forward(names, lines)
    found = set()
    for variable, tensor in tensors.items():
        value = names.get(tensor)
        if variable not in held or not isinstance(value, torch.Tensor) or not value.is_floating_point():
            continue
        node = tape.node(held[variable])
        for number, copy in _near(value, floating):
            if tape.first_seen[number] > tape.complete(node):
                break
            evaluated = number if copy.is_complex() else _put_through(tape, names, lines, tensor, number, copy)
            if evaluated is not None and _feeds(tape, evaluated, node):
                found.add(variable)
                break
    return found


def _near(value: torch.Tensor, floating: Sequence[tuple[int, torch.Tensor]]) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield shifted copies of a tensor, also where several are stacked in front; a complex one as it is."""
    tried = 0
    norm, scale = value.norm(), value.abs().max() if value.numel() else value.new_zeros(())
    for number, other in floating:
        if other.shape[-value.dim() :] != value.shape and value.dim():
            continue
        if value.dim() == 0 and other.dim():
            continue
        several = other.reshape(-1, *value.shape)[:2]
        for one in several:
            real = one.real if one.is_complex() else one
            difference = (real.to(value.dtype) - value).abs()
            moved = difference > SAME * scale
            if one.is_complex():
                if not bool(moved.any()) and bool((one.imag != 0).any()):
                    yield number, one
                continue
            few = 0 < int(moved.sum()) <= max(1, value.shape[-1] if value.dim() > 1 else 1)
            if few or (0 < float(difference.norm()) <= NEAR * float(norm) and bool(moved.any())):
                yield number, one
                tried += 1
                if tried >= TRIED:
                    return


def _put_through(
    tape: Tape, names: Mapping[str, Any], lines: Sequence[ForwardLine], tensor: str, number: int, copy: torch.Tensor
) -> int | None:
    """Return the node that holds what the forward pass makes of the shifted copy of a tensor; None where none does."""
    after = dict(names) | {tensor: copy}
    changed = {tensor}
    for line in lines:
        if not changed.intersection(line.uses) or line.target == tensor:
            continue
        try:
            exec(line.source, after)  # the exercise's own line
        except Exception:  # a shifted copy may be of another dtype
            return None
        changed.add(line.target)
        there, here = names.get(line.target), after.get(line.target)
        if not isinstance(there, torch.Tensor) or not isinstance(here, torch.Tensor) or here.shape != there.shape:
            continue
        if here.numel() == copy.numel() and torch.equal(here.reshape(-1), copy.reshape(-1)):
            continue  # a line such as `h = h0` evaluates nothing: the copy itself would be found
        moved = float((here - there).abs().max()) if here.numel() else 0.0
        for later in range(number + 1, len(tape.tensors)) if moved else ():
            other = tape.tensors[later]
            if (
                other.layout == torch.strided
                and other.dtype == here.dtype
                and other.shape[other.dim() - here.dim() :] == here.shape
                and other.numel()
            ):
                first = other.reshape(-1, *here.shape)[0]
                if float((first - here).abs().max()) <= CLOSER * moved:
                    return later
    return None


def _feeds(tape: Tape, evaluated: int, node: int) -> bool:
    """Return whether a d-variable's node was made from an evaluated one.

    A numerical check of a gradient that was derived feeds nothing. What passes through Python numbers loses its
    track, so numbers that are filled in after the evaluation count, and so does a tensor that came from outside.
    """
    first = tape.first_seen[evaluated]
    if node in tape.inputs:
        return tape.first_seen[node] > first
    memory = {storage_of(tape.tensors[node])}
    for position in range(tape.complete(node) - 1, first - 2, -1):
        operation = tape.operations[position]
        written = [n.number for n in _nodes(operation.results)]
        if not any(storage_of(tape.tensors[n]) in memory for n in written):
            continue
        used = [n.number for n in _nodes(operation.arguments)]
        outside = [n for n in used if n in tape.inputs and tape.first_seen[n] >= first and not tape.is_given(n)]
        if evaluated in used or outside or operation.name == "aten::fill_":
            return True
        memory |= {storage_of(tape.tensors[n]) for n in used if n not in tape.inputs}
    return False


def _nodes(value: Any) -> list[Node]:
    if isinstance(value, Node):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [node for part in value for node in _nodes(part)] if isinstance(value, list | tuple) else []
