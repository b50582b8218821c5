"""Is an answer wrong? Decided by autograd on small cases of an exercise's own setup, of sizes that no grader has.

It knows no network: the exercise's cells are run here with other parameters. Step by step is done once more, without
the grader's code: statement by statement of the forward pass.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import functools
import importlib
import io
import random
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import torch

from autograder.exercise.notebook import Exercise, nbgrader_info, read_exercise
from autograder.marking.grader import Grader
from autograder.marking.result import SubmissionResult
from autograder.submission.notebook import submission_from_notebook
from tests.marks.notebooks import ROOT
from tests.marks.wrong_answers import (
    CHANGES,
    Mutation,
    _changes_in_place,
    _copied,
    _float64,
    _other_tensor,
    _replaced,
    _statements,
    _transpose,
    _whole_value,
    is_off,
)

EACH = 14  # mutations kept of each d-variable, at most, where an exercise has many
IN_ALL = 120  # and where it has few


@dataclass(frozen=True)
class Answers:
    """An exercise with the answers that tests/marks/answers has for it."""

    assignment: str
    name: str

    def _written(self, kind: str) -> Any:
        return getattr(importlib.import_module(f"tests.marks.answers.{self.assignment}"), kind)[self.name]

    @property
    def right(self) -> Mapping[str, list[str]]:
        """Right code by solution cell."""
        return self._written("RIGHT")

    @property
    def wrong(self) -> Mapping[str, list[str]]:
        """Wrong code by solution cell."""
        return self._written("WRONG")

    @functools.cached_property
    def exercise(self) -> Exercise:
        return read_exercise(ROOT / "solutions" / self.assignment / f"{self.name}.ipynb")

    @functools.cached_property
    def notebook(self) -> Any:
        return nbformat.read(self.exercise.path, as_version=4)

    @functools.cached_property
    def solutions(self) -> dict[str, str]:
        """The solution cells of the marked steps, without their markers, in order."""
        marked = {part for step in self.exercise.steps for part in step.solutions}
        return {
            grade_id: "\n".join(line for line in cell.source.splitlines() if "### " not in line)
            for grade_id, cell in self.exercise.cells.items()
            if grade_id in marked
        }

    def step_of(self, cell: str) -> str:
        """The d-variable of a solution cell."""
        return next(step.name for step in self.exercise.steps if cell in step.solutions)

    def cells_with(self, cell: str, code: str) -> dict[str, str]:
        """All cells of a cell's d-variable, this one as given, the others as in the solution."""
        own = next(step.solutions for step in self.exercise.steps if cell in step.solutions)
        return {other: code if other == cell else self.solutions[other] for other in own}

    def grade(self, grader: Grader, cells: Mapping[str, str]) -> SubmissionResult:
        """Grade the solution with these cells in place of its own."""
        notebook = copy.deepcopy(self.notebook)
        written = self.solutions | dict(cells)
        for cell in notebook.cells:
            grade_id = nbgrader_info(cell).get("grade_id", "")
            if grade_id in written:
                cell.source = written[grade_id]
        return grader.grade("s", lambda: submission_from_notebook(notebook, grader.exercise))

    @functools.cached_property
    def judges(self) -> tuple[Judge, ...]:
        return tuple(Judge(self, sizes) for sizes in self._written("SIZES"))

    def is_wrong(self, cell: str, code: str) -> bool:
        """Whether every case says so."""
        return all(judge.is_wrong(self.cells_with(cell, code), self.step_of(cell)) for judge in self.judges)

    @functools.cached_property
    def mutations(self) -> tuple[Mutation, ...]:
        """Single changes to right answers, distinct and proved wrong on every case."""
        source, kept = random.Random(4), []
        each = max(EACH, IN_ALL // len(self.exercise.steps))
        shapes = self.judges[0].shapes
        for step in self.exercise.steps:
            found: dict[str, Mutation] = {}
            for cell in step.solutions:
                plain = [code for code in self.right[cell] if ".numpy" not in code and "float" not in code]
                for code in (self.solutions[cell], *plain):
                    for kind, mutant in _mutants(code, step.name, shapes):
                        # What changes another tensor in place is wrong in more than its own step.
                        if not _changes_in_place(mutant) & (shapes.keys() - {step.name}):
                            found.setdefault(mutant, Mutation(kind, cell, mutant))
            order = list(found.values())
            source.shuffle(order)
            own: list[Mutation] = []
            for mutation in order:
                if len(own) < each and self.is_wrong(mutation.cell, mutation.code):
                    own.append(mutation)
            kept += own
        return tuple(kept)


def _mutants(code: str, name: str, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[str, str]]:
    """Every single change to the code, and what kind it is. shapes: of the tensors that it may name."""
    tree = ast.parse(code)
    for number, node in enumerate(part for part in ast.walk(tree) if isinstance(part, ast.expr)):
        for change in CHANGES:
            if change not in (_transpose, _other_tensor):  # they know the tensors of exercise 1 only
                for kind, new in change(node):
                    yield kind, _replaced(tree, number, new)
        match node:
            case ast.Attribute(inner, "T" | "mT"):
                yield "transposed", _replaced(tree, number, inner)
            case ast.Name(own, ast.Load()) if own in shapes:
                if len(shapes[own]) == 2:
                    yield "transposed", _replaced(tree, number, ast.Attribute(node, "T", ast.Load()))
                for other, shape in shapes.items():
                    if other != own and shape == shapes[own]:
                        yield "another tensor", _replaced(tree, number, ast.Name(other, ast.Load()))
    yield from _statements(code)
    yield from _whole_value(code, name)


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[None]:
    """Run where a notebook runs: in its folder, from which it imports; its dojo is forgotten."""
    modules = set(sys.modules)
    sys.path.insert(0, str(path.parent))
    try:
        with contextlib.chdir(path.parent):
            yield
    finally:
        sys.path.remove(str(path.parent))
        for module in set(sys.modules) - modules:
            if module.partition(".")[0] == "dojo":
                del sys.modules[module]


class Judge:
    """One small case: true gradients, random upstream ones, and what those make of each step."""

    def __init__(self, answers: Answers, sizes: Mapping[str, int]) -> None:
        self._answers = answers
        exercise = answers.exercise
        given = exercise.autograd.given
        self._variables = {step.name: step.tensor for step in exercise.gradients} | dict(given)
        names: dict[str, Any] = {}
        with _float64(), _beside(exercise.path), contextlib.redirect_stdout(io.StringIO()):
            for number, source in enumerate(exercise.setup, start=1):
                exec(source, names)
                if number == exercise.parameters:
                    names.update(sizes)
            before = dict(names)
            exec(exercise.forward, names)
            true = torch.autograd.grad(names["loss"], [names[tensor] for tensor in self._variables.values()])
            self.true = dict(zip(self._variables, true, strict=True))
            generator = torch.Generator().manual_seed(sum(sizes.values()))
            self.random = {name: torch.randn(g.shape, generator=generator) for name, g in self.true.items()}
            self.stepwise = {name: self._step(before, names, tensor) for name, tensor in self._variables.items()}
        self.values = {key: v.detach() if isinstance(v, torch.Tensor) else v for key, v in names.items()}
        tensors = {key: value for key, value in self.values.items() if isinstance(value, torch.Tensor)}
        self.shapes = {key: tuple(value.shape) for key, value in (tensors | self.true).items()}
        self._before = {id(upstream): self._before_cells(upstream) for upstream in (self.true, self.random)}

    def _step(self, before: Mapping[str, Any], after: Mapping[str, Any], tensor: str) -> torch.Tensor:
        """What reaches a tensor from random gradients of the marked ones that are computed from it."""
        leaf = after[tensor].detach().clone().requires_grad_()
        marked = {other: name for name, other in self._variables.items()}
        names = {k: v.detach() if isinstance(v, torch.Tensor) else v for k, v in before.items()}
        names |= {tensor: leaf} if tensor in before else {}
        total = torch.zeros(())
        for statement in ast.parse(self._answers.exercise.forward).body:
            made = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
            exec(compile(ast.Module([statement], []), "<forward>", "exec"), names)
            for name in made & (marked.keys() | {"loss"}):
                if name == tensor:
                    names[name] = leaf
                    continue
                upstream = torch.ones(()) if name == "loss" else self.random[marked[name]]
                # A mask's minus infinity is no part of a derivative.
                total = total + (names[name] * upstream).nan_to_num(neginf=0.0, posinf=0.0).sum()
                names[name] = after[name].detach()
        return torch.autograd.grad(total, leaf)[0]

    def _before_cells(self, upstream: Mapping[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
        """The d-variables that there are before each cell of the solution, with these once each is complete."""
        last = {step.name: step.solutions[-1] for step in self._answers.exercise.gradients}
        names = {key: _copied(value) for key, value in self.values.items()}
        names |= {name: gradient.clone() for name, gradient in upstream.items() if name not in last}
        found = {}
        with _float64():
            for cell, code in self._answers.solutions.items():
                found[cell] = {name: names[name].clone() for name in self._variables if name in names}
                exec(code, names)
                name = self._answers.step_of(cell)
                if last[name] == cell:
                    names[name] = upstream[name].clone()
        return found

    def is_wrong(self, cells: Mapping[str, str], name: str) -> bool:
        """Whether these cells are wrong both with true and with random gradients in place of the earlier ones.

        Where the true gradient is zero, true ones prove nothing.
        """
        by_step = self._differs(cells, name, self.random, self.stepwise[name])
        zero = float(self.true[name].abs().max()) < 1e-12
        return by_step and (zero or self._differs(cells, name, self.true, self.true[name]))

    def _differs(
        self, cells: Mapping[str, str], name: str, upstream: Mapping[str, torch.Tensor], truth: torch.Tensor
    ) -> bool:
        with _float64():
            names = {key: _copied(value) for key, value in self.values.items()}
            for cell, code in cells.items():
                there = self._before[id(upstream)][cell]
                names |= {other: there[other].clone() for other in there if other != name}
                with contextlib.suppress(Exception):
                    exec(compile(code, cell, "exec"), names)
            return is_off(names.get(name), truth)
