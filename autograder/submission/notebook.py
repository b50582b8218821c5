"""Read a submitted notebook into the cells to run and the moments at which a gradient is recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder.exercise.cells import ALONE
from autograder.exercise.changes import same_text
from autograder.exercise.notebook import Cell, Exercise, has_tag, nbgrader_info
from autograder.sandbox.messages import ScriptCell
from autograder.submission.file import UnreadableError, notebook_in, read_content
from autograder.submission.modules import read_modules
from autograder.submission.release import is_as_released
from autograder.submission.vocabulary import vocabulary_flags

# Code is parsed here too, and a syntax tree takes a thousand times as much, and is taken apart into its statements; an
# honest notebook has some 20 kB in 500 lines. What a semicolon ends is a line of its own.
MAX_RUNS, MAX_LINES, MAX_CODE = 1_000, 5_000, 2**18
NOT_RUN = ("autograd", ALONE)  # tags of cells whose results the grader has
MAX_SAID = 120  # characters of what a report cell printed


@dataclass(frozen=True)
class Submission:
    """A student's cells as a script, and what was noticed on the way.

    sources: for each d-variable, the code of its own solution cells as submitted.
    indices: for each d-variable, the indices of those cells in the notebook; for a value, of the run cells too.
    flags: sentences for the instructor, such as a check cell that was edited.
    modules: Python files of the student's own beside the notebook, by name.
    """

    script: tuple[ScriptCell, ...]
    sources: dict[str, tuple[str, ...]]
    indices: dict[str, tuple[int, ...]]
    flags: tuple[str, ...]
    modules: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HandedIn:
    """The files of a submission as they were read, not looked into: what travels to a worker of a cluster.

    name: of the notebook's file. modules, flags: what read_modules returns.
    """

    name: str
    content: bytes
    modules: Mapping[str, str]
    flags: tuple[str, ...]


def read_files(path: Path, exercise: Exercise) -> HandedIn:
    """Read a submitted notebook's file, and the modules beside it. Raises UnreadableError; never blocks on a fifo."""
    content = read_content(path)
    modules, flags = read_modules(path.parent, exercise)
    return HandedIn(path.name, content, modules, tuple(flags))


def submission_in(files: HandedIn, exercise: Exercise) -> Submission:
    """Return the submission in these files. Raises UnreadableError where the notebook is none."""
    submission = submission_from_notebook(notebook_in(files.name, files.content), exercise)
    return with_modules(submission, files.modules, files.flags, exercise)


def with_modules(
    submission: Submission, modules: Mapping[str, str], beside: Sequence[str], exercise: Exercise
) -> Submission:
    """Return the submission with the student's own modules, and flags for what is strange in its code.

    beside: flags of the modules themselves.
    """
    own = tuple(cell for cell in submission.script if cell.source not in exercise.runs.values())
    flags = [*beside, *vocabulary_flags(own, modules)]
    return replace(submission, modules=modules, flags=(*submission.flags, *flags)) if modules or flags else submission


def submission_from_notebook(notebook: Any, exercise: Exercise) -> Submission:
    """Return the script of a notebook that has been read. Raises UnreadableError where it holds far too much code.

    Locked cells are never run from a submission: the exercise's own have run before, and those tagged `run` are
    run at their place, or at the end where a submission has lost them. They are known by their grade_id, by the
    `autograd` tag or, where the metadata is lost, by their text. Of two cells with one id the last counts, as in
    nbgrader, and the other is an ordinary cell. What a locked cell tagged `report` has printed in the submitted
    notebook is passed on to the instructor: nothing depends on it.
    """
    locked_sources = {source.strip() for source in exercise.locked.values()}
    seen: dict[str, int] = {}
    times: Counter[str] = Counter()
    runs: list[tuple[int, str]] = []
    older: list[str] = []
    for index, cell in enumerate(notebook.cells):
        grade_id = nbgrader_info(cell).get("grade_id")
        if isinstance(grade_id, str) and grade_id in exercise.cells:
            times[grade_id] += 1
            seen[grade_id] = index
    flags = [f"{'two' if n == 2 else n} cells have the id {grade_id}" for grade_id, n in times.items() if n > 1]
    ids = {index: grade_id for grade_id, index in seen.items()}
    for index, cell in enumerate(notebook.cells):
        known = ids.get(index)
        if known in exercise.locked:
            if not same_text(cell.source, exercise.locked[known]):
                if is_as_released(cell):
                    older.append(known)
                else:
                    flags.append(f"the locked cell {known} was edited; the original was used")
            if known in exercise.runs:
                runs.append((index, exercise.runs[known]))
            if known in exercise.reports and (said := _said(cell)):
                flags.append(f"its notebook says, not checked: {said}")
            continue
        # nbgrader turns a known cell back into the type that it was released with.
        cell_type = cell.cell_type if known is None else exercise.cells[known].cell_type
        if cell_type != "code" or any(has_tag(cell, tag) for tag in NOT_RUN) or cell.source.strip() in locked_sources:
            continue
        runs.append((index, cell.source))
    if older:
        flags.append(
            f"{', '.join(older)}: of an older release, which the student did not edit; the present cells were used. "
            "For the mended notebook rename this one and run: "
            f"nbgrader fetch_assignment {exercise.path.parent.name} --replace"
        )
    code = sum(len(source) for _, source in runs)
    lines = sum(1 + source.count("\n") + source.count(";") for _, source in runs)
    if len(runs) > MAX_RUNS or lines > MAX_LINES or code > MAX_CODE:
        raise UnreadableError(
            f"the notebook has {len(runs)} code cells with {lines} lines and {code // 1000} kB, the limits are "
            f"{MAX_RUNS}, {MAX_LINES} and {MAX_CODE // 1000} kB; take out what the exercise does not need and submit "
            "again"
        )
    flags += [f"the check cell {step.check} is missing" for step in exercise.steps if step.check not in seen]
    for grade_id in exercise.runs.keys() - seen.keys():
        seen[grade_id] = len(notebook.cells) + len(runs)
        runs.append((seen[grade_id], exercise.runs[grade_id]))
    parts = {step.name: (*step.solutions, *step.runs) for step in exercise.steps}
    moments = {step.name: _moment((*parts[step.name], step.check), seen) for step in exercise.steps}
    moments |= {step.moves: moments[step.name] for step in exercise.steps if step.moves}
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
    """Return the first line that a cell of the submitted notebook has printed; empty where there is none."""
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
