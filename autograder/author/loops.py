"""Derive backpropagation through a loop of the forward pass: its turns again, then from the last back to the first."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from autograder.author.derive.expression import GapError, build
from autograder.author.derive.line import derive_line
from autograder.author.turns import Turn, names_in, read_turn
from autograder.exercise.lines import Assignment

# The gradient of what one turn appends to a list, by what a later line makes of the list: of its own gradient, the
# dimension, the number of the turn and the list.
ITEMS = {"stack": "{0}.select({1}, {2})", "cat": "{0}.chunk(len({3}), {1})[{2}]", "sum": "{0}"}


class LoopRule:
    """Derives the gradients that come back through one loop.

    begins: by name, the expression that the forward pass assigns it before the loop. readers: the lines after it.
    marked: the variable of each gradient, by tensor. values: everything after the forward pass, with its graph, and the
    upstream gradients. loss: its name. Raises GapError, and what the loop's own code raises.
    """

    def __init__(
        self,
        source: str,
        begins: Mapping[str, ast.expr],
        readers: Sequence[Assignment],
        marked: Mapping[str, str],
        values: Mapping[str, Any],
        loss: str,
    ) -> None:
        self._turn: Turn = read_turn(source)
        self._begins = {name: begins[name] for name in self._turn.carried if name in begins}
        self._marked, self._loss, self._values = marked, loss, values
        if lacking := [name for name in self._turn.carried if name not in begins]:
            raise GapError(f"a loop that goes on with the {lacking[0]} of setup; begin with a line such as h = h0")
        self._locals = [local for local, _ in self._turn.lines] + [f"{name}_before" for name in self._turn.carried]
        new = ["turns", "at", *self._locals, *(f"d{local}" for local in self._locals)]
        if taken := [name for name in new if name in values]:
            raise GapError(f"the name {taken[0]} is taken")
        self._names = self._run()
        if wide := [name for name in self._begins if self._is_wider(name)]:  # h0 for a whole batch
            self._begins |= {
                name: build("A.expand_as(B)", A=self._begins[name], B=ast.Name(name, ast.Load())) for name in wide
            }
            self._names = self._run()
        floats = {name: self._names[name] for name in self._locals if isinstance(self._names[name], torch.Tensor)}
        self._names |= {f"d{name}": torch.zeros_like(value.detach()) for name, value in floats.items()}
        self._last: dict[str, str] = {}
        items = {name: self._item(name, readers) for name in self._turn.appended}
        self._items = {name: item for name, item in items.items() if item}

    def _run(self) -> dict[str, Any]:
        names = dict(self._values)
        with torch.enable_grad():
            exec("\n".join(self._again("")), names)
        return names

    def _is_wider(self, name: str) -> bool:
        """Return whether a later turn begins with a tensor of another shape than the first."""
        first = eval(ast.unparse(self._begins[name]), dict(self._values))
        last = self._names[f"{name}_before"]
        return isinstance(first, torch.Tensor) and isinstance(last, torch.Tensor) and first.shape != last.shape

    def answer(self, tensor: str, variable: str) -> str:
        """Return the code that assigns the gradient of a tensor through the loop to its variable. Raises GapError."""
        shaped, only = tensor, None
        if (element := self._turn.element(tensor)) is not None:
            tensor, only = element
        leads = self._leading_to(tensor)
        carried = [name for name in self._turn.carried if f"{name}_before" in leads]
        total = f"{variable}_total"
        body = _short(list(self._backwards(tensor, total, leads, carried)), carried)
        if only is not None:
            body = [f"if at == {only}:\n        {line}" if line.startswith(total) else line for line in body]
        first = [part for name in carried for part in self._through_beginning(name, tensor, total)]
        inside = any(total in line for line in body)
        if not inside and not first:
            raise GapError("a loop")
        read = {name for line in (*body, *first) for name in names_in(ast.parse(line))}
        kept = [name for name in (*self._turning(), *self._locals) if name in read]
        counted = "at" in read and not self._turn.is_counted
        starts = [f"d{name}_now = {self._start(name)}" for name in carried]
        starts += [f"{total} = torch.zeros_like({shaped})"] if inside or len(first) > 1 else []
        if set(kept) <= set(self._turning()) and not counted:
            head = [f"for {ast.unparse(self._turn.node.target)} in {self._turn.in_reverse}:"]
            again: list[str] = []
        else:
            kept = (["at"] if counted else []) + kept
            made = ", ".join("len(turns)" if name == "at" else name for name in kept)
            again = [*self._again(made if len(kept) == 1 else f"({made})")]
            head = [f"for {', '.join(kept)} in reversed(turns):"]
        alone = not inside and len(first) == 1
        last = f"{variable} = {first.pop().removeprefix(f'{total} = {total} + ') if alone else total}"
        return "\n".join([*again, *starts, *head, *(f"    {line}" for line in body), *first, last])

    def _turning(self) -> list[str]:
        return [part.id for part in ast.walk(self._turn.node.target) if isinstance(part, ast.Name)]

    def _again(self, kept: str) -> Iterator[str]:
        """Yield the forward loop once more, with a name for each value; kept: what to write down of each turn."""
        for name, begin in self._begins.items():
            yield f"{name}_now = {ast.unparse(begin)}"
        if kept:
            yield "turns = []"
        yield f"for {ast.unparse(self._turn.node.target)} in {ast.unparse(self._turn.node.iter)}:"
        for name in self._turn.carried:
            yield f"    {name}_before = {name}_now"
        for local, expression in self._turn.lines:
            yield f"    {local} = {ast.unparse(expression)}"
        if kept:
            yield f"    turns.append({kept})"

    def _leading_to(self, tensor: str) -> set[str]:
        """Return the values of a turn that the tensor has a part in, in this turn or an earlier one."""
        found: set[str] = set()
        size = -1
        while len(found) > size:
            size = len(found)
            for local, expression in self._turn.lines:
                if _reads(expression, tensor) or found & set(names_in(expression)):
                    found.add(local)
            for name, begin in self._begins.items():
                if f"{name}_now" in found or _reads(begin, tensor):
                    found.add(f"{name}_before")
        return {name for name in found if f"d{name}" in self._names}

    def _start(self, name: str) -> str:
        """Return the gradient of what the last turn makes, as far as it does not come from a list."""
        if name == self._loss:
            return f"torch.ones_like({name})"
        return self._last.get(name) or self._marked.get(name, f"torch.zeros_like({name})")

    def _backwards(self, tensor: str, total: str, leads: set[str], carried: list[str]) -> Iterator[str]:
        """Yield the statements of a turn on the way back."""
        known = {f"{name}_now" for name in carried}
        for name, item in self._items.items():
            local = self._turn.appended[name]
            if local in leads:
                yield _added(local, item, known)
        for local, expression in reversed(self._turn.lines):
            if local not in known or local not in leads:
                continue
            for read in dict.fromkeys([tensor, *names_in(expression)]):
                if read == tensor and _reads(expression, tensor):
                    statements, part = self._derived(local, expression, tensor, f"d{local}")
                    yield from [*statements, f"{total} = {total} + {_bracketed(part)}"]
                elif read in leads and self._names[read].requires_grad:
                    statements, part = self._derived(local, expression, read, f"d{local}")
                    yield from [*statements, _added(read, part, known)]
        for name in carried:
            zero = f"torch.zeros_like({name}_before)"
            yield f"d{name}_now = {f'd{name}_before' if f'{name}_before' in known else zero}"

    def _derived(self, local: str, expression: ast.expr, of: str, upstream: str) -> tuple[list[str], str]:
        line = Assignment(local, tuple(names_in(expression)), f"{local} = {ast.unparse(expression)}")
        return derive_line(line, of, {*self._locals, *self._turning(), *self._marked}, self._names, upstream)

    def _through_beginning(self, name: str, tensor: str, total: str) -> Iterator[str]:
        """Yield the statements by which the gradient goes on into what the loop begins with."""
        begin = self._begins[name]
        if not _reads(begin, tensor):
            return
        with torch.enable_grad():
            value = eval(ast.unparse(begin), dict(self._values))
        names = {**self._names, f"{name}_before": value, f"d{name}_now": torch.zeros_like(value.detach())}
        line = Assignment(f"{name}_before", (), f"{name}_before = {ast.unparse(begin)}")
        statements, part = derive_line(line, tensor, self._marked, names, f"d{name}_now")
        yield from [*statements, f"{total} = {total} + {_bracketed(part)}"]

    def _item(self, name: str, readers: Sequence[Assignment]) -> str:
        """Return the gradient of what a turn appends to a list, from that of the line that reads the list.

        It is "" where only the last of them has one, which then is that of the last turn.
        """
        lines = [line for line in readers if name in line.uses]
        if len(lines) != 1:
            raise GapError(f"the list {name} is read by {len(lines)} lines")
        (line,) = lines
        upstream = None if line.target == self._loss else self._marked[line.target]
        state = self._turn.appended[name].removesuffix("_now")
        last = f"{name}[-1]"
        if last in line.source and state in self._turn.carried and state not in self._marked:
            statements, self._last[state] = derive_line(line, last, {*self._marked, last}, self._values, upstream)
            return ""
        for call in ast.walk(ast.parse(line.source)):
            if not isinstance(call, ast.Call) or not call.args or ast.unparse(call.args[0]) != name:
                continue
            function = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
            if function not in ITEMS:
                break
            whole = ast.unparse(call)
            statements, gradient = derive_line(line, whole, {*self._marked, whole}, self._values, upstream)
            if statements:
                break
            given = [*call.args[1:], *(keyword.value for keyword in call.keywords if keyword.arg in ("dim", "axis"))]
            turn = ast.unparse(self._turn.node.target) if self._turn.is_counted else "at"
            return ITEMS[function].format(gradient, ast.unparse(given[0]) if given else "0", turn, name)
        raise GapError(f"{line.source} makes something else of the list {name} than torch.stack or torch.cat")


def _added(local: str, part: str, known: set[str]) -> str:
    """Return the statement that adds a part to the gradient of a value of the turn."""
    if local in known:
        return f"d{local} = d{local} + {_bracketed(part)}"
    known.add(local)
    return f"d{local} = {part}"


def _short(body: list[str], carried: list[str]) -> list[str]:
    """Return the statements with `dh_now = e` for `dh_before = e; dh_now = dh_before`, where nothing lies between."""
    for name in carried:
        before, now = f"d{name}_before", f"d{name}_now"
        made = [at for at, line in enumerate(body) if line.startswith(f"{before} = ")]
        last = f"{now} = {before}"
        if len(made) == 1 and last in body and not any(now in line for line in body[made[0] + 1 : body.index(last)]):
            body[made[0]] = body[made[0]].replace(before, now, 1)
            body.remove(last)
    return body


def _reads(expression: ast.expr, tensor: str) -> bool:
    return any(isinstance(part, ast.expr) and ast.unparse(part) == tensor for part in ast.walk(expression))


def _bracketed(part: str) -> str:
    node = ast.parse(part, mode="eval").body
    return f"({part})" if isinstance(node, ast.Compare | ast.BoolOp | ast.IfExp) else part
