"""Derive the backward pass of a whole forward pass, as the solution cells of an exercise, verified as it is written."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from autograder.author.derive.expression import GapError
from autograder.author.derive.line import derive_line
from autograder.author.draft import Draft
from autograder.author.loops import LoopRule
from autograder.author.marked import marked_tensors
from autograder.cells.namespace import default_dtype
from autograder.dojo.gradients import CutForward, cut_forward, run_forward, through_steps
from autograder.dojo.structure import value_at
from autograder.exercise.forward import reading_paths
from autograder.exercise.lines import Assignment, read
from autograder.exercise.unroll import unroll


@dataclass(frozen=True)
class Cell:
    """A solution cell: the gradient of a tensor through one line, or all of it where there is only one.

    path: its number among those of its tensor, from 1; 0 where there is one. through: the line. gap: why the answer is
    not derived; "" where it is.
    """

    tensor: str
    variable: str
    path: int
    through: Assignment
    answer: str
    gap: str = ""

    @property
    def grade_id(self) -> str:
        """The cell's id."""
        return f"{self.variable}_path{self.path}" if self.path else self.variable


@dataclass(frozen=True)
class Backward:
    """A whole backward pass: its cells in order, the shape of every tensor, and the variable of its gradient."""

    cells: tuple[Cell, ...]
    shapes: Mapping[str, tuple[int, ...]]
    variables: Mapping[str, str]

    def is_last(self, number: int) -> bool:
        """Return whether the tensor of cell `number` has no later cell."""
        tensor = self.cells[number].tensor
        return all(cell.tensor != tensor for cell in self.cells[number + 1 :])


def derive(draft: Draft) -> Backward:
    """Return the backward pass of a draft. Raises what its code raises, ForwardError where the forward pass is none."""
    with torch.random.fork_rng(devices=[]), default_dtype("float64"):
        names: dict[str, Any] = {}
        exec(f"{draft.parameters}\n{draft.setup}", names)
        names.pop("__builtins__", None)
        written = read(draft.forward)
        after = run_forward(names, (Assignment("", (), draft.forward),))
        marked = marked_tensors(names, after, written)
        lines = unroll(draft.forward, after)
        cut = cut_forward(names, lines, list(marked))
        upstream = {name: torch.randn_like(leaf.detach()) for name, leaf in cut.leaves.items()}
        parts = through_steps(cut, upstream).paths
    written = reading_paths(written, [name for name in marked if not name.isidentifier()])
    values = _values(names, after, marked, upstream)
    cells: list[Cell] = []
    seen: set[str] = set()
    whole, made = _with_containers_written_out(written, after)
    for number, (line, original) in reversed(list(enumerate(zip(whole, written, strict=True)))):
        if line.target in seen:  # a loop assigns it again, and its gradient is that of the last turn
            continue
        seen.add(line.target)
        if line.is_loop:
            own = {each.target for each in written if each.source == line.source}
            if seen.isdisjoint(own - {line.target}):
                cells += _of_loop(number, written, marked, values, parts, cut.loss)
            continue
        for tensor in dict.fromkeys(line.uses):
            if tensor in marked and line.target in parts[tensor]:
                through = parts[tensor][line.target]
                cell = _cell(
                    line, tensor, marked[tensor], values, through, _by_rules(line, tensor, marked, values, cut)
                )
                cells.append(replace(cell, through=original, answer=_by_name(cell.answer, made)))
    shapes = {name: tuple(value_at(after, name).shape) for name in (*marked, cut.loss)}
    return Backward(tuple(_numbered(cells)), shapes, marked)


def _of_loop(
    number: int,
    written: Sequence[Assignment],
    marked: Mapping[str, str],
    values: Mapping[str, Any],
    parts: Mapping[str, Mapping[str, torch.Tensor]],
    loss: str,
) -> list[Cell]:
    """Return a cell for each tensor whose gradient comes back through the loop that ends with line `number`."""
    loop, later = written[number], written[number + 1 :]
    own = [line.target for line in written if line.source == loop.source]
    begins = _begins(written[:number])
    entered = {name for name in own if name in marked or name == loss}
    entered |= {line.target for line in later if (set(own) - marked.keys()) & set(line.uses)}
    target = next((name for name in own if name in marked), loop.target)
    reads = {*loop.uses, *(name for name in begins if name in own)}
    reads |= {part.id for name in own if name in begins for part in _names(begins[name])}
    cells = []
    for tensor in reversed(list(marked)):
        found = [part for name, part in parts[tensor].items() if name in entered]
        if not found or not {tensor, tensor.partition("[")[0].partition(".")[0]} & reads:
            continue

        def derived(tensor: str = tensor) -> str:
            return LoopRule(loop.source, begins, later, marked, values, loss).answer(tensor, marked[tensor])

        truth = torch.stack(found).sum(0)
        cells.append(_cell(replace(loop, target=target), tensor, marked[tensor], values, truth, derived))
    return cells


