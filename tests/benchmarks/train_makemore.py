"""`make train-makemore`: the training notebook from top to bottom on makemore's own list of names.

Published for this set-up: train 2.071, dev 2.110, and 2.072 and 2.116 in a second run. The list is not part of this
repository; NAMES says where it is, if not in shared/data/makemore-names.txt beside the checkout.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell

from tests.benchmarks.training_notebook import NOTEBOOK, ROOT, code_cells

LEFT_OUT = ("cost_of_calls", "others", "speed_ways", "speed")  # they say nothing about the names


def main() -> None:
    """Run the notebook's cells in a terminal, as they are, with the other list in the place of names.txt."""
    names = Path(os.environ.get("NAMES", ROOT.parent / "shared" / "data" / "makemore-names.txt"))
    if not names.is_file():
        sys.exit(f"there is no {names}; say where makemore's names.txt is: make train-makemore NAMES=path/to/names.txt")
    names = names.absolute()
    os.environ["MPLBACKEND"] = "agg"
    shell = InteractiveShell.instance()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        shutil.copy(names, "names.txt")
        shutil.copytree(NOTEBOOK.parent / "dojo", "dojo")
        sys.path.insert(0, folder)
        for grade_id, source in code_cells().items():
            if grade_id not in LEFT_OUT:
                shell.run_cell(source).raise_error()


if __name__ == "__main__":
    main()
