"""The lines of a forward pass for the values of one case: every turn of a loop is on its own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ..explain.lines import Assignment
from ..explain.unroll import unroll
from ..gradients import ForwardLine, run_forward


def has_loop(lines: Sequence[ForwardLine]) -> bool:
    """Return whether a line stands for what a whole loop makes."""
    return any(line.source.startswith("for ") for line in lines)


def turns(lines: Sequence[ForwardLine], names: Mapping[str, Any]) -> Sequence[ForwardLine]:
    """Return the lines with the turns of their loops, for the sizes of these names. Raises LineError, ForwardError.

    names: all that there is before the forward pass.
    """
    if not has_loop(lines):
        return lines
    # What a loop makes are several lines, one behind the other, with the loop as their text.
    source = "\n".join(text for text, _ in itertools.groupby(line.source for line in lines))
    with torch.no_grad():
        return unroll(source, run_forward(names, (Assignment("", (), source),)))
