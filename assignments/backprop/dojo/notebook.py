"""The state of the student's notebook: the forward pass that was run, its values, the gradients, the progress.

The forward cell is found by its form, among the cells that were run (IPython keeps their text in `In`). Nothing in
the notebook is changed.
"""

from __future__ import annotations

import ast
import contextlib
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from .compare import plain
from .explain.cascade import follows
from .explain.forward import Line, Route, Scene, Tensor, find_routes, product, read_lines
from .explain.reason import shown
from .explain.sentences import Explanation
from .explain.statements import assigns
from .history import running_shell, texts_of
from .points import sheet

MOST_CELLS = 20  # of the cells that assign a variable, the last ones; the others are of earlier attempts


@dataclass(frozen=True)
class Session:
    """A notebook whose forward pass has been run.

    lines, source: of the forward cell. names: all variables of the notebook. shell: IPython's.
    """

    lines: tuple[Line, ...]
    source: str
    names: Mapping[str, Any]
    shell: Any

    @property
    def marked(self) -> tuple[str, ...]:
        """The tensors of the forward pass whose `.grad` PyTorch has filled, in forward order.

        Where the notebook's file tells which of them are steps, or given, only these.
        """
        found: dict[str, None] = {}
        for line in self.lines:
            found |= dict.fromkeys((*sorted(line.uses), line.target))
        filled = [name for name in found if _grad(self.names.get(name)) is not None]
        steps = sheet(self.shell, self.source).steps
        return tuple(name for name in filled if not steps or name in steps)

    def name_of(self, tensor: Tensor, label: str) -> str | None:
        """Return the name that the forward pass has for a tensor, `label` first; None where it is not marked."""
        names = (label, *self.marked)
        return next((name for name in names if self.names.get(name) is tensor and name in self.marked), None)

    def routes(self, name: str) -> tuple[Route, ...]:
        """Return the routes by which the gradient of the tensor of this name comes back."""
        return find_routes(self.lines, name, self.marked)

    def part(self, name: str, through: str) -> Tensor | None:
        """Return what comes back to a tensor through the target of this name alone, in its own dtype.

        None where the tensor has no such route, or its line cannot be differentiated.
        """
        route = next((route for route in self.routes(name) if route.target == through), None)
        return None if route is None else product(Scene(name, (route,), self.names, self._truth), route, rounded=True)

    @property
    def _truth(self) -> dict[str, Any]:
        """PyTorch's gradients by tensor, that of the loss among them."""
        return {other: self.names[other].grad for other in self.marked} | {self.lines[-1].target: torch.ones(())}

    def why(
        self, found: object, name: str, cause: Callable[[], Explanation | None] | None = None, through: str = ""
    ) -> Explanation | None:
        """Explain why `found`, which is wrong, is not the gradient of the tensor of this name.

        cause: looks for it on the trial cases, where there are any, and not in the notebook's own numbers.
        Returns None where no cause is found, or, without trial cases, where the values have changed since the backward
        pass, so that PyTorch's gradients no longer belong to them. through: of the one target whose path is asked for;
        "" for all.
        """
        truth = self._truth
        # Trial cases are made anew; where a gradient cancels, or a loop makes it, float32 need not follow closely.
        if cause is None and not follows(truth[name], Scene(name, self.routes(name), self.names, truth)):
            return None
        routes = tuple(route for route in self.routes(name) if through in ("", route.target))
        right = Scene(name, routes, self.names, truth)
        sharing = self._sharing(found, name)
        # A gradient made from this one in the same memory and then changed in place has overwritten it.
        later = [other for other in sharing if name in (route.target for route in self.routes(other))]
        if later and _same(self.names[f"d{later[0]}"], truth[later[0]]):
            return _shared(name, later[0])
        there = {other: self.names.get(f"d{other}") for other in truth}
        off = [r.target for r in routes if there[r.target] is not None and not _same(there[r.target], truth[r.target])]
        own = {other: gradient for other, gradient in there.items() if _fits(gradient, truth[other])}
        if (
            cause is None
            and any(target in own for target in off)
            and follows(found, Scene(name, routes, self.names, truth | own))
        ):
            sentence = f"this follows from d{off[0]}, which is wrong; the step itself is right: mend d{off[0]} first"
            return Explanation("follow-through", sentence, "follow-through")
        # A gradient in the same memory may have been changed in place since this one was made from it.
        usable = {other: gradient for other, gradient in own.items() if other not in sharing}
        scene = Scene(name, routes, self.names, truth | usable) if off else right
        if cause is not None:
            explanation = cause()
        else:
            explanation = shown(found, scene, self.names, self.lines, self._code(f"d{name}"), f"d{name}")
        if explanation is not None and (cause is not None or set(off) <= set(usable)):
            return explanation
        if later:
            return _shared(name, later[0])
        if off:
            return Explanation(
                "earlier", f"this is made from d{off[0]}, which is wrong: mend d{off[0]} first", "earlier"
            )
        return None

    def _code(self, variable: str) -> str:
        """Return the cells that were run and assign this variable, in order, each once."""
        cells = [cell for cell in texts_of(self.shell) if variable in cell and assigns(cell, variable)]
        return "\n".join(reversed(dict.fromkeys(reversed(cells[-MOST_CELLS:]))))

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


