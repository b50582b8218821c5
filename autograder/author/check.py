"""Everything that an author must know of an exercise before it is released, cheapest first."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat

from autograder.author.answers import stub_cells, with_cells
from autograder.author.early import no_gradient
from autograder.author.finding import Finding, Level, cell_name, error, has_errors
from autograder.author.graded import graded_findings
from autograder.author.layout import layout_findings
from autograder.author.order import order_findings
from autograder.author.released import released_findings
from autograder.author.run_through import run_findings
from autograder.author.seeds import SEEDS, seed_findings
from autograder.author.setup_code import setup_findings
from autograder.author.solve import script_of
from autograder.author.told_apart import told_apart
from autograder.cells.errors import SetupError
from autograder.course.folder import CASES
from autograder.course.open_grader import Course, open_grader
from autograder.exercise.cells import nbgrader_info
from autograder.exercise.notebook import Exercise, ExerciseError, exercise_from_notebook, is_ordinary
from autograder.exercise.stubs import stubs
from autograder.reference.compute import forward_shapes
from autograder.reference.setup import in_folder, setups


@dataclass(frozen=True)
class Checked:
    """What was found in one exercise. summary: one line on what was tried."""

    path: Path
    findings: tuple[Finding, ...]
    summary: str

    @property
    def passes(self) -> bool:
        """Whether it may be released."""
        return not has_errors(self.findings)


def check_exercise(path: Path, course: Course, generated: Path | None = None) -> Checked:
    """Check the exercise at `path` with the cases of the course. Never raises for what is wrong with the exercise.

    generated: the folder of generated assignments, where they are to be released.
    """
    started = time.perf_counter()
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as fault:
        return Checked(path, (error("", f"is not a notebook: {str(fault).splitlines()[0]}"),), "not checked")
    if is_ordinary(notebook):
        return Checked(path, (), "nbgrader's own, without a forward pass: nothing to check")
    found: list[Finding] = []
    counts = ""
    try:
        exercise = exercise_from_notebook(notebook, path.absolute())  # cells run in its folder
        found += [*layout_findings(notebook, exercise), *setup_findings(notebook, exercise)]
        counts = f"{len(exercise.steps)} steps, {exercise.max_score:g} points"
        tried = _by_running(found, notebook, exercise, course, generated)
        counts += f", {tried} usual mistakes tried, {SEEDS} seeds" if tried else ""
    except (ExerciseError, SetupError) as fault:
        found.append(error("", str(fault).removeprefix(f"{path.absolute()}: ")))
    except Exception as fault:  # the answers are run in many ways, and may raise anything in one of them
        said = str(fault).partition("\n")[0]
        found.append(error("", f"its cells fail when they are run step by step: {type(fault).__name__}: {said}"))
    errors = sum(finding.level is Level.ERROR for finding in found)
    word = f"{errors} error{'' if errors == 1 else 's'}" if errors else "may be released"
    said = ", ".join(filter(None, (counts, word, f"{time.perf_counter() - started:.1f} s")))
    return Checked(path, tuple(dict.fromkeys(_with_cell(finding, notebook) for finding in found)), said)


def _with_cell(finding: Finding, notebook: Any) -> Finding:
    """Return the finding with the number of the cell where it has an id only."""
    for index, cell in enumerate(notebook.cells):
        if finding.where and nbgrader_info(cell).get("grade_id") == finding.where:
            return replace(finding, where=cell_name(notebook, index))
    return finding


def _by_running(found: list[Finding], notebook: Any, exercise: Exercise, course: Course, generated: Path | None) -> int:
    """Add what running the exercise shows to `found`; return how many usual mistakes were tried.

    Raises ExerciseError, SetupError.
    """
    with open_grader(course, exercise) as grader:
        lines = stubs(exercise, forward_shapes(exercise))
        if generated is not None:
            found += released_findings(exercise, lines, generated.absolute() / exercise.path.parent.name)
        found += graded_findings(notebook, exercise, grader, lines)
        with setups(exercise) as setup:
            found += no_gradient(notebook, exercise, setup)
        found += run_findings(notebook, exercise)
        found += run_findings(with_cells(notebook, stub_cells(exercise, lines)), exercise, untouched=True)
        if has_errors(found):
            return 0  # what follows would only say the same again
        script = script_of(notebook, exercise)
        found += seed_findings(exercise, script, course.kept / CASES)
        with in_folder(exercise) as shell:
            found += order_findings(exercise, script, grader.references.hidden[-1], shell)
            apart = told_apart(exercise, script, grader, shell)
    found += apart.findings
    return apart.tried
