"""Read a submitted notebook into the cells to run and the moments at which a gradient is recorded."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from autograder.exercise.notebook import Cell, Exercise, has_tag, nbgrader_info
from autograder.sandbox.messages import ScriptCell

# A notebook without outputs is some 100 kB; a hundred times a heavily plotted one is still below this.
MAX_NOTEBOOK_BYTES = 64 * 2**20
# Values in its JSON; each becomes an object of some hundred bytes, so a file that is nothing else would fill memory.
MAX_PARTS = 2_000_000
# Code is parsed here too, and a syntax tree takes a thousand times as much; an honest notebook has some 20 kB.
MAX_CELLS, MAX_CODE = 5_000, 2**18
MAX_SAID = 120  # characters of what a report cell printed


class UnreadableError(ValueError):
    """The file is not a notebook that can be graded; the message tells the student what to do."""


@dataclass(frozen=True)
class Submission:
    """A student's cells as a script, and what was noticed on the way.

    sources: for each d-variable, the code of its own solution cells as submitted.
    indices: for each d-variable, the places of those cells in the notebook; for a value, of the run cells too.
    flags: sentences for the instructor, such as a check cell that was edited.
    """

    script: tuple[ScriptCell, ...]
    sources: dict[str, tuple[str, ...]]
    indices: dict[str, tuple[int, ...]]
    flags: tuple[str, ...]


def read_submission(path: Path, exercise: Exercise) -> Submission:
    """Read a submitted notebook. Raises UnreadableError for whatever is not one; never blocks on a fifo."""
    try:
        opened = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115
    except OSError as error:
        if error.errno == errno.ELOOP:  # what O_NOFOLLOW says of a link
            raise UnreadableError(f"{path.name} is a link; submit the notebook itself, as a plain file") from None
        raise UnreadableError(f"{path.name} cannot be opened ({error.strerror}); submit it as a plain file") from None
    with opened as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError(f"{path.name} is not a plain file; submit the notebook itself")
        if status.st_size > MAX_NOTEBOOK_BYTES:
            size = status.st_size // 2**20
            raise UnreadableError(
                f"{path.name} has {size} MB, the limit is {MAX_NOTEBOOK_BYTES // 2**20} MB; "
                "clear its outputs (Edit > Clear Outputs of All Cells) and submit again"
            )
        content = file.read(MAX_NOTEBOOK_BYTES)
    if sum(map(content.count, (b"{", b"[", b","))) > MAX_PARTS:
        raise UnreadableError(
            f"{path.name} has millions of values; "
            "clear its outputs (Edit > Clear Outputs of All Cells) and submit again"
        )
    try:
        notebook = _parsed(content)
        valid = isinstance(notebook.cells, list) and all(_usable(cell) for cell in notebook.cells)
    except Exception as error:  # nbformat raises far more than its own errors: KeyError, TypeError, RecursionError
        raise UnreadableError(
            f"{path.name} is not a Jupyter notebook ({type(error).__name__}); open it in Jupyter, save and submit again"
        ) from None
    if not valid:
        raise UnreadableError(f"{path.name} has broken cells; open it in Jupyter, save and submit again")
    return submission_from_notebook(notebook, exercise)


def _parsed(content: bytes) -> nbformat.NotebookNode:
    """nbformat.reads without what takes most of its time and has no consequence here: it validates and converts all."""
    text = content.decode("utf-8")
    read = json.loads(text)
    if read["nbformat"] != 4:
        return nbformat.convert(nbformat.reader.reads(text), 4)
    cells = read["cells"]
    if isinstance(cells, list):
        cells = [nbformat.NotebookNode(cell) for cell in cells]
        for cell in cells:
            if isinstance(cell.source, list):  # of lines
                cell.source = "".join(cell.source)
    return nbformat.NotebookNode(cells=cells)


def _open_without_waiting(path: str, flags: int) -> int:
    """For `open`: a fifo does not block, and a link is not followed."""
    return os.open(path, flags | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))


def submission_from_notebook(notebook: Any, exercise: Exercise) -> Submission:
    """The script of a notebook that has been read already. Raises UnreadableError where it holds far too much code.

    Locked cells are never run from a submission: the exercise's own have run before, and those tagged `run` are
    run at their place, or at the end where a submission has lost them. They are known by their grade_id, by the
    `autograd` tag or, where the metadata is lost, by their text. Of two cells with one id the last counts, as in
    nbgrader, and the other is an ordinary cell. What a locked cell tagged `report` has printed in the submitted
    notebook is passed on to the instructor: nothing depends on it.
    """
    locked_sources = {source.strip() for source in exercise.locked.values()}
    seen: dict[str, int] = {}
    runs: list[tuple[int, str]] = []
    flags: list[str] = []
    for index, cell in enumerate(notebook.cells):
        grade_id = nbgrader_info(cell).get("grade_id")
        if isinstance(grade_id, str) and grade_id in exercise.cells:
            if grade_id in seen:
                flags.append(f"two cells have the id {grade_id}")
            seen[grade_id] = index
    ids = {index: grade_id for grade_id, index in seen.items()}
    for index, cell in enumerate(notebook.cells):
        known = ids.get(index)
        if known in exercise.locked:
            if cell.source.strip() != exercise.locked[known].strip():
                flags.append(f"the locked cell {known} was edited; the original was used")
            if known in exercise.runs:
                runs.append((index, exercise.runs[known]))
            if known in exercise.reports and (said := _said(cell)):
                flags.append(f"its notebook says, not checked: {said}")
            continue
        # nbgrader turns a known cell back into the type that it was released with.
        cell_type = cell.cell_type if known is None else exercise.cells[known].cell_type
        if cell_type != "code" or has_tag(cell, "autograd") or cell.source.strip() in locked_sources:
            continue
        runs.append((index, cell.source))
    code = sum(len(source) for _, source in runs)
    if len(runs) > MAX_CELLS or code > MAX_CODE:
        raise UnreadableError(
            f"the notebook has {len(runs)} code cells with {code // 1000} kB, the limits are {MAX_CELLS} and "
            f"{MAX_CODE // 1000} kB; take out what the exercise does not need and submit again"
        )
    flags += [f"the check cell {step.check} is missing" for step in exercise.steps if step.check not in seen]
    for grade_id in exercise.runs.keys() - seen.keys():
        seen[grade_id] = len(notebook.cells) + len(runs)
        runs.append((seen[grade_id], exercise.runs[grade_id]))
    parts = {step.name: (*step.solutions, *(() if step.gradient else exercise.runs)) for step in exercise.steps}
    moments = {step.name: _moment((*parts[step.name], step.check), seen) for step in exercise.steps}
    return Submission(
        script=_script(runs, moments),
        sources={
            step.name: tuple(notebook.cells[seen[s]].source for s in step.solutions if s in seen)
            for step in exercise.steps
        },
        indices={name: tuple(seen[part] for part in own if part in seen) for name, own in parts.items()},
        flags=tuple(flags),
    )


def _said(cell: Cell) -> str:
    """The first line that a cell of the submitted notebook has printed; empty where there is none."""
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        text = output.get("text") if isinstance(output, dict) and output.get("output_type") == "stream" else None
        text = "".join(map(str, text)) if isinstance(text, list) else text
        if isinstance(text, str) and text.strip():
            return "".join(c for c in text.strip().splitlines()[0][:MAX_SAID] if c.isprintable())
    return ""


def _moment(parts: Sequence[str], seen: dict[str, int]) -> float:
    """After which cell a step's value is final: the last of its solution, run and check cells, or the end."""
    return max((seen[part] for part in parts if part in seen), default=float("inf"))


def _script(runs: Sequence[tuple[int, str]], moments: dict[str, float]) -> tuple[ScriptCell, ...]:
    # An empty first cell takes the records that come due before any of the student's cells.
    script = [(-1, ""), *runs]
    starts = [index for index, _ in script[1:]] + [float("inf")]
    cells = []
    previous = -float("inf")
    for (index, source), following in zip(script, starts, strict=True):
        due = tuple(name for name, moment in moments.items() if previous <= moment < following)
        if following == float("inf"):
            due += tuple(name for name, moment in moments.items() if moment == following)
        cells.append(ScriptCell(index, source, due))
        previous = following
    return tuple(cells)


def _usable(cell: Cell) -> bool:
    return (
        isinstance(cell, dict)
        and isinstance(cell.get("cell_type"), str)
        and isinstance(cell.get("source"), str)
        and isinstance(cell.get("metadata"), dict)
    )
