"""What importing dojo gives, and what it costs: the names, the imports and their order."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import dojo

FOLDER = Path(dojo.__file__).parent
STUDENT_FILES = sorted(FOLDER.rglob("*.py"))


@pytest.mark.parametrize("path", STUDENT_FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_what_students_get_imports_nothing_but_torch_ipython_and_the_standard_library(path):
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= len(path.relative_to(FOLDER).parts)  # a file of this folder
            imported |= {node.module.partition(".")[0]} if node.level == 0 else set()
    assert imported <= {"torch", "IPython", *sys.stdlib_module_names}


def imported(path):
    """The files of ours that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            names = [base.with_suffix(".py")] if node.module else [base / f"{name.name}.py" for name in node.names]
            found |= {file for file in names if file.exists()}
    return found


def test_imports_run_in_no_circle_not_even_a_late_one():
    rest = {path: imported(path) for path in STUDENT_FILES}
    assert sum(map(len, rest.values())) > 20
    while rest:
        lowest = {path for path, files in rest.items() if not files & rest.keys()}
        assert lowest, sorted(str(path.relative_to(FOLDER)) for path in rest)
        rest = {path: files for path, files in rest.items() if path not in lowest}


def test_the_explainer_imports_nothing_from_above_it():
    explain = FOLDER / "explain"
    files = set().union(*map(imported, explain.glob("*.py")))
    assert {file.parent for file in files} == {explain}


def test_the_name_students_import_loads_neither_the_explainer_nor_sympy():
    """What is imported at the top of a notebook must be quick: the rest is loaded at the first wrong step."""
    code = "import sys, torch\nfrom autograder.dojo import cmp, cmp_all, cmp_value, progress\n"
    code += "print([name for name in sys.modules if 'sympy' in name or 'explain' in name or 'pictures' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_face_has_these_names():
    assert sorted(dojo.__all__) == [
        "Comparison",
        "Result",
        "Training",
        "cmp",
        "cmp_all",
        "cmp_path",
        "cmp_value",
        "compare",
        "example",
        "heat_map",
        "is_written",
        "moves_of",
        "progress",
        "results",
    ]
