"""The state of the student's notebook: the forward pass that was run, its values, the gradients so far, the progress.

The forward cell is found among the cells that were run, by its form.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from .compare import compare, plain
from .explain.cascade import explain, follows
from .explain.forward import Line, Route, Scene, Tensor, find_routes, read_lines
from .explain.sentences import Explanation

Strip = tuple[dict[str, str], str, list[tuple[str, str, bool]]]


@dataclass(frozen=True)
class Session:
    """lines: of the forward cell. names: all variables of the notebook."""

    lines: tuple[Line, ...]
    names: Mapping[str, Any]

    @property
    def marked(self) -> tuple[str, ...]:
        """The tensors of the forward pass that have a gradient of PyTorch's, in forward order."""
        found: dict[str, None] = {}
        for line in self.lines:
            found |= dict.fromkeys((*sorted(line.uses), line.target))
        return tuple(name for name in found if _grad(self.names.get(name)) is not None)

    def name_of(self, tensor: Tensor, label: str) -> str | None:
        """What the forward pass calls a tensor."""
        names = (label, *self.marked)
        return next((name for name in names if self.names.get(name) is tensor and name in self.marked), None)

    def routes(self, name: str) -> tuple[Route, ...]:
        """The lines that a tensor's gradient comes back through."""
        return find_routes(self.lines, name, self.marked)

    def why(self, found: object, name: str) -> Explanation | None:
        """What is wrong with `found` as the gradient of the tensor of this name, which it is not."""
        routes, loss = self.routes(name), self.lines[-1].target
        truth = {other: self.names[other].grad for other in self.marked} | {loss: torch.ones(())}
        right = Scene(name, routes, self.names, truth)
        if not follows(truth[name], right):
            return None  # the values have changed since the backward pass
        sharing = self._sharing(found, name)
        # Made from this one, and then changed: by now this holds the other's numbers.
        later = [other for other in sharing if name in (route.target for route in self.routes(other))]
        if later and _same(self.names[f"d{later[0]}"], truth[later[0]]):
            return _shared(name, later[0])
        there = {other: self.names.get(f"d{other}") for other in truth}
        off = [r.target for r in routes if there[r.target] is not None and not _same(there[r.target], truth[r.target])]
        own = {other: gradient for other, gradient in there.items() if _fits(gradient, truth[other])}
        if any(target in own for target in off) and follows(found, Scene(name, routes, self.names, truth | own)):
            sentence = f"this follows from d{off[0]}, which is wrong; the step itself is right: mend d{off[0]} first"
            return Explanation("follow-through", sentence, "follow-through")
        # A gradient in the same memory may have been changed since this one was made from it.
        usable = {other: gradient for other, gradient in own.items() if other not in sharing}
        explanation = explain(found, Scene(name, routes, self.names, truth | usable) if off else right)
        if explanation is not None and set(off) <= set(usable):
            return explanation
        if later:
            return _shared(name, later[0])
        if off:
            return Explanation(
                "earlier", f"this is made from d{off[0]}, which is wrong: mend d{off[0]} first", "earlier"
            )
        return None

    def _sharing(self, found: object, name: str) -> list[str]:
        """The other tensors whose gradients lie in the same memory."""
        if not isinstance(found, Tensor) or found.layout != torch.strided:
            return []
        place = found.untyped_storage().data_ptr()
        found_in = []
        for other in self.marked:
            mine: Any = self.names.get(f"d{other}")
            if other != name and _fits(mine, self.names[other].grad) and mine.shape == found.shape:
                found_in += [other] if mine.untyped_storage().data_ptr() == place else []
        return found_in


def current_session() -> Session | None:
    """The notebook's state; None where there is no IPython, or no forward cell has been run."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    if shell is None:
        return None
    names = shell.user_ns
    for source in reversed(names.get("In", [])):
        lines = read_lines(source)
        loss = names.get(lines[-1].target) if lines else None
        # Assignments only, more than one, and the last a single number with a graph.
        if len(lines) > 1 and isinstance(loss, Tensor) and loss.numel() == 1 and loss.grad_fn is not None:
            return Session(lines, names)
    return None


def reason_for(label: str, found: object, tensor: Tensor) -> str | None:
    """Why `found` is not the gradient of `tensor`, as a sentence; None where that is unknown, or outside a notebook.

    label: what the student calls the tensor, which need not be its name.
    """
    here = current_session()
    name = None if here is None else here.name_of(tensor, label)
    if here is None or name is None:
        return None
    explanation = here.why(plain(found), name)
    return None if explanation is None else explanation.sentence


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


def _shared(name: str, other: str) -> Explanation:
    sentence = f"d{name} and d{other} share their memory: what changed d{other} changed d{name}; use .clone()"
    return Explanation("shared", sentence, "shared")


def _grad(value: object) -> Tensor | None:
    # PyTorch warns where .grad is asked of a tensor that does not keep it.
    if isinstance(value, Tensor) and (value.is_leaf or value.retains_grad):
        return value.grad
    return None


def _fits(mine: Any, truth: Tensor) -> bool:
    plain = isinstance(mine, Tensor) and mine.layout == torch.strided and mine.is_floating_point()
    return plain and bool(mine.shape == truth.shape)


def _same(mine: Any, truth: Tensor) -> bool:
    return _fits(mine, truth) and torch.allclose(mine.detach().to(truth.dtype), truth)
