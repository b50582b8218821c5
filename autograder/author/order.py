"""Find cells of a gradient's paths that stand in another order than the students' stubs say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import torch

from autograder.author.finding import Finding, error
from autograder.author.solve import Bench, Script
from autograder.cells.ipython import CellShell
from autograder.dojo.targets import IN_FLOAT64
from autograder.exercise.forward import consumers
from autograder.exercise.notebook import Exercise
from autograder.exercise.steps import Step
from autograder.reference.compute import Reference


def order_findings(exercise: Exercise, script: Script, reference: Reference, shell: CellShell) -> Iterator[Finding]:
    """Yield each path cell that adds what comes back through another line than its stub names.

    Run step by step: with random gradients upstream no two paths are alike. Raises what the answers raise.
    """
    several = [step for step in exercise.gradients if len(step.solutions) > 1]
    if not several:
        return
    before = Bench(shell, reference).before_each(script)
    for step in several:
        paths = reference.step.paths[step.tensor]
        lines = [line.target for line in consumers(exercise.assignments, step.tensor)]
        for grade_id, said, added in zip(step.solutions, lines, _added(step, script, before), strict=False):
            through = [target for target, part in paths.items() if _is_same(added, part)]
            if through and said not in through and set(through) <= set(lines):
                yield error(
                    grade_id,
                    f"adds the path through {through[0]}, and its stub says through {said}; the cells of {step.name} "
                    f"must come in backward order: through {', '.join(lines)}",
                )


def _added(step: Step, script: Script, before: Mapping[int, Mapping[str, Any]]) -> Iterator[object]:
    """Yield what each of a step's cells adds to its gradient; the last one takes the gradient over, and is left out."""
    so_far: Any = 0
    following = dict(pairwise(sorted(before)))
    for grade_id in step.solutions[:-1]:
        now = before[following[script.index[grade_id]]].get(step.name)
        yield now - so_far if isinstance(now, torch.Tensor) else None
        so_far = now


def _is_same(added: object, part: torch.Tensor) -> bool:
    if not isinstance(added, torch.Tensor) or added.shape != part.shape:
        return False
    return torch.allclose(added, part.to(added.dtype), rtol=IN_FLOAT64.rtol, atol=IN_FLOAT64.atol)
