"""How much `autograder new --forward` derives: `python -m tests.author.derived` prints a line for each forward pass.

Those of the shipped exercises as they are, then those of `forwards.py`. Cells that are filled are verified, at other
sizes too; the others are marked gaps, which are listed.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autograder.author.new import Written, write_new
from autograder.exercise.notebook import Exercise, read_exercise
from tests.author.forwards import FORWARDS
from tests.conftest import ROOT


def shipped() -> list[Path]:
    """The solution notebooks that have a forward pass, each pass once."""
    found: dict[str, Path] = {}
    for path in sorted((ROOT / "solutions").glob("*/*.ipynb")):
        exercise = read_exercise(path)
        if exercise.forward and exercise.gradients:
            found.setdefault(exercise.forward, path)
    return list(found.values())


def as_draft(exercise: Exercise) -> str:
    """The cells of an exercise as an author's file."""
    parameters = exercise.setup[exercise.parameters - 1]
    setup = "\n".join(cell for cell in exercise.setup if cell != parameters)
    return f"# %% parameters\n{parameters}\n# %% setup\n{setup}\n# %% forward\n{exercise.forward}\n"


def derived(name: str, text: str, beside: Path | None = None) -> Written:
    """Write the exercise of a forward pass into a folder of its own. beside: a folder with the files that it reads."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "a"
        folder.mkdir()
        if beside is not None:
            for path in beside.iterdir():
                if path.is_file() and path.suffix != ".ipynb":
                    shutil.copy(path, folder)
        (folder / "forward.py").write_text(text)
        sys.path.insert(0, str(ROOT / "autograder"))  # setup imports dojo
        try:
            return write_new(folder / f"{name}.ipynb", folder / "forward.py")
        finally:
            sys.path.remove(str(ROOT / "autograder"))


def everything() -> Iterator[tuple[str, Written]]:
    """Each forward pass with what was written of it."""
    for path in shipped():
        yield f"{path.parent.name}/{path.stem}", derived(path.stem, as_draft(read_exercise(path)), path.parent)
    for name, (text, _) in FORWARDS.items():
        yield name, derived(name, text)


def main() -> None:
    """Print the table."""
    print(f"{'forward pass':32s} steps  filled  gaps")
    for name, written in everything():
        print(f"{name:32s} {written.points:5d} {written.filled:7d} {len(written.gaps):5d}")
        for gap in written.gaps:
            print(f"    {gap}")


if __name__ == "__main__":
    main()
