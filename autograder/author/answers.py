"""The notebooks that a check grades: the solution, the untouched stub, and an author's own right and wrong answers."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.author.layout import BEGIN, END
from autograder.exercise.cells import ExerciseError, nbgrader_info
from autograder.exercise.notebook import ANSWERS, Exercise
from autograder.exercise.stubs import ANY_STUB

MARK = re.compile(r"^# %%[ \t]*(\S+)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class OwnAnswer:
    """An author's own answer. right: whether it must earn all points. cells: sources by the grade_id they replace."""

    path: Path
    right: bool
    cells: Mapping[str, str]


def with_cells(notebook: Any, cells: Mapping[str, str]) -> Any:
    """Return a copy of the notebook with other sources in these cells, by grade_id."""
    changed = copy.deepcopy(notebook)
    for cell in changed.cells:
        grade_id = nbgrader_info(cell).get("grade_id", "")
        if grade_id in cells:
            cell.source = cells[grade_id]
    return changed


def stub_cells(exercise: Exercise, stubs: Mapping[str, str]) -> dict[str, str]:
    """Return the source of every solution cell as students get it. stubs: the lines of exercise/stubs.py."""
    return {
        grade_id: _without_solution(cell.source, stubs.get(grade_id, ANY_STUB))
        for grade_id, cell in exercise.cells.items()
        if nbgrader_info(cell).get("solution") and cell.cell_type == "code"
    }


def _without_solution(source: str, stub: str) -> str:
    """Return the source with the solution region replaced by the stub, indented as the region is."""
    kept: list[str] = []
    inside = False
    for line in source.splitlines():
        if line.strip() == BEGIN:
            inside = True
            kept.append(line[: len(line) - len(line.lstrip())] + stub)
        elif line.strip() == END:
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def own_answers(exercise: Exercise) -> list[OwnAnswer]:
    """Return the author's own answers to this exercise: right_*.py and wrong_*.py in answers/.

    Each has a line `# %% dprobs` before the code that takes the place of the cell dprobs. A file all of whose cells are
    those of another exercise of the assignment is left to that one. Raises ExerciseError.
    """
    found = []
    for path in sorted((exercise.path.parent / ANSWERS).glob("*.py")):
        kind = path.stem.partition("_")[0]
        if kind not in ("right", "wrong"):
            raise ExerciseError(f"{path} is neither right_*.py nor wrong_*.py; rename it")
        text = path.read_text(encoding="utf-8")
        parts = MARK.split(text)
        cells = dict(zip(parts[1::2], (part.strip("\n") for part in parts[2::2]), strict=True))
        if not cells:
            raise ExerciseError(f"{path} names no cell; write a line such as `# %% dx` before each cell's code")
        solutions = {name for name, cell in exercise.cells.items() if nbgrader_info(cell).get("solution")}
        unknown = sorted(cells.keys() - solutions)
        if len(unknown) == len(cells) and len(list(exercise.path.parent.glob("*.ipynb"))) > 1:
            continue
        if unknown:
            raise ExerciseError(f"{path} replaces {unknown[0]}, which is no solution cell of {exercise.path.name}")
        found.append(OwnAnswer(path, kind == "right", cells))
    return found


def answer_of(source: str) -> str:
    """Return what stands between the two marks of a solution cell, dedented; the whole cell where there are none."""
    lines = source.splitlines()
    stripped = [line.strip() for line in lines]
    if BEGIN not in stripped or END not in stripped:
        return source
    return "\n".join(lines[stripped.index(BEGIN) + 1 : stripped.index(END)])


def parses(source: str) -> bool:
    """Return whether the source is plain Python."""
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True