def _begins(before: Sequence[Assignment]) -> dict[str, ast.expr]:
    nodes = {line.target: ast.parse(line.source).body[0] for line in before if not line.is_loop}
    return {name: node.value for name, node in nodes.items() if isinstance(node, ast.Assign)}


def _by_rules(
    line: Assignment, tensor: str, marked: Mapping[str, str], values: Mapping[str, Any], cut: CutForward
) -> Callable[[], str]:
    def derived() -> str:
        upstream = None if line.target == cut.loss else marked[line.target]
        statements, expression = derive_line(line, tensor, marked, values, upstream)
        return "\n".join([*statements, f"{marked[tensor]} = {expression}"])

    return derived


def _by_name(answer: str, made: Mapping[str, ast.expr]) -> str:
    """Return an answer that reads a tuple of the forward pass by its name, not by the call that makes it."""
    for name, expression in made.items():
        answer = answer.replace(ast.unparse(expression), name)
    return answer


def _with_containers_written_out(
    written: Sequence[Assignment], after: Mapping[str, Any]
) -> tuple[list[Assignment], dict[str, ast.expr]]:
    """Return the lines with the tuples and lists that they make, as in `top.values`, written out; and those by name.

    What comes back through a tuple comes back to the tensors that its line reads.
    """
    looped = {line.target for line in written if line.is_loop}
    made: dict[str, ast.expr] = {}
    found = []

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return made.get(node.id, node) if isinstance(node.ctx, ast.Load) else node

    for line in written:
        node = ast.parse(line.source).body[0]
        if isinstance(node, ast.Assign) and made.keys() & set(line.uses):
            filled = Fill().visit(node)
            uses = [name for name in line.uses if name not in made]
            uses += [part.id for name in line.uses if name in made for part in _names(made[name])]
            line = Assignment(line.target, tuple(dict.fromkeys(uses)), ast.unparse(filled))
            node = filled
        value = after.get(line.target)
        if isinstance(node, ast.Assign) and isinstance(value, tuple | list | dict) and line.target not in looped:
            made[line.target] = node.value
        found.append(line)
    return found, made


def _names(node: ast.expr) -> list[ast.Name]:
    return [part for part in ast.walk(node) if isinstance(part, ast.Name)]


def _values(
    names: Mapping[str, Any], after: Mapping[str, Any], marked: Mapping[str, str], upstream: Mapping[str, torch.Tensor]
) -> dict[str, Any]:
    return {"torch": torch, **names, **after, **{marked[name]: gradient for name, gradient in upstream.items()}}


def _cell(
    line: Assignment,
    tensor: str,
    variable: str,
    values: Mapping[str, Any],
    truth: torch.Tensor,
    derived: Callable[[], str],
) -> Cell:
    """Return the cell of a tensor's gradient through a line. Its answer is derived, and verified, or a marked gap."""
    try:
        with default_dtype("float64"):
            answer = derived()
            found = _run(answer, variable, values)
            if not isinstance(found, torch.Tensor):  # as of total in `loss = total / n`
                answer = f"{variable} = torch.full_like({tensor}, {answer.removeprefix(f'{variable} = ')})"
                found = _run(answer, variable, values)
        if found.shape != truth.shape or not torch.allclose(found.double(), truth.double(), rtol=1e-9, atol=1e-12):
            raise GapError("what the rules derive has other numbers than autograd")
    except Exception as error:  # a rule may have met an argument that it does not know
        said = str(error) if isinstance(error, GapError) else f"{type(error).__name__}: {error}"
        return Cell(tensor, variable, 0, line, f"{variable} = torch.zeros_like({tensor})  # GAP: derive this", said)
    return Cell(tensor, variable, 0, line, answer)


def _run(answer: str, variable: str, values: Mapping[str, Any]) -> Any:
    names = {k: v.detach() if isinstance(v, torch.Tensor) else v for k, v in values.items()}
    with torch.no_grad():
        exec(answer, names)
    return names[variable]


def _numbered(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells with path numbers where a tensor has several, each later one adding to those before."""
    found = []
    for number, cell in enumerate(cells):
        own = [at for at, other in enumerate(cells) if other.tensor == cell.tensor]
        if len(own) == 1:
            found.append(cell)
            continue
        path, answer = own.index(number) + 1, cell.answer
        if path > 1:
            head = f"{cell.variable} = "
            *before, last = answer.split("\n")
            answer = "\n".join([*before, f"{head}{cell.variable} + {_bracketed(last.removeprefix(head))}"])
        found.append(Cell(cell.tensor, cell.variable, path, cell.through, answer, cell.gap))
    return found


def _bracketed(expression: str) -> str:
    node = ast.parse(expression, mode="eval").body
    loose = isinstance(node, ast.Compare) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd))
    return f"({expression})" if loose else expression
