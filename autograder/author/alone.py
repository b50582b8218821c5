"""Make a notebook that is all a student needs: it brings `dojo/` and the data files along and unpacks them.

Many open a single notebook in Colab or VS Code. Its first cell holds the files of the released folder, folded away or,
in VS Code, in one line. Run from such a submission that cell is left out: the grader has the files.
"""

from __future__ import annotations

import base64
import copy
from pathlib import Path
from typing import Any

from autograder.exercise.cells import ALONE
from autograder.exercise.notebook import files_of
from autograder.files import write_whole, zipped

MODE = 0o644  # as what is released
SOURCE = """\
#@title The files of this exercise: run this cell first
import base64
import io
import os
import zipfile

if not os.path.exists('dojo'):
    zipfile.ZipFile(io.BytesIO(base64.b64decode('{packed}'))).extractall()
"""


def alone(notebook: Any, files: dict[str, bytes]) -> Any:
    """Return a copy of a released notebook with a first cell that unpacks these files beside it. files: by path."""
    import nbformat

    made = copy.deepcopy(notebook)
    content = zipped({name: (each, MODE) for name, each in files.items()})
    # VS Code folds no cell by what its file says (microsoft/vscode#158716), so that all of it stands in one line there.
    packed = base64.b64encode(content).decode()
    cell = nbformat.v4.new_code_cell(SOURCE.format(packed=packed), id="files")
    # Folded in JupyterLab, a form with its title in Colab.
    cell.metadata |= {"tags": [ALONE], "jupyter": {"source_hidden": True}, "cellView": "form"}
    made.cells.insert(0, cell)
    return made


def write_alone(released: Path, folder: Path) -> list[Path]:
    """Write a notebook of this kind for each released one into a folder; return the files. Raises OSError."""
    import nbformat

    notebooks = sorted(released.glob("*.ipynb"))
    files = {
        path.relative_to(released).as_posix(): path.read_bytes()
        for path in files_of(released)
        if path.suffix != ".ipynb"
    }
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for path in notebooks:
        written.append(folder / path.name)
        write_whole(written[-1], nbformat.writes(alone(nbformat.read(path, as_version=4), files)) + "\n", MODE)
    return written
