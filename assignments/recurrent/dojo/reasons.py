"""Why a step of the notebook is wrong: the explainer, asked about trial cases as marking asks it about hidden ones."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import torch

from .explain.cell import Trial
from .explain.forward import Route, Scene
from .explain.reason import reason
from .explain.sentences import Explanation
from .explain.trials import end_trials
from .notebook import Session
from .reading import Reading, cases_of
from .trial.answer import needed_pieces, own_pieces
from .trial.cases import Case, NoTrialError, Pair
from .trial.step import Question, held


def explained(question: Question, cases: Sequence[Pair], routes: tuple[Route, ...]) -> Explanation | None:
    """Explain a wrong step; None where its cases do not agree on a cause, or it cannot be tried. Never raises.

    routes: those of the step's tensor.
    """
    with contextlib.suppress(NoTrialError):
        trials = [_trial(question, routes, case, found) for case, found in held(question, cases)]
        if len(trials) > 1:
            source = _source(question)
            return reason(trials, source, question.name, ends=lambda: _ends(question, cases, routes, source))
    return None


def explained_error(session: Session, read: Reading, name: str, tensor: str) -> Explanation | None:
    """Explain why the code of a step raised: the change with which it is right on all trial cases. Never raises.

    name: the d-variable. tensor: the one that it is the gradient of.
    """
    try:
        cases, routes = [pair.exact for pair in cases_of(session, read)], session.routes(tensor)
        own = own_pieces(read.pieces, name)
        others = read.variables.keys() - {name}
        source = "\n".join(piece.source for piece in needed_pieces(read.pieces, own, others, known=read.known))
        trials = []
        for case in cases:
            upstream = {session.lines[-1].target: torch.ones((), dtype=case.dtype), **case.random}
            gradients = {other: case.random[theirs] for other, theirs in read.variables.items() if other != name}
            scene = Scene(tensor, routes, case.names, upstream)
            total = case.step[tensor].total
            trials.append(
                Trial(scene, {**case.names, **gradients}, torch.empty(0), total, case.public_sizes, raised=True)
            )
        return reason(trials, source, name)
    except (NoTrialError, KeyError):
        return None


def _ends(question: Question, cases: Sequence[Pair], routes: tuple[Route, ...], source: str) -> list[Trial]:
    """Return the trials with the true gradients, as marking makes them."""
    found = []
    for case in (pair.exact for pair in cases):
        true = {name: case.true[tensor] for name, tensor in question.variables.items()}
        upstream = {question.lines[-1].target: torch.ones((), dtype=case.dtype), **case.true}
        scene = Scene(question.tensor, routes, case.names, upstream)
        found.append((scene, true, case.end[question.tensor].total, case.public_sizes))
    return end_trials(found, source, question.name)


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
