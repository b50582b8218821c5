"""The tests mirror the package: each module has a test file of its name, in a folder of its package's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "autograder"
# tests/test_cli.py runs `python -m autograder`.
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py"))
TOP = {"__init__.py", "__main__.py", "cli.py", "files.py", "text.py"}


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_has_its_test_file(path):
    beside = (ROOT / "tests" / path.relative_to(PACKAGE)).with_name(f"test_{path.name}")
    assert "def test_" in beside.read_text(encoding="utf-8")


def test_the_package_holds_folders_and_what_all_of_them_use():
    assert {path.name for path in PACKAGE.glob("*.py")} == TOP
