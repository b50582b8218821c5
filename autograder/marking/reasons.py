"""Why a step is wrong, on the trusted side: the students' own explainer, asked about hidden cases.

The sentence must hold in several cases, so it says nothing that only one of them has. It is made for a case of
the notebook's own sizes, and those are public.
"""

from __future__ import annotations

import ast
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from autograder.dojo.explain.cell import Trial
from autograder.dojo.explain.descent import agreed_update
from autograder.dojo.explain.forward import Line, Scene, find_routes
from autograder.dojo.explain.moves import read
from autograder.dojo.explain.reason import SECONDS, reason
from autograder.dojo.explain.sentences import Explanation
from autograder.dojo.explain.trials import end_trials
from autograder.dojo.explain.update import Update
from autograder.dojo.explain.update_code import function_of
from autograder.dojo.explain.value_steps import explain_value
from autograder.dojo.judge import IDLE_HINT, Judgement
from autograder.dojo.structure import names_of, value_at
from autograder.exercise.notebook import Exercise, Step
from autograder.reference.compute import Reference, References
from autograder.sandbox.host.received import Value
from autograder.text import one_line

# Explaining computes in float64, and the default dtype is the whole process's: one thread at a time.
_ONE_AT_A_TIME = threading.Lock()


class Explainer:
    """Explains steps of one exercise from what they held step by step."""

    def __init__(self, exercise: Exercise, references: References) -> None:
        tensors = {step.name: step.tensor for step in exercise.gradients} | exercise.autograd.given
        # The explainer knows names only, so a tensor in a container of setup gets one: what cmp calls it.
        self._steps = {step.name: step.tensor for step in exercise.gradients}
        self._paths = {path: f"{name[1:]}_" for name, path in tensors.items() if not path.isidentifier()}
        self._variables = tensors
        self._tensors = {name: self._paths.get(path, path) for name, path in tensors.items()}
        stops = set(self._tensors.values())
        lines = tuple(
            Line(each.target, frozenset(self._paths.get(name, name) for name in each.uses), self._by_name(each.source))
            for each in exercise.assignments
            if each.target not in references.public.known.scalars  # no gradient comes back through a size
        )
        self._routes = {tensor: find_routes(lines, tensor, stops) for tensor in stops}
        self._loss = lines[-1].target if lines else ""
        self._hidden = references.hidden

    def why(
        self,
        step: Step,
        values: Sequence[Value | None],
        sources: Sequence[str] = (),
        seconds: float = SECONDS,
    ) -> Explanation | None:
        """Return what is wrong with a step; None where the cases do not agree or there is nothing to say of its kind.

        values: of each hidden case, in order; where an update makes the value, what was written down of the update.
        sources: the code that makes the step, in order, which is not run.
        seconds: of processor time that this may take; the simplest causes are looked for in any case.
        """
        if not step.gradient:
            return self._update(step, values, sources) if step.moves else self._value(step, values)
        source = "\n".join(sources)
        with _ONE_AT_A_TIME:
            trials = self._trials(step, values)
            return reason(trials, source, step.name, seconds=seconds, ends=lambda: self._ends(step, source))

    def raised(self, step: Step, sources: Sequence[str], seconds: float = SECONDS) -> Explanation | None:
        """Return the change with which code that raised is right in every case; None where there is no small one.

        sources, seconds: as of why.
        """
        if not step.gradient:
            return None
        trials = [
            replace(self._trial(step, reference, torch.empty(0)), raised=True)
            for reference in sorted(self._hidden, key=lambda reference: not reference.case.public_sizes)
        ]
        with _ONE_AT_A_TIME:
            return reason(trials, "\n".join(sources), step.name, seconds=seconds)

    def _ends(self, step: Step, source: str) -> list[Trial]:
        """Return the hidden cases with their true gradients; [] where the code cannot be tried on all of them."""
        cases = []
        for reference in self._hidden:
            true = {name: reference.end.total[path] for name, path in self._variables.items()}
            scene = replace(self._scene(step, reference), upstream=self._arriving(true))
            cases.append((scene, true, reference.end.total[step.tensor], reference.case.public_sizes))
        return end_trials(cases, source, step.name)

    def _trials(self, step: Step, values: Sequence[Value | None]) -> list[Trial]:
        """Return the hidden cases in which the step gave a tensor, two of the notebook's own sizes first."""
        held = [(ref, v.tensor) for ref, v in zip(self._hidden, values, strict=False) if v and v.tensor is not None]
        public = [pair for pair in held if pair[0].case.public_sizes][:2]
        chosen = [*public, *(pair for pair in held if not pair[0].case.public_sizes)]
        return [self._trial(step, *pair) for pair in chosen] if len(chosen) > 1 else []

    def _trial(self, step: Step, reference: Reference, tensor: torch.Tensor) -> Trial:
        scene = self._scene(step, reference)
        upstream = {name: value for name, value in reference.known.upstream.items() if name != step.name}
        total = reference.step.total[step.tensor]
        return Trial(scene, {**scene.names, **upstream}, tensor, total, reference.case.public_sizes)

    def _value(self, step: Step, values: Sequence[Value | None]) -> Explanation | None:
        """Explain a result that is no gradient; None where the cases do not agree."""
        held = [(ref, v.tensor) for ref, v in zip(self._hidden, values, strict=False) if v and v.tensor is not None]
        found = [explain_value(tensor, ref.step.total[step.tensor], ref.known.tensors) for ref, tensor in held]
        agreed = len(found) > 1 and len({None if each is None else each.key for each in found}) == 1
        return found[0] if agreed else None

    def _update(self, step: Step, values: Sequence[Value | None], sources: Sequence[str]) -> Explanation | None:
        """Explain what an update does to tensors; None where it is not known in at least two cases."""
        function = function_of(sources, step.label)
        held = [(ref, read(v.tensor)) for ref, v in zip(self._hidden, values, strict=False) if v is not None]
        updates = [
            Update(moves, names_of(ref.names.get(step.of), ref.names), function, {**ref.names, **ref.known.scalars})
            for ref, moves in held
            if moves
        ]
        return agreed_update(updates) if len(updates) > 1 else None

    def made_from(self, step: Step) -> list[str]:
        """Return the d-variables that a step is made from."""
        if not step.gradient:
            return []
        targets = {route.target for route in self._routes[self._tensors[step.name]]}
        return [name for name, tensor in self._tensors.items() if tensor in targets]

    def _by_name(self, source: str) -> str:
        """Return a forward line that reads the names of what it reads by a path."""
        if not self._paths:
            return source
        paths = self._paths

        class ByName(ast.NodeTransformer):
            def visit(self, node: ast.AST) -> ast.AST:
                name = paths.get(ast.unparse(node)) if isinstance(node, ast.Attribute | ast.Subscript) else None
                return self.generic_visit(node) if name is None else ast.Name(name, ast.Load())

        return ast.unparse(ByName().visit(ast.parse(source)))

    def _scene(self, step: Step, reference: Reference) -> Scene:
        names = {**reference.known.scalars, **reference.names, **reference.known.tensors}
        names |= {name: value_at(reference.names, path) for path, name in self._paths.items()}
        tensor = self._tensors[step.name]
        right = {self._tensors[name]: reference.step.total[path] for name, path in self._steps.items()}
        return Scene(tensor, self._routes[tensor], names, self._arriving(reference.known.upstream), right)

    def _arriving(self, gradients: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return gradients by tensor, the loss's 1 among them; gradients: by d-variable."""
        found = {self._tensors[name]: gradient for name, gradient in gradients.items()}
        found.setdefault(self._loss, torch.ones(()))
        return found


def explained(judgement: Judgement, explanation: Explanation | None) -> Judgement:
    """Return the judgement with this reason. Where cmp shows the step as right, why it is not stays in front."""
    if explanation is None:
        return judgement
    stays = judgement.comparison.approximate or judgement.hint == IDLE_HINT
    before = f"{judgement.hint}: " if stays and judgement.hint else ""
    return replace(judgement, hint=f"{before}{one_line(explanation.sentence)}")


def following(judgement: Judgement, earlier: Sequence[str]) -> Judgement:
    """Return the judgement with the earlier gradients that are wrong, where they are known."""
    return replace(judgement, hint=f"{judgement.hint}: {' and '.join(earlier)}") if earlier else judgement


def shared(name: str, other: str | None) -> Explanation | None:
    """Return what to say of a gradient that was changed through another name of its memory."""
    if other is None:
        return None
    sentence = f"{name} and {other} share their memory: what changed {other} changed {name}; use .clone()"
    return Explanation("shared", sentence, "shared")