def current_session() -> Session | None:
    """Return the state of the running notebook; None outside IPython, or where no forward cell has been run."""
    shell = running_shell()
    if shell is None:
        return None
    names = shell.user_ns
    cells = texts_of(shell)
    ready: Session | None = None
    for number in reversed(range(len(cells))):
        lines = read_lines(cells[number])
        # A forward cell has assignments only, more than one, and the last makes a single number with a graph. A single
        # line may be a student's own; it is the end of a forward pass in several cells where it makes the loss.
        if not (len(lines) > 1 or (len(lines) == 1 and lines[0].target == "loss")):
            continue
        loss = names.get(lines[-1].target)
        has_loss = isinstance(loss, Tensor) and loss.numel() == 1 and loss.grad_fn is not None
        whole = _with_earlier_cells(lines, cells[:number], names) if has_loss else lines
        if len(whole) < 2:
            continue
        # The one that backward() was called on; a student's own two lines may end in a number with a graph too.
        own = lines[:-1] if len(lines) > 1 else whole[:-1]
        if any(_grad(value) is not None for line in own if _has_graph(value := names.get(line.target))):
            return Session(whole, cells[number], names, shell)
        if has_loss and ready is None:
            ready = Session(whole, cells[number], names, shell)
    return ready


def _with_earlier_cells(lines: tuple[Line, ...], cells: list[str], names: Mapping[str, Any]) -> tuple[Line, ...]:
    """Return the lines of a forward pass with those of earlier cells that make with a graph what it reads."""
    for source in reversed(cells):
        targets = {line.target for line in lines}
        needed = set().union(*(line.uses for line in lines)) - targets
        more = read_lines(source)
        made = {line.target for line in more}
        if made & needed and not made & targets and any(_has_graph(names.get(name)) for name in made & needed):
            lines = more + lines
    return lines


def _has_graph(value: object) -> bool:
    return isinstance(value, Tensor) and value.grad_fn is not None


def reason_for(
    label: str,
    found: object,
    tensor: Tensor,
    cause: Callable[[], Explanation | None] | None = None,
    through: str = "",
) -> str | None:
    """Return a sentence on why `found` is not the gradient of `tensor`; None where the cause is unknown.

    Returns None outside a notebook too. label: the student's word for the tensor, which need not be its name. cause: as
    in Session.why. through: of the one target whose path is asked for; "" for all.
    """
    here = current_session()
    name = None if here is None else here.name_of(tensor, label)
    if here is None or name is None:
        return None
    explanation = here.why(plain(found), name, cause, through)
    return None if explanation is None else explanation.sentence


def compared_as(cells: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return what these cells compare, as (label, d-variable, tensor): for `cmp("probs", dprobs, probs)` these three.

    cells: the text of the cells that were run. A forward pass has more tensors than an exercise asks for, and some
    gradients may be given; only what was compared is a step.
    """
    return list(dict.fromkeys(each for source in cells for each in _compared_in(source)))


def steps_compared(cells: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return (label, d-variable) by tensor: of what these cells compare, the last comparison of each.

    A second name for a step, to try something out, does not take the place of the usual one.
    """
    found: dict[str, tuple[str, str]] = {}
    for label, variable, tensor in compared_as(cells):
        usual = f"d{tensor}"
        if variable == usual or found.get(tensor, ("", ""))[1] != usual:
            found[tensor] = label, variable
    return found


@functools.lru_cache(maxsize=1_000)  # each comparison asks about all cells
def _compared_in(source: str) -> tuple[tuple[str, str, str], ...]:
    found: list[tuple[str, str, str]] = []
    with contextlib.suppress(SyntaxError, ValueError):
        for node in ast.walk(ast.parse(source)):
            parts = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
            label, variable, name = parts if len(parts) == 3 else (None, None, None)
            if isinstance(label, ast.Constant) and isinstance(variable, ast.Name) and isinstance(name, ast.Name):
                found.append((str(label.value), variable.id, name.id))
    return tuple(found)


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
