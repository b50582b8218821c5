"""The state of the student's notebook: the forward pass that was run, its values, the gradients, the progress.

The forward cell is found by its form, among the cells that were run (IPython keeps their text in `In`). Nothing in
the notebook is changed.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from .compare import compare, plain
from .explain.cascade import follows
from .explain.cell import assigns
from .explain.forward import Line, Route, Scene, Tensor, find_routes, read_lines
from .explain.function import Course, assigns_inside, functions_of, reason_of_value
from .explain.reason import shown
from .explain.sentences import Explanation

MOST_COPIED = 5_000_000  # elements of a tensor that is copied for a run cell; a larger one is data
MOST_CELLS = 20  # of the cells that assign a variable, the last ones; the others are of earlier attempts

Strip = tuple[dict[str, str], str, list[tuple[str, str, bool]]]


@dataclass(frozen=True)
class Session:
    """A notebook whose forward pass has been run. lines: of the forward cell. names: all variables of the notebook."""

    lines: tuple[Line, ...]
    names: Mapping[str, Any]

    @property
    def marked(self) -> tuple[str, ...]:
        """The tensors of the forward pass whose `.grad` PyTorch has filled, in forward order."""
        found: dict[str, None] = {}
        for line in self.lines:
            found |= dict.fromkeys((*sorted(line.uses), line.target))
        return tuple(name for name in found if _grad(self.names.get(name)) is not None)

    def name_of(self, tensor: Tensor, label: str) -> str | None:
        """Return the name that the forward pass has for a tensor, `label` first; None where it is not marked."""
        names = (label, *self.marked)
        return next((name for name in names if self.names.get(name) is tensor and name in self.marked), None)

    def routes(self, name: str) -> tuple[Route, ...]:
        """Return the routes by which the gradient of the tensor of this name comes back."""
        return find_routes(self.lines, name, self.marked)

    def why(self, found: object, name: str) -> Explanation | None:
        """Explain why `found`, which is wrong, is not the gradient of the tensor of this name.

        Returns None where no cause is found, or where the values have changed since the backward pass, so that
        PyTorch's gradients no longer belong to them.
        """
        routes, loss = self.routes(name), self.lines[-1].target
        truth = {other: self.names[other].grad for other in self.marked} | {loss: torch.ones(())}
        right = Scene(name, routes, self.names, truth)
        if not follows(truth[name], right):
            return None
        sharing = self._sharing(found, name)
        # A gradient made from this one in the same memory and then changed in place has overwritten it.
        later = [other for other in sharing if name in (route.target for route in self.routes(other))]
        if later and _same(self.names[f"d{later[0]}"], truth[later[0]]):
            return _shared(name, later[0])
        there = {other: self.names.get(f"d{other}") for other in truth}
        off = [r.target for r in routes if there[r.target] is not None and not _same(there[r.target], truth[r.target])]
        own = {other: gradient for other, gradient in there.items() if _fits(gradient, truth[other])}
        if any(target in own for target in off) and follows(found, Scene(name, routes, self.names, truth | own)):
            sentence = f"this follows from d{off[0]}, which is wrong; the step itself is right: mend d{off[0]} first"
            return Explanation("follow-through", sentence, "follow-through")
        # A gradient in the same memory may have been changed in place since this one was made from it.
        usable = {other: gradient for other, gradient in own.items() if other not in sharing}
        scene = Scene(name, routes, self.names, truth | usable) if off else right
        explanation = shown(found, scene, self.names, self.lines, self._code(f"d{name}"), f"d{name}")
        if explanation is not None and set(off) <= set(usable):
            return explanation
        if later:
            return _shared(name, later[0])
        if off:
            return Explanation(
                "earlier", f"this is made from d{off[0]}, which is wrong: mend d{off[0]} first", "earlier"
            )
        return None

    def _code(self, variable: str) -> str:
        """Return the cells that were run and assign this variable, in order, each once; "" outside IPython."""
        cells = [cell for cell in self.names.get("In", []) if variable in cell and assigns(cell, variable)]
        return "\n".join(dict.fromkeys(reversed(cells[-MOST_CELLS:])).__reversed__())

    def _sharing(self, found: object, name: str) -> list[str]:
        """Return the other tensors whose gradients `d<name>` lie in the same memory as `found`, of the same shape."""
        if not isinstance(found, Tensor) or found.layout != torch.strided:
            return []
        storage = found.untyped_storage().data_ptr()
        found_in = []
        for other in self.marked:
            mine: Any = self.names.get(f"d{other}")
            if other != name and _fits(mine, self.names[other].grad) and mine.shape == found.shape:
                found_in += [other] if mine.untyped_storage().data_ptr() == storage else []
        return found_in


def _shell_names() -> dict[str, Any]:
    """Return the variables of the running notebook; {} outside IPython."""
    try:
        from IPython import get_ipython
    except ImportError:
        return {}
    shell = get_ipython()
    return {} if shell is None else shell.user_ns


def current_session() -> Session | None:
    """Return the state of the running notebook; None outside IPython, or where no forward cell has been run."""
    names = _shell_names()
    for source in reversed(names.get("In", [])):
        lines = read_lines(source)
        loss = names.get(lines[-1].target) if lines else None
        # A forward cell has assignments only, more than one, and the last makes a single number with a graph.
        if len(lines) > 1 and isinstance(loss, Tensor) and loss.numel() == 1 and loss.grad_fn is not None:
            return Session(lines, names)
    return None


def reason_for(label: str, found: object, tensor: Tensor) -> str | None:
    """Return a sentence on why `found` is not the gradient of `tensor`; None where the cause is unknown.

    Returns None outside a notebook too. label: the student's word for the tensor, which need not be its name.
    """
    here = current_session()
    name = None if here is None else here.name_of(tensor, label)
    if here is None or name is None:
        return None
    explanation = here.why(plain(found), name)
    return None if explanation is None else explanation.sentence


def reason_for_value(found: object, expected: Tensor) -> str | None:
    """Return a sentence on why a cell of the notebook has made `found`, and not `expected`, of a student's function.

    None where the cause is unknown, and outside a notebook.
    """
    names = _shell_names()
    cells = [cell for cell in names.get("In", []) if isinstance(cell, str)]
    variable = next((key for key, value in names.items() if value is found and not key.startswith("_")), None)
    if variable is None or not isinstance(found, Tensor):
        return None
    run = next((cell for cell in reversed(cells) if variable in cell and assigns_inside(cell, variable)), "")
    functions = [defined for cell in cells for defined in functions_of(cell) if defined[0] in run and cell != run]
    if not run or not functions:
        return None
    # The cell is run again, so it gets copies of all that it could change.
    kept = {key: _copied(value) for key, value in names.items()}
    course = Course(run, variable, kept, found.detach(), expected.detach())
    explanation = reason_of_value(functions[-1][1], [course])
    return None if explanation is None else explanation.sentence


def _copied(value: Any) -> Any:
    small = isinstance(value, Tensor) and value.numel() <= MOST_COPIED
    return value.detach().clone().requires_grad_(value.requires_grad) if small and value.is_leaf else value


def progress_of(here: Session) -> tuple[Strip, list[str]]:
    """Return (states, loss, arrows) for pictures.strip_text, and a sentence for each step that is wrong.

    states: "right", "wrong", "follows", "todo" or "later" (not compared so far) by tensor, in forward order. arrows:
    (tensor, target, whether the gradient fails on this route).
    """
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
        # Where the sentence names some of the routes, the gradient fails on those only.
        named = [target for target in routes if why is not None and f"`{target}`" in why.sentence]
        failing = (named or routes) if states[name] == "wrong" else []
        arrows += [(name, target, target in failing) for target in routes]
        if states[name] == "wrong":
            reason = result.problem if why is None else why.sentence
            reasons.append(f"{name}: {reason or 'wrong, for no usual reason'}")
    return (states, loss, arrows), reasons


def compared_names(cells: Iterable[str]) -> set[str]:
    """Return the tensors that these cells compare: `probs` in `cmp("probs", dprobs, probs)`.

    cells: the text of the cells that were run. A forward pass has more tensors than an exercise asks for, and some
    gradients may be given; only what was compared is shown as a step to do.
    """
    found = set()
    for source in cells:
        with contextlib.suppress(SyntaxError, ValueError):
            for node in ast.walk(ast.parse(source)):
                # No match statement: an older Python reads this file too.
                parts = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
                label, name = (parts[0], parts[2]) if len(parts) == 3 else (None, None)
                if isinstance(label, ast.Constant) and isinstance(label.value, str) and isinstance(name, ast.Name):
                    found.add(name.id)
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
