"""Decide what is said of a wrong gradient, in marking and in the notebook alike, from several sets of numbers.

Simple causes come first, then what has to change in the code, then causes that are known from the numbers alone.
"""

from __future__ import annotations

import contextlib
import re
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from .cascade import agreed, explain, follows
from .cell import Trial
from .fit import CLOSE_64
from .forward import Line, Scene
from .question import parts_of
from .repair import is_right, repaired
from .sentences import Explanation
from .similar import LAST
from .simple import FIRST
from .trials import trials_of

SECONDS = 0.8  # of processor time for one gradient; half of what is explained takes a hundredth of it
FUSED = 0.3  # of that, for code that may have been derived from further on
REST = 0.2  # of that, for what the numbers alone show after no change was found
ROUGH = 3e-6  # how far equal formulas may be apart where data that were rounded to float32 no longer add up to 1, say


def reason(
    trials: Sequence[Trial],
    source: str,
    name: str,
    levels: Sequence[float] = (CLOSE_64,),
    seconds: float = SECONDS,
    ends: Callable[[], Sequence[Trial]] = lambda: (),
) -> Explanation | None:
    """Explain a wrong gradient; None where no cause is found that holds on all trials, or the time is over.

    source: the code that made it, "" where it is not known. name: the variable that the code makes. levels: how close
    two equal formulas come, the closest first; each kind of cause is looked for at all of them before the next kind.
    seconds: of processor time; the first and simplest kind of cause is looked for in any case. ends: makes trials with
    the true gradients, for code that leaves some of those out that arrive: it may have been derived from further on.
    Never raises.
    """
    until = time.thread_time() + seconds
    if not trials:
        return None
    every = [[replace(trial, close=level) for trial in trials] for level in levels]
    graded = [tried for tried in every if trials[0].raised or not all(is_right(trial.found, trial) for trial in tried)]
    fused = _leaves_out(source, trials[0])
    true = ends() if fused else ()
    if true and all(is_right(trial.found, trial) for trial in true):
        return None
    by_step = until - seconds * (REST + FUSED if fused else REST)
    stages: list[Callable[[Sequence[Trial]], Explanation | None]] = [
        lambda tried: agreed(tried, FIRST),
        lambda tried: repaired(source, name, tried, by_step),
        lambda tried: _read_alone(tried, source, lambda others: repaired(source, name, others, by_step)),
        lambda tried: repaired(source, name, true, until - seconds * REST),
        lambda tried: _read_alone(tried, source, lambda others: agreed(others, LAST)),
        lambda tried: agreed(tried, LAST),
    ]
    if trials[0].raised:
        stages = [lambda tried: repaired(source, name, tried, until)]
    elif len(graded) < len(every):  # nearly right: a change that makes it right to the last digit is the cause
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


def _read_alone(
    trials: Sequence[Trial], source: str, explain: Callable[[Sequence[Trial]], Explanation | None]
) -> Explanation | None:
    """Explain code that reads nothing of some paths, and has a slip in the others: what `explain` says of these."""
    read = set(re.findall(r"\w+", source))
    routes = trials[0].scene.routes
    left = [route for route in routes if f"d{route.target}" not in read]
    if not 0 < len(left) < len(routes):
        return None
    others = []
    for trial in trials:
        parts = parts_of(trial.scene)
        kept = tuple(route for route in trial.scene.routes if route not in left)
        total = trial.total - sum(parts[route.target] for route in left)
        others.append(replace(trial, scene=replace(trial.scene, routes=kept), total=total))
    found = explain(others)
    # Without all that the code adds anything is right but for the missing paths.
    if found is None or found.vague or found.kind in ("added", "elsewhere") or "does not belong" in found.sentence:
        return None
    missing = " and ".join(f"`{trials[0].scene.through(route)}`" for route in left)
    sentence = f"the gradient through {missing} is missing; and {found.sentence}"
    return Explanation("path-missing", sentence, sentence)


def _leaves_out(source: str, trial: Trial) -> bool:
    """Return whether code does not read every gradient that arrives."""
    read = set(re.findall(r"\w+", source))
    return not {f"d{route.target}" for route in trial.scene.routes} & trial.names.keys() <= read


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
    if follows(found, scene):  # right for the gradients that it was given
        return None
    until = time.thread_time() + SECONDS
    trials = trials_of(found, scene, names, lines, source, name, until)
    if not trials:
        return explain(found, scene)
    return reason(trials, source, name, (CLOSE_64, ROUGH), until - time.thread_time())
