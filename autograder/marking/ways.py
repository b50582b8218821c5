"""Run the steps of a submission in the way that tells them apart from each other, and compare what they held."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from autograder.dojo.targets import Check, Checks
from autograder.marking.compare import CaseTargets
from autograder.marking.runs import Runs, Upstream, run_cells
from autograder.sandbox.host.received import RunRecord
from autograder.sandbox.messages import Run
from autograder.submission.notebook import Submission
from autograder.submission.split import Apart

Way = Literal["operations", "statements", "cells"]


@dataclass(frozen=True)
class Ways:
    """One submission and the ways of running it over the hidden cases.

    apart: the submission by its statements. count: how many hidden cases there are. skip: indices of the cells that
    are not run, because they ran out of time or ended the process before.
    """

    submission: Submission
    apart: Apart
    sandbox: Runs
    count: int
    skip: Collection[int]

    def way(self, name: str) -> Way:
        """Return the way that tells a step apart from the others."""
        if name in self.apart.mixed:
            return "operations"
        return "statements" if name in self.apart.moved else "cells"

    def by_cell(
        self,
        names: Collection[str],
        runs: Sequence[Run],
        upstream: Upstream | None = None,
        *,
        numerical: bool = False,
    ) -> tuple[RunRecord, ...]:
        """Run the cells as they are, up to the last that makes one of these steps."""
        needed = until(self.submission, names)
        found, _ = run_cells(self.sandbox, needed, runs, self.skip, upstream=upstream, numerical=numerical)
        return found.runs

    def by_statement(
        self, names: Collection[str], runs: Sequence[Run], upstream: Upstream | None = None
    ) -> tuple[RunRecord, ...]:
        """Run the statements one by one, up to the last that makes one of these steps."""
        skip = {index for index, cell in self.apart.cells.items() if cell in self.skip and index == cell}
        return run_cells(self.sandbox, until(self.apart.submission, names), runs, skip, upstream=upstream)[0].runs

    def one_by_one(
        self, way: Way, names: Collection[str], upstream: Upstream, cases: int | None = None
    ) -> tuple[RunRecord, ...]:
        """Run step by step in one way, as far as these steps. cases: how many of the hidden cases; None for all."""
        taped = way == "operations"
        runs = hidden_runs(self.count, stepwise=not taped, taped=taped)[:cases]
        return (self.by_statement if way == "statements" else self.by_cell)(names, runs, upstream)


def hidden_runs(count: int, *, first: int = 1, stepwise: bool = False, taped: bool = False) -> list[Run]:
    """Return one run of each of `count` hidden cases, from case number `first` on."""
    return [Run(case, stepwise, taped) for case in range(first, first + count)]


def until(submission: Submission, names: Collection[str]) -> Submission:
    """Return the submission without the cells that run after the last of these d-variables is recorded."""
    due = [number for number, cell in enumerate(submission.script) if not set(names).isdisjoint(cell.records)]
    return replace(submission, script=submission.script[: max(due, default=-1) + 1])


def compared(cases: Sequence[CaseTargets], runs: Sequence[RunRecord], *, stepwise: bool) -> dict[str, Checks]:
    """Compare every step in one mode; runs: one for each case."""
    public: list[dict[str, Check]] = []
    other: list[dict[str, Check]] = []
    for case, run in zip(cases, runs, strict=True):
        found = (case.step if stepwise else case.end).check(run.values)
        (public if case.public_sizes else other).append(found)
    return {
        name: Checks(tuple(found[name] for found in public), tuple(found[name] for found in other))
        for name in (*public, *other)[0]
    }
