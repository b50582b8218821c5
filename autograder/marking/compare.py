"""What every step should hold in every case.

Everything here is made once for an exercise from its references; comparing is all that a submission adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from autograder.dojo.behind import behind
from autograder.dojo.gradients import Gradients
from autograder.dojo.targets import IN_FLOAT32, IN_FLOAT64, RIGHT, Check, Target, Tolerance
from autograder.exercise.notebook import Exercise
from autograder.reference.compute import Reference, References
from autograder.sandbox.host.received import Value


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

    def check_one(self, name: str, value: Value) -> Check:
        """Compare what one step has held."""
        return self._targets[name].check(value)


@dataclass(frozen=True)
class CaseTargets:
    """What every step should hold in a hidden case: end to end and step by step.

    true, random: the true gradients and the random upstream ones, by d-variable.
    """

    public_sizes: bool
    end: RunTargets
    step: RunTargets
    true: Mapping[str, torch.Tensor]
    random: Mapping[str, torch.Tensor]


class Targets:
    """All that marking compares with, made once for an exercise."""

    def __init__(self, exercise: Exercise, references: References) -> None:
        self.public = {step.name: references.public.end.total[step.tensor] for step in exercise.steps}
        self.vanishing = {step.name for step in exercise.steps if step.tensor in references.public.vanishing}
        self.hidden = [_case_targets(exercise, reference, IN_FLOAT64) for reference in references.hidden]
        self.rounded = [_case_targets(exercise, reference, IN_FLOAT32) for reference in references.rounded]
        self.behind = _behind(exercise)
        self.idle = _idle(exercise, references.hidden[0])


def _case_targets(exercise: Exercise, reference: Reference, tolerance: Tolerance) -> CaseTargets:
    def targets(gradients: Gradients) -> RunTargets:
        return RunTargets(
            {
                step.name: Target(
                    gradients.total[step.tensor], gradients.paths[step.tensor], tolerance.of(step.rtol, step.atol)
                )
                for step in exercise.steps
            }
        )

    names = variables(exercise)
    true = {name: reference.end.total[tensor] for name, tensor in names.items() if tensor in reference.end.total}
    return CaseTargets(
        reference.case.public_sizes, targets(reference.end), targets(reference.step), true, reference.known.upstream
    )


def variables(exercise: Exercise) -> dict[str, str]:
    """Return the tensor of each d-variable that students write, and of each that they are given."""
    return {step.name: step.tensor for step in exercise.gradients} | exercise.autograd.given


def _behind(exercise: Exercise) -> dict[str, tuple[str, ...]]:
    """Return for each d-variable those that a right answer may be made from (dojo.behind)."""
    names = variables(exercise)
    found: dict[str, tuple[str, ...]] = {}
    earlier: list[str] = []
    for name, tensor in names.items():
        theirs = behind(exercise.assignments, tensor, earlier, names.values())
        found[name] = tuple(other for other, tensor in names.items() if tensor in theirs)
        earlier.append(tensor)
    return found


def _idle(exercise: Exercise, reference: Reference) -> dict[str, tuple[str, ...]]:
    """Return for each d-variable of several paths those that the paths which add up to nothing go through."""
    names = {tensor: name for name, tensor in variables(exercise).items()}
    found: dict[str, tuple[str, ...]] = {}
    for step in exercise.gradients:
        paths = reference.end.paths[step.tensor]
        largest = float(reference.end.total[step.tensor].abs().max())
        if len(paths) > 1:
            idle = [names.get(through, "") for through, part in paths.items() if _is_nothing(part, largest)]
            found[step.name] = tuple(name for name in idle if name)
    return found


def _is_nothing(part: torch.Tensor, largest: float) -> bool:
    return bool((part.abs() <= IN_FLOAT64.rtol * largest).all())
