"""The cascade of explanations: try the usual mistakes in order of likelihood, and report the first that fits.

A mistake fits where the numbers it would give are those that were found. No sentence is better than a guess, so
where none fits, nothing is reported.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .cell import Trial
from .fit import CLOSE_64, RIGHT_32, distance, serves
from .forward import Scene, Tensor
from .question import Guesser, Question, asked, parts_of
from .sentences import Explanation
from .similar import LAST
from .simple import FIRST, OF_ROUNDING


def explain(
    found: object, scene: Scene, guessers: Sequence[Guesser] | None = None, exact: float = CLOSE_64
) -> Explanation | None:
    """Explain why `found` is not the gradient of the scene's tensor; None where it is right or no mistake fits.

    guessers: those of FIRST and LAST that are asked, by default all. exact: how close float64 comes. Never raises: a
    forward line that cannot be taken apart gives None.
    """
    try:
        with torch.no_grad():
            question = asked(found, scene, exact)
            return None if question is None else answered(question, (*FIRST, *LAST) if guessers is None else guessers)
    except Exception:  # a forward line that cannot be taken apart: no sentence
        return None


def agreed(trials: Sequence[Trial], guessers: Sequence[Guesser]) -> Explanation | None:
    """Return what these guessers say on all trials. Of few numbers little can be said, so some may say nothing.

    The first trial has the notebook's own sizes, which are public, and its sentence is given.
    """
    if not trials:
        return None
    first, *rest = trials
    explanation = explain(first.found, first.scene, guessers, first.close)
    left = (explanation, *explanation.also) if explanation is not None else ()
    others = [trial for trial in rest if not trial.public]
    seen = 0
    for trial in rest if left else ():
        found = explain(trial.found, trial.scene, guessers, trial.close)
        if found is None and trial.public:
            return None
        if found is None:  # what is said is held against the first
            continue
        keys = {each.key for each in (found, *found.also)}
        left = tuple(each for each in left if each.key in keys)
        seen += not trial.public
    return next(iter(left), None) if seen or not others else None


def answered(question: Question, guessers: Sequence[Guesser]) -> Explanation | None:
    """Return what the first of the guessers says that says anything."""
    for guesser in guessers:
        # Another order of adding up leaves another rounding error, and is right.
        if question.is_rounding and guesser not in OF_ROUNDING:
            return None
        explanation = guesser(question)
        if explanation is not None:
            return explanation
    return None


def follows(found: object, scene: Scene) -> bool:
    """Return whether `found` is right for the gradients that arrive in this scene, up to float32 rounding.

    False where that cannot be computed. Never raises.
    """
    try:
        with torch.no_grad():
            total = sum(parts_of(scene).values(), torch.zeros_like(scene.value))
            terms = [part.abs().max() for part in parts_of(scene).values()]
            close = RIGHT_32 * max(float(term) for term in terms) + 1e-8
            return isinstance(found, Tensor) and serves(found, total) and distance(found.detach(), total) <= close
    except Exception:  # as in explain: what cannot be computed is not claimed
        return False
