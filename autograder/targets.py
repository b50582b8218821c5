"""What every step should hold in every case, made once for an exercise from its references."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.differentiate import Gradients
from autograder.exercise import Exercise
from autograder.explaining import Explainer
from autograder.reference import Reference, References
from autograder.verdict import IN_FLOAT32, IN_FLOAT64, Target, Tolerance


@dataclass(frozen=True)
class CaseTargets:
    """What every step should hold in a hidden case, by d-variable: end to end and step by step."""

    public_sizes: bool
    end: dict[str, Target]
    step: dict[str, Target]


class Targets:
    """All that marking compares with, made once for an exercise."""

    def __init__(self, exercise: Exercise, references: References) -> None:
        self.public = {step.name: references.public.end.total[step.tensor] for step in exercise.steps}
        self.explainer = Explainer(exercise, references)
        self.vanishing = {step.name for step in exercise.steps if step.tensor in references.public.vanishing}
        self.hidden = [_case_targets(exercise, reference, IN_FLOAT64) for reference in references.hidden]
        self.rounded = [_case_targets(exercise, reference, IN_FLOAT32) for reference in references.rounded]


def _case_targets(exercise: Exercise, reference: Reference, tolerance: Tolerance) -> CaseTargets:
    def targets(gradients: Gradients) -> dict[str, Target]:
        return {
            step.name: Target(gradients.total[step.tensor], gradients.paths[step.tensor], tolerance)
            for step in exercise.steps
        }

    return CaseTargets(reference.case.public_sizes, targets(reference.end), targets(reference.step))
