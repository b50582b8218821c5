"""What every step should hold in every case, made once for an exercise from its references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from autograder.differentiate import Gradients
from autograder.exercise import Exercise
from autograder.explaining import Explainer
from autograder.judging import IN_FLOAT32, IN_FLOAT64, RIGHT, Check, Target, Tolerance
from autograder.recording import Value
from autograder.reference import Reference, References


class RunTargets:
    """What every step should hold in one run, by d-variable."""

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self._targets = targets
        self._totals = torch.cat([target.total.reshape(-1) for target in targets.values()])
        self._bounds = torch.cat([target.bound.reshape(-1) for target in targets.values()])

    def check(self, values: Mapping[str, Value]) -> dict[str, Check]:
        """Compare what a run recorded with it."""
        fit = [target.fitting(values.get(name)) for name, target in self._targets.items()]
        # Most answers are right, and one comparison says so of all steps at once. NaN is never below a bound.
        mine = [tensor.reshape(-1) for tensor in fit if tensor is not None]
        if len(mine) == len(fit) and bool(((torch.cat(mine) - self._totals).abs() <= self._bounds).all()):
            return dict.fromkeys(self._targets, RIGHT)
        return {name: target.check(values.get(name)) for name, target in self._targets.items()}


@dataclass(frozen=True)
class CaseTargets:
    """What every step should hold in a hidden case: end to end and step by step."""

    public_sizes: bool
    end: RunTargets
    step: RunTargets


class Targets:
    """All that marking compares with, made once for an exercise."""

    def __init__(self, exercise: Exercise, references: References) -> None:
        self.public = {step.name: references.public.end.total[step.tensor] for step in exercise.steps}
        self.explainer = Explainer(exercise, references)
        self.vanishing = {step.name for step in exercise.steps if step.tensor in references.public.vanishing}
        self.hidden = [_case_targets(exercise, reference, IN_FLOAT64) for reference in references.hidden]
        self.rounded = [_case_targets(exercise, reference, IN_FLOAT32) for reference in references.rounded]


def _case_targets(exercise: Exercise, reference: Reference, tolerance: Tolerance) -> CaseTargets:
    def targets(gradients: Gradients) -> RunTargets:
        return RunTargets(
            {
                step.name: Target(gradients.total[step.tensor], gradients.paths[step.tensor], tolerance)
                for step in exercise.steps
            }
        )

    return CaseTargets(reference.case.public_sizes, targets(reference.end), targets(reference.step))
