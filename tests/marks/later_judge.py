"""Is an answer to exercises 2, 3 and 4 wrong? Decided by autograd on small cases that the grader does not know."""

from __future__ import annotations

import contextlib
import copy
import functools
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import torch
import torch.nn.functional as F  # noqa: N812

from autograder.exercise.notebook import Exercise, nbgrader_info, read_exercise
from autograder.marking.grader import Grader
from autograder.marking.result import SubmissionResult
from autograder.submission.notebook import submission_from_notebook
from tests.marks.later_answers import RIGHT
from tests.marks.notebooks import ROOT
from tests.marks.wrong_answers import MARGIN, Mutation, _copied, _float64, _mutants, is_off

UPDATE = "update"
EACH = 40  # mutations kept of each solution cell, at most


@functools.cache
def exercise(name: str) -> Exercise:
    return read_exercise(ROOT / "solutions" / "backprop" / f"{name}.ipynb")


@functools.cache
def _notebook(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def solutions(name: str) -> dict[str, str]:
    """The solution cells of the marked steps, without their markers."""
    marked = {part for step in exercise(name).steps for part in step.solutions}
    return {
        grade_id: "\n".join(line for line in cell.source.splitlines() if "### " not in line)
        for grade_id, cell in exercise(name).cells.items()
        if grade_id in marked
    }


def step_of(name: str, cell: str) -> str:
    """The name under which the cell's step is marked."""
    return next(step.name for step in exercise(name).steps if cell in step.solutions)


def grade(grader: Grader, cells: Mapping[str, str]) -> SubmissionResult:
    """Grade the solution with these cells in place of its own; what is not marked is left empty."""
    notebook = copy.deepcopy(_notebook(grader.exercise.path))
    written = solutions(grader.exercise.name) | dict(cells)
    for cell in notebook.cells:
        if nbgrader_info(cell).get("solution"):
            cell.source = written.get(nbgrader_info(cell)["grade_id"], "")
    return grader.grade("s", lambda: submission_from_notebook(notebook, grader.exercise))


class Judge:
    """One small case of an exercise: true gradients, random upstream ones and what those make of each step."""

    def __init__(self, name: str, seed: int, n: int, hidden: int, width: int, block: int, vocab: int) -> None:
        self.lines = exercise(name).assignments
        given = exercise(name).autograd.given
        self.tensors = [step.tensor for step in exercise(name).gradients] + list(given.values())
        with _float64():
            generator = torch.Generator().manual_seed(seed)
            randn = functools.partial(torch.randn, generator=generator)
            self.plain: dict[str, Any] = {
                **{"n": n, "batch_size": n, "n_hidden": hidden, "n_embd": width, "block_size": block},
                "vocab_size": vocab,
                "torch": torch,
                "F": F,
                "Xb": torch.randint(vocab, (n, block), generator=generator),
                "Yb": torch.randint(vocab, (n,), generator=generator),
            }
            start = {
                "C": randn(vocab, width),
                "W1": randn(width * block, hidden) * 0.3,
                "b1": randn(hidden) * 0.1,
                "W2": randn(hidden, vocab) * 0.2,
                "b2": randn(vocab) * 0.1,
                "bngain": randn(1, hidden) * 0.1 + 1,
                "bnbias": randn(1, hidden) * 0.1,
            }
            names = {**self.plain, **{key: tensor.requires_grad_() for key, tensor in start.items()}}
            for line in self.lines:
                exec(line.source, names)
            values = {key: names[key] for key in (*start, *(line.target for line in self.lines))}
            true = torch.autograd.grad(names["loss"], [values[tensor] for tensor in self.tensors])
            self.true = {f"d{tensor}": gradient for tensor, gradient in zip(self.tensors, true, strict=True)}
            self.values = {key: value.detach() for key, value in values.items()}
            self.random = {f"d{tensor}": randn(self.values[tensor].shape) for tensor in self.tensors}
            self.stepwise = {f"d{tensor}": self._step(tensor) for tensor in self.tensors}
            self.parameters = [self.values[name] for name in start]
            self.gradients = [randn(p.shape) for p in self.parameters]

    def _step(self, tensor: str) -> torch.Tensor:
        """What reaches a tensor from random gradients of the marked ones that are computed from it."""
        leaf = self.values[tensor].clone().requires_grad_()
        names, moved, total = {**self.plain, **self.values, tensor: leaf}, {tensor}, torch.zeros(())
        for line in self.lines:
            if line.target == tensor or moved.isdisjoint(line.uses):
                continue
            exec(line.source, names)
            if f"d{line.target}" in self.random or line.target == "loss":
                total = total + (names[line.target] * self.random.get(f"d{line.target}", torch.ones(()))).sum()
                names[line.target] = self.values[line.target]
            else:
                moved.add(line.target)
        return torch.autograd.grad(total, leaf)[0]

    def is_wrong(self, cell: str, code: str) -> bool:
        """Whether it is wrong with true gradients and with random ones; of db1, which is zero, with random ones."""
        if cell == UPDATE:
            return self._updates_wrongly(code)
        by_step = self._differs(cell, code, self.random, self.stepwise[cell])
        zero = self.true[cell].abs().max() < 1e-12
        return by_step and (bool(zero) or self._differs(cell, code, self.true, self.true[cell]))

    def _differs(self, name: str, code: str, upstream: Mapping[str, torch.Tensor], truth: torch.Tensor) -> bool:
        with _float64():
            known = {**self.plain, **self.values, **{d: value for d, value in upstream.items() if d != name}}
            names = {key: _copied(value) for key, value in known.items()}
            with contextlib.suppress(Exception):
                exec(compile(code, name, "exec"), names)
            return is_off(names.get(name), truth)

    def _updates_wrongly(self, code: str) -> bool:
        with _float64():
            # An update that changes the notebook's own parameters must not change what later answers are judged by.
            names: dict[str, Any] = {key: _copied(value) for key, value in {**self.plain, **self.values}.items()}
            for lr in (0.1, 0.037):
                mine = [p.clone() for p in self.parameters]
                with contextlib.suppress(Exception):
                    exec(compile(code, UPDATE, "exec"), names)
                try:
                    names[UPDATE](mine, [g.clone() for g in self.gradients], lr)
                except Exception:
                    return True
                right = [p - lr * g for p, g in zip(self.parameters, self.gradients, strict=True)]
                if any((p - q).abs().max() > MARGIN for p, q in zip(mine, right, strict=True)):
                    return True
        return False


@functools.cache
def judges(name: str) -> tuple[Judge, ...]:
    return (
        Judge(name, 5, n=11, hidden=7, width=5, block=4, vocab=13),
        Judge(name, 6, n=9, hidden=17, width=8, block=3, vocab=13),
    )


@functools.cache
def mutations(name: str) -> tuple[Mutation, ...]:
    """Single changes to right answers, distinct and proved wrong by every judge; at most EACH of a cell."""
    kept: list[Mutation] = []
    source = random.Random(4)
    for cell, solution in solutions(name).items():
        plain = [code for code in RIGHT[name][cell] if ".numpy" not in code and "float" not in code]
        found: dict[str, Mutation] = {}
        for code in (solution, *plain):
            for kind, mutant in _mutants(code, cell):
                # What changes an upstream gradient in place is wrong in more than its own step.
                if "dhpreact *=" not in mutant:
                    found.setdefault(mutant, Mutation(kind, cell, mutant))
        order = list(found.values())
        source.shuffle(order)
        for mutation in order:
            if sum(m.cell == cell for m in kept) == EACH:
                break
            if all(judge.is_wrong(cell, mutation.code) for judge in judges(name)):
                kept.append(mutation)
    return tuple(kept)
