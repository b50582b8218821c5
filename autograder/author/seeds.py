"""Try the solution on many seeds in the notebook's own precision: what cmp shows a student who is right."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

from autograder.author.finding import Finding, error, note, warning
from autograder.author.solve import Bench, Script
from autograder.dojo.compare import ATOL, RTOL, compare, is_rounding
from autograder.exercise.notebook import Exercise, ExerciseError
from autograder.reference.cases import PUBLIC, Case, seed_names
from autograder.reference.compute import reference_of
from autograder.reference.setup import in_folder, setups

SEEDS = 30


def seed_findings(exercise: Exercise, script: Script, kept: Path) -> Iterator[Finding]:
    """Yield the steps that the solution does not get right in float32 at every seed. kept: where cases are kept."""
    off: Counter[str] = Counter()
    rounded: Counter[str] = Counter()
    with setups(exercise) as setup:
        only = _used(exercise, setup(PUBLIC))
    with setups(exercise, kept, only) as setup, in_folder(exercise) as shell:
        setup(PUBLIC)
        for number in range(SEEDS):
            seeds: dict[str, int | float] = {name: 1000 + 7 * number + k for k, name in enumerate(seed_names(exercise))}
            case = Case(f"seed {number + 1}", seeds, dtype="float32")
            try:
                reference = reference_of(exercise, case, setup(case), b"seeds")
                held = Bench(shell, reference).end_to_end(script)
            except Exception as fault:
                said = str(fault) if isinstance(fault, ExerciseError) else f"{type(fault).__name__}: {fault}"
                said = said.removeprefix(f"{exercise.path}: ")
                yield error(
                    "", f"with other seeds ({', '.join(f'{k} = {v}' for k, v in seeds.items())}) it fails: {said}"
                )
                return
            for step in exercise.steps:
                truth, mine = reference.end.total[step.tensor], held[step.name].tensor
                if compare(mine, truth, max(step.rtol, RTOL), max(step.atol, ATOL)).approximate:
                    continue
                zero = step.tensor in reference.vanishing
                (rounded if zero or is_rounding(mine, truth) else off)[step.check] += 1
    for check, times in off.items():
        text = (
            f"the solution is off at {times} of {SEEDS} seeds in float32; compute it in another order, or allow for it "
            "in the check cell: cmp('x', dx, x, rtol=1e-3)"
        )
        # Most students never change the seed: what they see is the notebook's own.
        yield error(check, text) if times > SEEDS // 2 else warning(check, text)
    if rounded:
        listed = ", ".join(f"{check} ({times})" for check, times in rounded.items())
        yield note("", f"cmp prints approximate: False, as rounding, at some of {SEEDS} seeds: {listed}")


def _used(exercise: Exercise, public: dict[str, Any]) -> frozenset[str]:
    """Return the names that forward pass, answers and setup's functions read: the others need not be kept."""
    sources = [exercise.forward, *exercise.autograd.sources, *exercise.runs.values()]
    sources += [cell.source for cell in exercise.cells.values() if cell.cell_type == "code"]
    used: set[str] = set()
    for source in sources:
        try:
            used |= {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
        except SyntaxError:
            return frozenset(public)
    for value in public.values():
        if isinstance(value, FunctionType):
            used |= set(value.__code__.co_names)
    return frozenset(used & public.keys())
