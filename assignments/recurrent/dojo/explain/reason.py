"""Decide what is said of a wrong gradient, in marking and in the notebook alike, from several sets of numbers.

Simple causes come first, then what has to change in the code, then causes that are known from the numbers alone.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from .cascade import explain
from .cell import Trial
from .fit import CLOSE_64
from .forward import Line, Scene
from .question import Guesser
from .repair import is_right, repaired
from .sentences import Explanation
from .similar import LAST
from .simple import FIRST
from .trials import trials_of

SECONDS = 0.8  # of processor time for one gradient; half of what is explained takes a hundredth of it
REST = 0.2  # of that, for what the numbers alone show after no change was found
ROUGH = 3e-6  # how far equal formulas may be apart where data that were rounded to float32 no longer add up to 1, say


def reason(
    trials: Sequence[Trial],
    source: str,
    name: str,
    levels: Sequence[float] = (CLOSE_64,),
    seconds: float = SECONDS,
) -> Explanation | None:
    """Explain a wrong gradient; None where no cause is found that holds on all trials, or the time is over.

    source: the code that made it, "" where it is not known. name: the variable that the code makes. levels: how close
    two equal formulas come, the closest first; each kind of cause is looked for at all of them before the next kind.
    seconds: of processor time; the first and simplest kind of cause is looked for in any case. Never raises.
    """
    until = time.thread_time() + seconds
    if not trials:
        return None
    every = [[replace(trial, close=level) for trial in trials] for level in levels]
    graded = [tried for tried in every if not all(is_right(trial.found, trial) for trial in tried)]
    stages: list[Callable[[Sequence[Trial]], Explanation | None]] = [
        lambda tried: agreed(tried, FIRST),
        lambda tried: repaired(source, name, tried, until - seconds * REST),
        lambda tried: agreed(tried, LAST),
    ]
    if len(graded) < len(every):  # nearly right: a change that makes it right to the last digit is the cause
        stages = stages[1:2]
    vague: Explanation | None = None
    with warnings.catch_warnings():  # of what is only tried
        warnings.simplefilter("ignore")
        for number, stage in enumerate(stages):
            for tried in graded:
                # What many formulas come close to is no better than a factor that is sure.
                if number and (time.thread_time() > until or (vague is not None and stage is stages[-1])):
                    return vague
                # A change may make any sense or none: what cannot be tried is not claimed.
                with contextlib.suppress(Exception):
                    found = stage(tried)
                    if found is not None and not found.vague:
                        return found
                    vague = vague or found
    return vague


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
    found: object,
    scene: Scene,
    names: Mapping[str, object],
    lines: Sequence[Line],
    source: str,
    name: str,
) -> Explanation | None:
    """Explain a wrong gradient in a notebook, which has one set of numbers: on others, where the code can be evaluated.

    found: the gradient. names: the variables of the notebook. lines: its forward pass. source: the code that made the
    gradient. name: of its variable. Never raises.
    """
    until = time.thread_time() + SECONDS
    trials = trials_of(found, scene, names, lines, source, name, until)
    if not trials:
        return explain(found, scene)
    return reason(trials, source, name, (CLOSE_64, ROUGH), until - time.thread_time())
