"""Tell which d-variables a statement that raised had only half made.

What stood before the exception is an answer. What a loop had added up when it raised is none, even where the number
happens to be right: a loop over the wrong size does all the right work first where that size is too large.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Collection, Mapping, Sequence

from autograder.dojo.trial.code import KEPT, parsed
from autograder.dojo.trial.statement import LOOPS, makes, outside_functions, pieces_together
from autograder.sandbox.messages import ScriptCell


def half_made(script: Sequence[ScriptCell], raised: Mapping[int, int], names: Collection[str]) -> set[str]:
    """Return the d-variables whose last making was cut short.

    raised: by cell index, the line that raised, counted from 1. names: all d-variables.
    """
    found: set[str] = set()
    recorded: set[str] = set()
    for cell in script:
        found -= _made(cell.source, frozenset(names)) - recorded
        if cell.index in raised:
            found |= _cut_short(cell.source, raised[cell.index], frozenset(names)) - recorded
        recorded.update(cell.records)
    return found


@functools.lru_cache(maxsize=KEPT)  # all runs of a submission ask about the same cells
def _made(source: str, names: frozenset[str]) -> frozenset[str]:
    tree = parsed(source)
    return frozenset().union(*(makes(node, names) for node in tree.body)) if tree is not None else frozenset()


@functools.lru_cache(maxsize=KEPT)
def _cut_short(source: str, line: int, names: frozenset[str]) -> frozenset[str]:
    """Return what the statement at a line makes, and what the loops around it make piece by piece."""
    tree = parsed(source)
    found: set[str] = set()
    for node in outside_functions(tree) if tree is not None else ():
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            if isinstance(node, LOOPS):
                found |= pieces_together(node, names)
            elif not hasattr(node, "body"):
                found |= makes(node, names)
    return frozenset(found)
