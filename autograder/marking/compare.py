"""What every step should hold in every case, and how a recorded value compares with it.

Everything here is made once for an exercise from its references; comparing is all that a submission adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import torch

from autograder.dojo import compare
from autograder.exercise.notebook import Exercise
from autograder.reference.compute import Reference, References
from autograder.reference.gradients import Gradients
from autograder.sandbox.host.received import Value

MAX_PATHS = 6  # subsets of more paths than this are not searched


@dataclass(frozen=True)
class Tolerance:
    """rtol: relative to each element. atol: relative to the largest element, since sums round with their terms."""

    rtol: float
    atol: float


# A right formula agrees to about 1e-15; a forgotten epsilon of 1e-5 differs by about 1e-6.
IN_FLOAT64 = Tolerance(1e-9, 1e-12)
IN_FLOAT32 = Tolerance(2e-6, 1e-6)


@dataclass(frozen=True)
class Check:
    """One step in one run. left_out: paths whose sum is what is missing, where some but not all are there."""

    right: bool
    left_out: tuple[str, ...] = ()


RIGHT = Check(True)
WRONG = Check(False)


@dataclass(frozen=True)
class Checks:
    """A step in one mode: on the hidden cases of the notebook's own sizes, and on those of other sizes."""

    public_sizes: tuple[Check, ...]
    other_sizes: tuple[Check, ...]

    @property
    def right(self) -> bool:
        """Right on every case."""
        return all(c.right for c in (*self.public_sizes, *self.other_sizes))

    @property
    def right_at_public_sizes(self) -> bool:
        """Right on every case that has the notebook's own sizes."""
        return all(c.right for c in self.public_sizes)

    def better_than(self, other: Checks) -> bool:
        """Return whether this earns more than another way, or says more of what is missing."""
        return self._rank > other._rank

    @property
    def _rank(self) -> tuple[bool, bool, bool]:
        return self.right, bool(self.left_out), self.right_at_public_sizes

    @property
    def left_out(self) -> tuple[str, ...]:
        """The paths that are left out on every case; empty where that is not so."""
        every = {c.left_out for c in (*self.public_sizes, *self.other_sizes)}
        return every.pop() if len(every) == 1 else ()


UNTRIED = Checks((WRONG,), (WRONG,))
"""A mode that was not run because the other had decided."""


class Target:
    """What one step should hold in one run: the total and, where several paths add up, what some of them make.

    total: shape and dtype of the tensor. paths: by the name of the tensor that each goes through.
    """

    def __init__(self, total: torch.Tensor, paths: Mapping[str, torch.Tensor], tolerance: Tolerance) -> None:
        self.total = total
        self._paths = paths
        self._tolerance = tolerance
        largest = float(total.abs().max()) if total.numel() else 0.0
        self._atol = tolerance.atol * largest
        self.bound = self._atol + tolerance.rtol * total.abs()

    def fitting(self, value: Value | None) -> torch.Tensor | None:
        """The recorded tensor where it has the very shape and dtype, None otherwise."""
        mine = None if value is None else value.tensor
        fits = mine is not None and mine.shape == self.total.shape and mine.dtype == self.total.dtype
        return mine if fits else None

    def check(self, value: Value | None) -> Check:
        """Compare a recorded value with the total and, where it is wrong, with the sums of some of the paths."""
        if value is None or value.tensor is None:
            return WRONG
        mine = value.tensor
        if self.fitting(value) is not None:
            # The usual case, a good deal faster than compare() and the same: NaN is never below the bound.
            if bool(((mine - self.total).abs() <= self.bound).all()):
                return RIGHT
        elif self._close(mine, self.total):
            return RIGHT
        return self._without_some_paths(mine)

    def _without_some_paths(self, mine: torch.Tensor) -> Check:
        if 2 <= len(self._paths) <= MAX_PATHS:
            for size in range(1, len(self._paths)):
                for left_out in combinations(self._paths, size):
                    parts = (part for name, part in self._paths.items() if name not in left_out)
                    some = sum(parts, torch.zeros_like(self.total))
                    # Paths that add up to nothing are no part of an answer: zeros would be one.
                    if bool((some.abs() > self.bound).any()) and self._close(mine, some):
                        return Check(False, left_out)
        return WRONG

    def _close(self, mine: torch.Tensor, truth: torch.Tensor) -> bool:
        return compare(mine, truth, self._tolerance.rtol, self._atol).approximate


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
                step.name: Target(gradients.total[step.tensor], gradients.paths[step.tensor], tolerance)
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
    """Return for each d-variable those of the tensors that the forward pass makes from its own, directly or not."""
    names = variables(exercise)
    found: dict[str, tuple[str, ...]] = {}
    for name, tensor in names.items():
        made = {tensor}
        for line in exercise.assignments:
            if made.intersection(line.uses):
                made.add(line.target)
        found[name] = tuple(other for other, theirs in names.items() if theirs in made and other != name)
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
