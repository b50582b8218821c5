"""Decide what is said of a wrong gradient, in marking and in the notebook alike, from several sets of numbers.

Simple causes come first, then what has to change in the code, then causes that are known from the numbers alone.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import re
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from .cascade import agreed, explain, follows
from .cell import Trial, is_right
from .edit import factors_of, quoted
from .fit import CLOSE_64
from .forward import Line, Route, Scene, Tensor
from .question import parts_of
from .repair import repaired
from .sentences import Explanation
from .similar import LAST
from .simple import FIRST
from .statements import statements
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
    unread = _unread(source, name, trials[0])
    fused = any(f"d{route.target}" in trials[0].names for route in unread)
    others = functools.cache(lambda: [_without(trial.scene, trial.total, unread) for trial in trials])
    true = ends() if fused else ()
    if true and all(is_right(trial.found, trial) for trial in true):
        return None
    by_step = until - seconds * (REST + FUSED if fused else REST)
    stages: list[Callable[[Sequence[Trial]], Explanation | None]] = [
        lambda tried: _in_code(agreed(tried, FIRST), source, name),
        lambda tried: repaired(source, name, tried, by_step),
        lambda tried: _beside(unread, tried, others, lambda alone: repaired(source, name, alone, by_step)),
        lambda tried: repaired(source, name, true, until - seconds * REST),
        lambda tried: _beside(unread, tried, others, lambda alone: agreed(alone, LAST)),
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
                        return _of_overwriting(found, source, name)
                    if found is not None:  # what is as likely with numbers that are only close is a chance
                        vague = vague or found
                        break
    return vague


def _of_overwriting(found: Explanation, source: str, name: str) -> Explanation:
    """Return the explanation of a missing path, with the statement that overwrites what an earlier one had made."""
    if found.kind != "path-missing":
        return found
    body = ast.parse(source).body
    loops = (node for top in body for node in ast.walk(top) if isinstance(node, ast.For))
    kept = [node for loop in loops for node in loop.body if _makes_anew(node, name)]
    made = [node for node in body if isinstance(node, ast.Assign) and _names(node.targets) == {name}]
    if kept:
        said = (
            f"{found.sentence}: {quoted(kept[0])} in the loop keeps its last round only, where it must be added (`+=`)"
        )
    elif anew := [node for node in made[1:] if _makes_anew(node, name)]:
        said = f"{found.sentence}: {quoted(anew[-1])} overwrites the path before it, where it must be added (`+=`)"
    else:
        return found
    return replace(found, sentence=said, key=said, also=())


def _in_code(found: Explanation | None, source: str, name: str) -> Explanation | None:
    """Return the explanation, as vague where the code may look so for another reason.

    A factor 2 looks like a path that is added twice, which code that reads nothing twice cannot do. And a product of
    sums where the sum of products belongs is next to nothing where one of the sums is, as if it were not there.
    """
    if found is None or found.kind not in ("path-twice", "path-missing") or not source:
        return found
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    if found.kind == "path-missing":
        products = [node for node in nodes if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)]
        return replace(found, vague=True) if any(_sums_in(node) > 1 for node in products) else found
    loops = any(isinstance(node, ast.For | ast.While | ast.comprehension | ast.FunctionDef) for node in nodes)
    # The gradient itself is read again for each path, and twice only where one statement does so.
    mine = [_read_in(node)[name] for node in nodes if isinstance(node, ast.stmt)]
    others = [count for other, count in _read_in(tree).items() if other != name]
    return found if loops or any(count > 1 for count in (*mine, *others)) else replace(found, vague=True)


def _read_in(node: ast.AST) -> Counter[str]:
    """Return how often gradients are read in code, by name."""
    names = (part for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load))
    return Counter(part.id for part in names if part.id.startswith("d"))


def _sums_in(node: ast.expr) -> int:
    """Return how many factors of a product are sums."""
    factors = (factor for factor, _ in factors_of(node))
    return sum(bool(re.search(r"\.(sum|mean)\([^()]*\)$", ast.unparse(factor))) for factor in factors)


def _makes_anew(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.Assign) and _names(node.targets) == {name} and name not in _names([node.value])


def _names(nodes: Sequence[ast.AST]) -> set[str]:
    return {part.id for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name)}


def _unread(source: str, name: str, trial: Trial) -> list[Route]:
    """Return the routes whose arriving gradient code does not read; what it overwrites does not count."""
    with contextlib.suppress(SyntaxError, ValueError, RecursionError):
        source = "\n".join(map(ast.unparse, statements(source, name, trial.names)))
    read = set(re.findall(r"\w+", source))
    return [route for route in trial.scene.routes if f"d{route.target}" not in read]


def _without(scene: Scene, total: Tensor, left: Sequence[Route]) -> tuple[Scene, Tensor]:
    """Return a scene without these routes, and the gradient that comes by the others."""
    parts = parts_of(scene)
    kept = tuple(route for route in scene.routes if route not in left)
    return replace(scene, routes=kept), total - sum(parts[route.target] for route in left)


def _beside(
    unread: Sequence[Route],
    trials: Sequence[Trial],
    others: Callable[[], Sequence[tuple[Scene, Tensor]]],
    explain: Callable[[Sequence[Trial]], Explanation | None],
) -> Explanation | None:
    """Explain code that reads nothing of some paths, and has a slip in the others: what `explain` says of these.

    others: of each trial the scene and the gradient without the paths that are not read.
    """
    scene = trials[0].scene
    if not 0 < len(unread) < len(scene.routes):
        return None
    pairs = zip(trials, others(), strict=True)
    found = explain([replace(trial, scene=other, total=total) for trial, (other, total) in pairs])
    # Without all that the code adds anything is right but for the missing paths.
    if found is None or found.vague or found.kind in ("added", "elsewhere") or "does not belong" in found.sentence:
        return None
    missing = " and ".join(f"`{scene.through(route)}`" for route in unread)
    sentence = f"the gradient through {missing} is missing; and {found.sentence}"
    return Explanation("path-missing", sentence, sentence)


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
