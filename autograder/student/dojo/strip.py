"""How far you are: the state of every step, and the paths at which gradients fail."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterable

from . import compare, plain
from .session import Session

Strip = tuple[dict[str, str], str, list[tuple[str, str, bool]]]


def progress_of(here: Session) -> tuple[Strip, list[str]]:
    """What the strip shows: states by tensor, the loss, the arrows (from, to, whether they fail); and the reasons."""
    loss = here.lines[-1].target
    states: dict[str, str] = {}
    arrows: list[tuple[str, str, bool]] = []
    reasons: list[str] = []
    compared = compared_names(here.names.get("In", []))
    for name in here.marked:
        if name == loss:
            continue
        mine, why = here.names.get(f"d{name}"), None
        result = compare(mine, here.names[name].grad)
        if name not in compared:
            states[name] = "later"
        elif result.approximate or mine is None:
            states[name] = "right" if result.approximate else "todo"
        else:
            why = here.why(plain(mine), name)
            states[name] = "follows" if why is not None and why.kind == "follow-through" else "wrong"
        routes = [route.target for route in here.routes(name)]
        # A sentence that names some of several paths speaks of those alone.
        named = [target for target in routes if why is not None and f"`{target}`" in why.sentence]
        failing = (named or routes) if states[name] == "wrong" else []
        arrows += [(name, target, target in failing) for target in routes]
        if states[name] == "wrong":
            reason = result.problem if why is None else why.sentence
            reasons.append(f"{name}: {reason or 'wrong, for no usual reason'}")
    return (states, loss, arrows), reasons


def compared_names(cells: Iterable[str]) -> set[str]:
    """The tensors that these cells, which have been run, compare: `probs` in `cmp("probs", dprobs, probs)`.

    Not all of the forward pass is asked for, and some gradients may be given.
    """
    found = set()
    for source in cells:
        with contextlib.suppress(SyntaxError, ValueError):
            for node in ast.walk(ast.parse(source)):
                match node:
                    case (
                        ast.Call(args=[ast.Constant(str()), _, ast.Name(name)])
                        | ast.Tuple(elts=[ast.Constant(str()), _, ast.Name(name)])
                    ):
                        found.add(name)
    return found
