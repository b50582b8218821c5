"""What the guest must see to run, and no more."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import torch

import autograder
from autograder.sandbox.places import LIBRARIES, PACKAGE, installed

PATHS = [Path(path) for path in installed()]


def test_the_package_is_all_of_it():
    assert Path(autograder.__file__).parent == PACKAGE


def test_python_torch_and_this_package_are_seen():
    seen = [*PATHS, *map(Path, LIBRARIES)]
    for file in (Path(sys.executable).resolve(), Path(torch.__file__).resolve(), PACKAGE / "text.py"):
        assert any(file.is_relative_to(path) for path in seen), file


def test_what_lies_inside_another_is_not_there_again(monkeypatch):
    inside = f"{sysconfig.get_path('stdlib')}/an-environment"
    monkeypatch.setattr(sys, "prefix", inside)
    assert not [path for path in installed() if path.startswith(inside)]


def test_no_whole_system_and_no_home():
    assert not {Path("/"), Path("/usr"), Path.home()} & set(PATHS)
