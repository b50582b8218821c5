"""Find what is wrong with the cells of an exercise: their order, ids, points, tags and locks. Nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from autograder.author.finding import Finding, cell_name, error, note, warning
from autograder.exercise.cells import has_tag, is_locked, nbgrader_info
from autograder.exercise.forward import consumers
from autograder.exercise.notebook import Exercise

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
SHAPE = frozenset({"shape", "size", "numel", "dim", "ndim"})
LOCKED_TAGS = ("parameters", "forward", "autograd", "run", "report")
# nbgrader takes any name for an id that a file may have; a d-variable is a name of Python.
KINDS = "solution cells are Autograded answer, check cells Autograder tests, all others Read-only"


def layout_findings(notebook: Any, exercise: Exercise) -> Iterator[Finding]:
    """Yield what is wrong with the cells of an exercise that has been read from this notebook."""
    index = {nbgrader_info(cell).get("grade_id"): number for number, cell in enumerate(notebook.cells)}
    yield from _tags_and_locks(notebook)
    yield from _solutions(notebook, exercise, index)
    for step in exercise.steps:
        check = index[step.check]
        for solution in step.solutions:
            if index[solution] > check:
                yield error(
                    cell_name(notebook, check),
                    f"compares before {cell_name(notebook, index[solution])} has answered; move it below",
                )
        lines = consumers(exercise.assignments, step.tensor) if step.gradient else ()
        lines = tuple(line for line in lines if _reads_numbers(line.source, step.tensor))
        if 1 < len(step.solutions) < len(lines):
            listed = ", ".join(line.target for line in lines)
            yield warning(
                cell_name(notebook, check),
                f"marks {len(step.solutions)} path cells, but {step.tensor} is used by {len(lines)} lines ({listed}); "
                "write a cell for each, or one for all",
            )
        if not step.gradient:
            yield from _value(notebook, step.runs, check, index, step.name, step.solutions)
        if step.points + step.bonus == 0:
            yield note(cell_name(notebook, check), f"{step.label} earns no points; right if it is for practice only")
        if step.gradient and step.name != f"d{step.label}":
            yield warning(
                cell_name(notebook, check),
                f"compares {step.name} under the name '{step.label}'; students look for d{step.label}",
            )
        if step.gradient and step.tensor.isidentifier() and step.label != step.tensor:
            yield warning(
                cell_name(notebook, check),
                f"prints '{step.label}' for the tensor {step.tensor}; write cmp('{step.tensor}', ...)",
            )
    if exercise.max_score == 0:
        yield error("", "all check cells have 0 points, so nothing can be earned; set points in Create Assignment")
    imports = any("dojo" in cell.source for cell in notebook.cells if cell.cell_type == "code")
    if imports and not (exercise.path.parent / "dojo" / "__init__.py").is_file():
        yield error(
            "",
            f"the folder {exercise.path.parent / 'dojo'} is missing, which students need; copy autograder/dojo there",
        )


def _reads_numbers(source: str, tensor: str) -> bool:
    """Return whether a line reads more of a tensor than its shape, which no gradient goes through."""
    tree = ast.parse(source)
    shapes = sum(
        isinstance(node, ast.Attribute) and node.attr in SHAPE and ast.unparse(node.value) == tensor
        for node in ast.walk(tree)
    )
    return sum(isinstance(node, ast.expr) and ast.unparse(node) == tensor for node in ast.walk(tree)) > shapes


def _tags_and_locks(notebook: Any) -> Iterator[Finding]:
    forward = next((i for i, cell in enumerate(notebook.cells) if has_tag(cell, "forward")), len(notebook.cells))
    parameters = [i for i, cell in enumerate(notebook.cells) if has_tag(cell, "parameters")]
    if not parameters:
        yield error("", "no cell has the tag parameters; hidden cases need the sizes and a seed in one")
    if len(parameters) > 1:
        yield error(cell_name(notebook, parameters[1]), "is a second cell with the tag parameters; put all into one")
    for index, cell in enumerate(notebook.cells):
        where, info = cell_name(notebook, index), nbgrader_info(cell)
        for tag in LOCKED_TAGS:
            if has_tag(cell, tag) and not is_locked(cell):
                yield error(where, f"has the tag {tag} but is not locked, so grading leaves it out; make it Read-only")
            if has_tag(cell, tag) and cell.cell_type != "code":
                yield error(where, f"has the tag {tag} but is no code cell; remove the tag or make it code")
        if has_tag(cell, "run") and not info.get("grade_id"):
            yield error(where, "has the tag run but no ID, so grading leaves it out; give it an ID")
        plain = cell.cell_type == "code" and cell.source.strip() and not info.get("solution")
        if index < forward and plain and not is_locked(cell):
            yield error(
                where, "stands before the forward cell and is not locked, so grading leaves it out; make it Read-only"
            )
        if info.get("grade") and info.get("solution") and cell.cell_type == "code":
            yield error(where, f"is a manually graded answer in code, which no step marks; {KINDS}")
        if info.get("grade") and not info.get("locked") and not info.get("solution"):
            yield error(where, f"is a check cell that students can edit; {KINDS}")


def _solutions(notebook: Any, exercise: Exercise, index: dict[Any, int]) -> Iterator[Finding]:
    marked = {solution for step in exercise.steps for solution in step.solutions}
    for grade_id, cell in exercise.cells.items():
        info = nbgrader_info(cell)
        if not info.get("solution") or cell.cell_type != "code" or info.get("grade"):
            continue
        where = cell_name(notebook, index[grade_id])
        if grade_id not in marked:
            answer = grade_id.partition("_path")[0]
            if answer.startswith("d") and answer in _assigned(cell.source):
                tensor = answer.removeprefix("d")
                yield error(where, f"has no check cell; add cmp('{tensor}', {answer}, {tensor}) behind it, with points")
            else:
                yield warning(where, "is marked by no check cell; right if it is for practice only")
        lines = [line.strip() for line in cell.source.splitlines()]
        if lines.count(BEGIN) != 1 or lines.count(END) != 1 or lines.index(BEGIN) > lines.index(END):
            yield error(where, f"needs one line {BEGIN} and one line {END} after it: students would get the answer")
        elif lines.index(END) - lines.index(BEGIN) == 1:
            yield error(where, "has no answer between its two lines; write the solution there")


def _assigned(source: str) -> set[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _value(
    notebook: Any, runs: tuple[str, ...], check: int, index: dict[Any, int], name: str, solutions: tuple[str, ...]
) -> Iterator[Finding]:
    where = cell_name(notebook, check)
    if not runs:
        yield error(where, f"compares {name}, which no cell tagged run makes; add one between the answer and the check")
    for run in runs:
        if index[run] > check or any(index[solution] > index[run] for solution in solutions):
            yield error(
                cell_name(notebook, index[run]), f"makes {name}; it must stand after the answer and before {where}"
            )
