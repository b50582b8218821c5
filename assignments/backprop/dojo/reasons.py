"""Why a step of the notebook is wrong: the explainer, asked about trial cases as marking asks it about hidden ones."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import torch

from .explain.cell import Trial
from .explain.forward import Route, Scene
from .explain.reason import reason
from .explain.sentences import Explanation
from .trial.answer import needed_pieces
from .trial.cases import Case, NoTrialError, Pair
from .trial.step import Question, held


def explained(question: Question, cases: Sequence[Pair], routes: tuple[Route, ...]) -> Explanation | None:
    """Explain a wrong step; None where its cases do not agree on a cause, or it cannot be tried. Never raises.

    routes: those of the step's tensor.
    """
    with contextlib.suppress(NoTrialError):
        trials = [_trial(question, routes, case, found) for case, found in held(question, cases)]
        if len(trials) > 1:
            return reason(trials, _source(question), question.name)
    return None


def _source(question: Question) -> str:
    """Return the code that the step is made by, what it reads of the student's own names included."""
    own = [piece for piece in question.pieces if question.name in piece.variables]
    others = question.variables.keys() - {question.name}
    return "\n".join(p.source for p in needed_pieces(question.pieces, own, others, known=question.known))


def _trial(question: Question, routes: tuple[Route, ...], case: Case, found: torch.Tensor) -> Trial:
    upstream = {**case.random}
    upstream.setdefault(question.lines[-1].target, torch.ones((), dtype=case.dtype))
    gradients = {name: case.random[tensor] for name, tensor in question.variables.items() if name != question.name}
    steps = {name: target.total for name, target in case.step.items()}
    scene = Scene(question.tensor, routes, case.names, upstream, steps)
    total = case.step[question.tensor].total
    return Trial(scene, {**case.names, **gradients}, found, total, case.public_sizes)
