"""Try usual mistakes on hidden cases: one that gives the same numbers as the answer in all of them is not seen."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autograder.author.finding import Finding, note, warning
from autograder.author.solve import Bench, Script
from autograder.author.usual import Mistake, usual_mistakes
from autograder.cells.ipython import CellShell
from autograder.exercise.notebook import Exercise
from autograder.exercise.steps import Step
from autograder.marking.compare import Targets
from autograder.marking.grader import Grader


@dataclass(frozen=True)
class ToldApart:
    """The result: how many mistakes were tried, and a finding for each that no case shows."""

    tried: int
    findings: tuple[Finding, ...]


def told_apart(exercise: Exercise, script: Script, grader: Grader, shell: CellShell) -> ToldApart:
    """Try the usual mistakes of every step, step by step, on every hidden case. Raises what the answers raise."""
    targets = grader.targets
    benches = [Bench(shell, reference) for reference in grader.references.hidden]
    before = [bench.before_each(script) for bench in benches]
    tried, findings = 0, []
    for step in exercise.steps:
        unseen: list[Mistake] = []
        for mistake in usual_mistakes(exercise, step):
            tried += 1
            if _right(mistake, step, script, benches, before, targets):
                unseen.append(mistake)
        if unseen:
            kinds = "; ".join(dict.fromkeys(mistake.kind for mistake in unseen))
            findings.append(
                warning(
                    step.check,
                    f"no hidden case can tell these from the answer: {kinds}; where one is a mistake, make the data "
                    "less special (no ones, no zeros, no equal sizes)",
                )
            )
        if step.name in targets.vanishing:
            findings.append(
                note(
                    step.check,
                    f"the true gradient of {step.tensor} is zero: it is marked step by step only; say so in the text",
                )
            )
    return ToldApart(tried, tuple(findings))


def _right(
    mistake: Mistake,
    step: Step,
    script: Script,
    benches: Sequence[Bench],
    before: Sequence[Mapping[int, Mapping[str, object]]],
    targets: Targets,
) -> bool:
    """Return whether a mistake gives the right value on every hidden case, the last ones of other sizes first."""
    for bench, names, target in reversed(list(zip(benches, before, targets.hidden, strict=True))):
        with contextlib.suppress(Exception):  # a mistake that raises is seen
            changed = {script.index[name]: source for name, source in mistake.cells.items()}
            value = bench.step(step.name, script, names, changed)
            if target.step.check_one(step.name, value).right:
                continue
        return False
    return True
