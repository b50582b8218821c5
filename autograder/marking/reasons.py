"""Why a step is wrong, on the trusted side: the students' own explainer, asked about hidden cases.

The sentence must hold in several cases, so it says nothing that only one of them has. It is made for a case of
the notebook's own sizes, and those are public.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from autograder.dojo.explain.cell import Trial
from autograder.dojo.explain.forward import Line, Scene, find_routes
from autograder.dojo.explain.function import Course, reason_of_value
from autograder.dojo.explain.reason import reason
from autograder.dojo.explain.sentences import Explanation
from autograder.exercise.notebook import Exercise, Step
from autograder.marking.judge import Judgement
from autograder.reference.compute import Reference, References
from autograder.sandbox.host.received import Value


class Explainer:
    """Explains steps of one exercise from what they held step by step."""

    def __init__(self, exercise: Exercise, references: References) -> None:
        self._tensors = {step.name: step.tensor for step in exercise.gradients} | exercise.autograd.given
        stops = set(self._tensors.values())
        lines = tuple(Line(each.target, frozenset(each.uses), each.source) for each in exercise.assignments)
        self._routes = {tensor: find_routes(lines, tensor, stops) for tensor in stops}
        self._loss = lines[-1].target
        self._hidden = references.hidden
        self._runs = exercise.runs

    def why(self, step: Step, values: Sequence[Value | None], sources: Sequence[str] = ()) -> Explanation | None:
        """What is wrong with a step; None where the cases do not agree or there is nothing to say of its kind.

        values: of each hidden case, in order. sources: the code of the step's own cells.
        """
        if not step.gradient:
            return reason_of_value("\n".join(sources), self._courses(step, values))
        return reason(self._trials(step, values), "\n".join(sources), step.name)

    def _courses(self, step: Step, values: Sequence[Value | None]) -> list[Course]:
        """The hidden cases on which the value is a tensor, one of them of other sizes, and the cell that makes it."""
        run = next((source for source in self._runs.values() if step.name in source), "")
        found = []
        for reference, value in zip(self._hidden, values, strict=False):
            if value is not None and value.tensor is not None:
                names = {**reference.names, **reference.known.tensors}
                found.append(Course(run, step.name, names, value.tensor, reference.step.total[step.tensor]))
        return [*found[:1], *found[-1:]]

    def _trials(self, step: Step, values: Sequence[Value | None]) -> list[Trial]:
        """The hidden cases on which the step gave a tensor, two of the notebook's own sizes first."""
        held = [(ref, v.tensor) for ref, v in zip(self._hidden, values, strict=False) if v and v.tensor is not None]
        public = [pair for pair in held if pair[0].case.public_sizes][:2]
        chosen = [*public, *(pair for pair in held if not pair[0].case.public_sizes)]
        return [self._trial(step, *pair) for pair in chosen] if len(chosen) > 1 else []

    def _trial(self, step: Step, reference: Reference, tensor: torch.Tensor) -> Trial:
        scene = self._scene(step, reference)
        upstream = {name: value for name, value in reference.known.upstream.items() if name != step.name}
        total = reference.step.total[step.tensor]
        return Trial(scene, {**scene.names, **upstream}, tensor, total, reference.case.public_sizes)

    def made_from(self, step: Step) -> list[str]:
        """The d-variables that a step is made from."""
        if not step.gradient:
            return []
        targets = {route.target for route in self._routes[step.tensor]}
        return [name for name, tensor in self._tensors.items() if tensor in targets]

    def _scene(self, step: Step, reference: Reference) -> Scene:
        upstream = {self._tensors[name]: gradient for name, gradient in reference.known.upstream.items()}
        upstream.setdefault(self._loss, torch.ones(()))
        names = {**reference.names, **reference.known.tensors}
        return Scene(step.tensor, self._routes[step.tensor], names, upstream)


def explained(judgement: Judgement, explanation: Explanation | None) -> Judgement:
    """The judgement with this reason. Where cmp shows the step as right, why it is not stays in front."""
    if explanation is None:
        return judgement
    before = f"{judgement.hint}: " if judgement.comparison.approximate and judgement.hint else ""
    return replace(judgement, hint=f"{before}{explanation.sentence}")


def following(judgement: Judgement, earlier: Sequence[str]) -> Judgement:
    """The judgement with the earlier gradients that are wrong, where they are known."""
    return replace(judgement, hint=f"{judgement.hint}: {' and '.join(earlier)}") if earlier else judgement


def shared(name: str, other: str | None) -> Explanation | None:
    """What to say of a gradient that was changed through another name of its memory."""
    if other is None:
        return None
    sentence = f"{name} and {other} share their memory: what changed {other} changed {name}; use .clone()"
    return Explanation("shared", sentence, "shared")
