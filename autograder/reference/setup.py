"""What an exercise's setup cells make for each case, run once and kept.

Setup prepares data and draws parameters: the slow part, and the same every time. What is kept holds no
gradient, only what a student may know of a case anyway.
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
FORMAT = "1"  # part of every file's name


def plain(names: dict[str, Any]) -> dict[str, int | float | bool | str]:
    """The plain values among the names."""
    return {name: value for name, value in names.items() if isinstance(value, int | float | bool | str)}


@contextlib.contextmanager
def setups(exercise: Exercise, kept: Path | None = None) -> Iterator[Setup]:
    """A function that gives the names after setup for a case. kept: a folder that outlasts this run.

    The cells run in the exercise's folder, as in its notebook. Raises SetupError where one fails.
    """
    # The sandbox has one thread too; with another number of threads sums may round differently.
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
        """The names after setup. The notebook's own case is always run: it has the modules and functions."""
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
            # The exercise's functions look up here what they are not given.
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
        """The names from a file; None where there is none that can be used."""
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
    """Keep what can be kept. Where it cannot be written, the next run computes it again."""
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
