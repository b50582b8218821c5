"""Run an exercise's setup cells for each case, and keep what they define for the next run.

Setup prepares data and draws parameters: the slow part, and the same every time. The kept files hold no gradient, only
what a student may know of a case anyway.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from autograder.cells.ipython import CellShell, new_shell
from autograder.cells.namespace import clear, overlaid, run_setup
from autograder.exercise.notebook import Exercise
from autograder.files import PRIVATE, private_folder
from autograder.reference.cases import PUBLIC, Case

Setup = Callable[[Case], dict[str, Any]]
FORMAT = "1"  # of the kept files; part of every file's name, so change it when they change


def plain(names: dict[str, Any]) -> dict[str, int | float | bool | str]:
    """Return the numbers, booleans and strings among the names."""
    return {name: value for name, value in names.items() if isinstance(value, int | float | bool | str)}


@contextlib.contextmanager
def setups(exercise: Exercise, kept: Path | None = None) -> Iterator[Setup]:
    """Yield a function that returns, for a case, all names that setup defines.

    kept: a folder that keeps them for the next run. The cells run in the exercise's folder, as in its notebook. The
    function raises SetupError where a cell raises.
    """
    # With another number of threads than the sandbox, which has one, sums may round differently.
    torch.set_num_threads(1)
    kept = None if kept is None else kept.absolute()
    path, modules = list(sys.path), set(sys.modules)
    folder = exercise.path.parent.resolve()
    sys.path.insert(0, str(folder))
    try:
        with tempfile.TemporaryDirectory(prefix="ipython-") as ipython_dir:
            made = _Setups(exercise, new_shell(ipython_dir), kept)
            with contextlib.chdir(folder):
                yield made.names
    finally:
        sys.path[:] = path
        # Another exercise may have a file of the same name beside it.
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(f"{folder}{os.sep}"):
                del sys.modules[name]


class _Setups:
    def __init__(self, exercise: Exercise, shell: CellShell, kept: Path | None) -> None:
        self._exercise = exercise
        self._shell = shell
        self._kept = kept
        self._data = [hashlib.sha256(path.read_bytes()).hexdigest() for path in exercise.files_beside()]
        self._public: dict[str, Any] | None = None

    def names(self, case: Case) -> dict[str, Any]:
        """Return the names after setup. The notebook's own case always runs: no file keeps modules and functions."""
        if case == PUBLIC:
            self._public = self._run(case)
            return self._public
        if self._kept is None or self._public is None:
            return self._run(case)
        file = self._kept / f"{self._key(case)}.safetensors"
        names = self._load(file)
        if names is None:
            names = self._run(case)
            _save(names, file)
        else:
            # The exercise's functions look up their global names here.
            clear(self._shell)
            self._shell.user_ns.update(names)
        return names

    def _run(self, case: Case) -> dict[str, Any]:
        exercise = self._exercise
        return run_setup(self._shell, exercise.setup, exercise.parameters, case.overrides, case.dtype)

    def _key(self, case: Case) -> str:
        parts: list[Any] = [FORMAT, torch.__version__, *self._exercise.setup, *self._data, case.dtype]
        parts += sorted(case.overrides.items())
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _load(self, file: Path) -> dict[str, Any] | None:
        """Return the names from a file, None where it cannot be used."""
        assert self._public is not None
        try:
            with safetensors.safe_open(file, "pt") as opened:
                about = json.loads(opened.metadata()["about"])
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (it is no dict)
        except (OSError, safetensors.SafetensorError, TypeError, KeyError, ValueError):
            return None
        for name in about["requires_grad"]:
            tensors[name].requires_grad_()
        return overlaid(self._public, tensors, about["plain"])


def _save(names: dict[str, Any], file: Path) -> None:
    """Write tensors and plain values to a file; where that fails, the next run computes them again."""
    tensors = {name: value for name, value in names.items() if isinstance(value, torch.Tensor)}
    about = {"plain": plain(names), "requires_grad": [name for name, t in tensors.items() if t.requires_grad]}
    copies = {name: t.detach().clone(memory_format=torch.contiguous_format) for name, t in tensors.items()}
    with contextlib.suppress(OSError, safetensors.SafetensorError):
        private_folder(file.parent)
        temporary = file.with_suffix(f".{os.getpid()}")
        try:
            temporary.touch(PRIVATE)
            safetensors.torch.save_file(copies, temporary, {"about": json.dumps(about)})
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)
