from __future__ import annotations

import subprocess
import sys

from autograder.cells import errors, namespace


def test_naming_it_imports_no_torch():
    code = "import sys, autograder.cells.errors\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_it_is_what_a_setup_cell_raises():
    assert namespace.SetupError is errors.SetupError
