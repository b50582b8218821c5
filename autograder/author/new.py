"""Write a new exercise as a notebook: cells with headings, answers where they can be derived, checks, a last table."""

from __future__ import annotations

import contextlib
import io
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbformat import v4

from autograder import dojo
from autograder.author.backward import Backward, Cell, derive
from autograder.author.draft import EXAMPLE, Draft, read_draft
from autograder.author.layout import BEGIN, END
from autograder.author.solve import Bench, script_of
from autograder.exercise.notebook import Exercise, exercise_from_notebook
from autograder.files import write_whole
from autograder.marking.compare import Targets
from autograder.reference.compute import compute_references
from autograder.reference.setup import in_folder

SECRET = b"no course's"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
INTRO = """\
# {title}

Below is the forward pass of a small network, one step a line. Write the gradient of the loss with respect to each of
its tensors, from the last line back to the first. `cmp` compares each of yours with PyTorch's.

*What is this network for, and which idea does it teach? Say it here.*"""


@dataclass(frozen=True)
class Written:
    """A new exercise. filled, gaps: how many solution cells have an answer, and a line on each that has none."""

    path: Path
    points: int
    filled: int
    gaps: tuple[str, ...]


def write_new(path: Path, forward: Path | None) -> Written:
    """Write the notebook of a new exercise, and dojo/ beside it where it is missing.

    forward: a .py file with setup and forward pass; None for a small example. What was derived is verified first, on
    cases of other sizes too. Raises FileExistsError, OSError, DraftError, ForwardError, ExerciseError and what the
    file's own code raises.
    """
    if path.exists():
        raise FileExistsError(path)
    text = None if forward is None else forward.read_text(encoding="utf-8")
    with contextlib.chdir(Path() if forward is None else forward.parent), contextlib.redirect_stdout(io.StringIO()):
        draft = EXAMPLE if text is None else read_draft(text)
        backward = derive(draft)
    path.parent.mkdir(parents=True, exist_ok=True)
    _copy_dojo(path.parent / "dojo")
    wrong = _wrong_elsewhere(notebook_of(path.stem, draft, backward), path)
    backward = replace(backward, cells=tuple(_without(cell, wrong) for cell in backward.cells))
    notebook = notebook_of(path.stem, draft, backward)
    write_whole(path, _as_text(notebook))
    gaps = tuple(
        f"{cell.grade_id}, through `{cell.through.source.partition(chr(10))[0]}`: {cell.gap}"
        for cell in backward.cells
        if cell.gap
    )
    steps = {cell.tensor for cell in backward.cells}
    return Written(path, len(steps), len(backward.cells) - len(gaps), gaps)


def notebook_of(name: str, draft: Draft, backward: Backward) -> Any:
    """Return the notebook of an exercise."""
    title = name.replace("_", " ").strip("0123456789 ").capitalize() or name
    kept = [tensor for tensor in backward.variables if tensor.isidentifier() and _is_made(tensor, backward)]
    retained = f"for tensor in [{', '.join(kept)}]:\n    tensor.retain_grad()\n" if kept else ""
    loss = list(backward.shapes)[-1]
    imports = "from dojo import cmp, cmp_all"
    cells = [
        v4.new_markdown_cell(INTRO.format(title=title)),
        _locked("parameters", draft.parameters, "parameters"),
        _locked("setup", f"{draft.setup}\n\n{imports}" if draft.setup else f"import torch\n\n{imports}"),
        v4.new_markdown_cell("## The forward pass"),
        _locked("forward", draft.forward, "forward"),
        v4.new_markdown_cell("PyTorch's gradients, for you to compare with:"),
        _locked("autograd", f"{retained}{loss}.backward()", "autograd"),
        v4.new_markdown_cell("## The backward pass"),
    ]
    for number, cell in enumerate(backward.cells):
        cells.append(v4.new_markdown_cell(_heading(cell, backward)))
        cells.append(_solution(cell.grade_id, cell.answer))
        if backward.is_last(number):
            cells.append(_check(cell))
    rows = "\n".join(f"    ('{_label(name)}', {variable}, {name})," for name, variable in _in_order(backward))
    cells += [v4.new_markdown_cell("## All of them"), _locked("table", f"cmp_all(\n{rows}\n)")]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    return v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})


def _in_order(backward: Backward) -> list[tuple[str, str]]:
    return [(c.tensor, c.variable) for number, c in enumerate(backward.cells) if backward.is_last(number)]


def _is_made(tensor: str, backward: Backward) -> bool:
    """Return whether a forward line makes the tensor, so that its gradient must be retained."""
    return any(cell.through.target == tensor for cell in backward.cells)


def _heading(cell: Cell, backward: Backward) -> str:
    target = cell.through.target
    paths = sum(other.tensor == cell.tensor for other in backward.cells)
    which = f", path {cell.path} of {paths}: through `{target}`" if cell.path else ""
    source = cell.through.source.replace("\n", "\n    ")
    shapes = f"`{cell.tensor}` {backward.shapes[cell.tensor]} → `{target}` {backward.shapes.get(target, ())}"
    return f"### `{cell.variable}`{which}\n\n    {source}\n\n{shapes}"


def _label(tensor: str) -> str:
    return tensor.replace("'", '"')


def _info(grade_id: str, **more: Any) -> dict[str, Any]:
    usual = {"grade_id": grade_id, "locked": True, "solution": False, "grade": False, "task": False}
    return {"nbgrader": {**usual, "schema_version": 3, **more}}


def _locked(grade_id: str, source: str, *tags: str) -> Any:
    return v4.new_code_cell(source, metadata={**_info(grade_id), **({"tags": list(tags)} if tags else {})})


def _solution(grade_id: str, answer: str) -> Any:
    source = f"{BEGIN}\n{answer}\n{END}"
    return v4.new_code_cell(source, metadata=_info(grade_id, locked=False, solution=True))


def _check(cell: Cell) -> Any:
    source = f"cmp('{cell.variable[1:]}', {cell.variable}, {cell.tensor})"
    return v4.new_code_cell(source, metadata=_info(f"cmp_{cell.variable}", grade=True, points=1))


def _copy_dojo(folder: Path) -> None:
    if not folder.exists():
        shutil.copytree(Path(dojo.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))


def _as_text(notebook: Any) -> str:
    import nbformat

    return f"{nbformat.writes(notebook)}\n"


def _wrong_elsewhere(notebook: Any, path: Path) -> set[str]:
    """Return the gradients that the answers do not give on cases of other sizes. Raises ExerciseError, SetupError."""
    exercise: Exercise = exercise_from_notebook(notebook, path.absolute())
    references = compute_references(exercise, SECRET)
    targets, script = Targets(exercise, references), script_of(notebook, exercise)
    wrong: set[str] = set()
    with in_folder(exercise) as shell:
        for reference, target in zip(references.hidden, targets.hidden, strict=True):
            bench = Bench(shell, reference)
            before = bench.before_each(script)
            for step in exercise.steps:
                if not target.step.check_one(step.name, bench.step(step.name, script, before, {})).right:
                    wrong.add(step.name)
    return wrong


def _without(cell: Cell, wrong: set[str]) -> Cell:
    """Return the cell as a gap where its gradient was wrong on another case."""
    if cell.variable not in wrong or cell.gap:
        return cell
    first = cell.path <= 1
    answer = f"{cell.variable} = {f'torch.zeros_like({cell.tensor})' if first else cell.variable}  # GAP: derive this"
    return replace(cell, answer=answer, gap="right at these sizes, wrong at others")
