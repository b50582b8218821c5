"""How far the notebook is: every step along the forward pass, its state, and the points."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import standing
from .compare import compare, plain
from .history import texts_of
from .notebook import Session, steps_compared
from .points import sheet
from .verdicts import Said, say, why

Strip = tuple[dict[str, str], str, list[tuple[str, str, bool]]]
STATES = {"exact": "right", "approximate": "right", "follow-through": "follows", "missing": "todo"}


def progress_of(session: Session, known: Mapping[str, Said] = MappingProxyType({})) -> tuple[Strip, list[str]]:
    """Return (states, loss, arrows) for pictures.strip_text, and a sentence for each step that is wrong.

    states: "right", "wrong", "follows", "todo" or "later" (not compared so far) by tensor, in forward order. arrows:
    (tensor, target, whether the gradient fails on this route). known: what has been found already, by label.
    """
    loss = session.lines[-1].target
    states: dict[str, str] = {}
    arrows: list[tuple[str, str, bool]] = []
    reasons: list[str] = []
    compared = steps_compared(texts_of(session.shell))
    for name in session.marked:
        if name == loss:
            continue
        reason = None
        states[name] = "later"
        if name in compared:
            label, variable = compared[name]
            states[name], reason = _standing(session, label, variable, name, known.get(label))
        routes = [route.target for route in session.routes(name)]
        # Where the sentence names some of the routes, the gradient fails on those only.
        named = [target for target in routes if reason is not None and f"`{target}`" in reason]
        failing = (named or routes) if states[name] == "wrong" else []
        arrows += [(name, target, target in failing) for target in routes]
        if states[name] == "wrong":
            reasons.append(f"{name}: {reason or 'wrong, for no usual reason'}")
    return (states, loss, arrows), reasons


def _standing(session: Session, label: str, variable: str, name: str, said: Said | None) -> tuple[str, str | None]:
    """Return the state of a step that has been compared, and why it is wrong. name: of its tensor."""
    tensor, found = session.names[name], session.names.get(variable)
    said = said or say(session, label, found, tensor)
    if said is not None and said.stale is not None:
        return "wrong", said.stale
    shown = compare(found, tensor.grad)
    if said is None or said.judgement is None:
        state = "right" if shown.approximate else "todo" if found is None else "wrong"
        explained = session.why(plain(found), name) if state == "wrong" else None
        if explained is not None and explained.kind == "follow-through":
            state = "follows"
    else:
        state = STATES.get(said.judgement.verdict, "wrong")
    if state != "wrong":
        return state, None
    return state, why(label, found, tensor, said) or shown.problem


def expected(session: Session) -> str:
    """Return the mark to expect, in a few words."""
    return standing.expected(sheet(session.shell, session.source).points)
