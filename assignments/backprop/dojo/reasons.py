"""Why a step of the notebook is wrong: the explainer, asked about trial cases as marking asks it about hidden ones."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence

import torch

from .explain.cell import Trial
from .explain.forward import Route, Scene
from .explain.reason import reason
from .explain.sentences import Explanation
from .explain.trials import end_trials
from .gradients import ForwardLine
from .notebook import Session
from .reading import Reading, cases_of
from .trial.answer import Piece, needed_pieces, own_pieces
from .trial.cases import Case, NoTrialError, Pair
from .trial.step import Question, held


def explained(question: Question, cases: Sequence[Pair], routes: tuple[Route, ...]) -> Explanation | None:
    """Explain a wrong step; None where its cases do not agree on a cause, or it cannot be tried. Never raises.

    routes: those of the step's tensor.
    """
    with contextlib.suppress(NoTrialError):
        trials = [_trial(question, routes, case, found) for case, found in held(question, cases)]
        if len(trials) > 1:
            own = [piece for piece in question.pieces if question.name in piece.variables]
            source = _source(question.pieces, own, question.variables, question.name, question.known)
            return reason(trials, source, question.name, ends=lambda: _ends(question, cases, routes, source))
    return None


def explained_error(session: Session, read: Reading, name: str, tensor: str) -> Explanation | None:
    """Explain why the code of a step raised: the change with which it is right on all trial cases. Never raises.

    name: the d-variable. tensor: the one that it is the gradient of.
    """
    try:
        source = _source(read.pieces, own_pieces(read.pieces, name), read.variables, name, read.known)
        trials = []
        for case in (pair.exact for pair in cases_of(session, read)):
            scene = Scene(tensor, session.routes(tensor), case.names, _arriving(session.lines, case, case.random))
            gradients = {other: case.random[theirs] for other, theirs in read.variables.items() if other != name}
            total, public = case.step[tensor].total, case.public_sizes
            trials.append(Trial(scene, {**case.names, **gradients}, torch.empty(0), total, public, raised=True))
        return reason(trials, source, name)
    except (NoTrialError, KeyError):
        return None


def _ends(question: Question, cases: Sequence[Pair], routes: tuple[Route, ...], source: str) -> list[Trial]:
    """Return the trials with the true gradients, as marking makes them."""
    found = []
    for case in (pair.exact for pair in cases):
        true = {name: case.true[tensor] for name, tensor in question.variables.items()}
        scene = Scene(question.tensor, routes, case.names, _arriving(question.lines, case, case.true))
        found.append((scene, true, case.end[question.tensor].total, case.public_sizes))
    return end_trials(found, source, question.name)


def _source(
    pieces: Sequence[Piece], own: Sequence[Piece], variables: Mapping[str, str], name: str, known: Collection[str]
) -> str:
    """Return the code that a step is made by, what it reads of the student's own names included."""
    return "\n".join(p.source for p in needed_pieces(pieces, own, variables.keys() - {name}, known=known))


def _arriving(
    lines: Sequence[ForwardLine], case: Case, gradients: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Return gradients by tensor, the loss's 1 among them."""
    return {lines[-1].target: torch.ones((), dtype=case.dtype), **gradients}


def _trial(question: Question, routes: tuple[Route, ...], case: Case, found: torch.Tensor) -> Trial:
    upstream = _arriving(question.lines, case, case.random)
    gradients = {name: case.random[tensor] for name, tensor in question.variables.items() if name != question.name}
    steps = {name: target.total for name, target in case.step.items()}
    scene = Scene(question.tensor, routes, case.names, upstream, steps)
    total = case.step[question.tensor].total
    return Trial(scene, {**case.names, **gradients}, found, total, case.public_sizes)
