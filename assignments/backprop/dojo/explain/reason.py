"""Decide what is said of a wrong gradient, in marking and in the notebook alike, from several sets of numbers.

Simple causes come first, then what has to change in the code, then causes that are known from the numbers alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch

from .cascade import FIRST, LAST, Guesser, explain, parts_of
from .cell import Trial, evaluated, forward_in_float64, gives, with_random_upstream
from .fit import CLOSE_64
from .forward import Line, Scene, Tensor, in_float64
from .repair import is_right, repaired, unused
from .sentences import Explanation

TRIALS = 3  # sets of random gradients on which a notebook's cell is tried
ROUGH = 3e-6  # how far equal formulas may be apart where data that were rounded to float32 no longer add up to 1, say


def reason(
    trials: Sequence[Trial], source: str, name: str, levels: Sequence[float] = (CLOSE_64,)
) -> Explanation | None:
    """Explain a wrong gradient; None where no cause is found that holds on all trials.

    source: the code that made it, "" where it is not known. name: the variable that the code makes. levels: how close
    two equal formulas come, the closest first; each kind of cause is looked for at all of them before the next kind.
    """
    if not trials or all(is_right(trial.found, trial) for trial in trials):
        return None
    graded = [[replace(trial, close=level) for trial in trials] for level in levels]
    stages: list[Callable[[Sequence[Trial]], Explanation | None]] = [
        lambda tried: agreed(tried, FIRST),
        lambda tried: repaired(source, name, tried) if source else None,
        lambda tried: agreed(tried, LAST),
        lambda tried: unused(source, name, tried) if source else None,
    ]
    with warnings.catch_warnings():  # of what is only tried
        warnings.simplefilter("ignore")
        return next(filter(None, (stage(tried) for stage in stages for tried in graded)), None)


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


def shown(
    found: object, scene: Scene, names: Mapping[str, object], lines: Sequence[Line], source: str, name: str
) -> Explanation | None:
    """Explain a wrong gradient in a notebook, which has one set of numbers: on others, where the code can be evaluated.

    found: the gradient. names: the variables of the notebook. lines: its forward pass. source: the code that made the
    gradient. name: of its variable.
    """
    trials = trials_of(found, scene, names, lines, source, name)
    if not trials:
        return explain(found, scene)
    return reason(trials, source, name, (CLOSE_64, ROUGH))


def trials_of(
    found: object, scene: Scene, names: Mapping[str, object], lines: Sequence[Line], source: str, name: str
) -> list[Trial]:
    """Return trials in float64 with random gradients arriving; [] where the code does not give what was found.

    Parameters are moved a little from trial to trial, for the last lines have no gradients that could be others.
    """
    given = {key: in_float64(value) for key, value in names.items() if key != name}
    if not isinstance(found, Tensor) or not gives(source, name, given, found.detach().to(torch.float64)):
        return []
    # What a cell does not read may be a 1 that it takes for granted: the gradient of the loss.
    read = {key for key, value in names.items() if isinstance(value, Tensor) and key != name}
    trials = []
    free = [key for key, value in names.items() if isinstance(value, Tensor) and value.is_leaf and value.requires_grad]
    for seed in range(TRIALS):
        given |= forward_in_float64(given, lines, free, seed)
        other = with_random_upstream(replace(scene, names=dict(given)), seed, read)
        upstream = {f"d{target}": gradient for target, gradient in other.upstream.items() if f"d{target}" in read}
        made = evaluated(source, name, given | upstream)
        if made is None:
            return []
        total = sum(parts_of(other).values(), torch.zeros_like(other.value))
        trials.append(Trial(other, given | upstream, made, total))
    return trials
