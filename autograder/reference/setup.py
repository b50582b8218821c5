"""Run an exercise's setup cells for each case."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors
import safetensors.torch
import torch

from autograder.cells.namespace import clear, overlaid, run_setup
from autograder.dojo.structure import described
from autograder.exercise.notebook import Exercise
from autograder.files import PRIVATE, private_folder
from autograder.reference.cases import PUBLIC, Case

if TYPE_CHECKING:
    from autograder.cells.ipython import CellShell

Setup = Callable[[Case], dict[str, Any]]
FORMAT = "2"  # of the kept files; part of every file's name, so change it when they change


def plain(names: dict[str, Any]) -> dict[str, int | float | bool | str]:
    """Return the numbers, booleans and strings among the names."""
    return {name: value for name, value in names.items() if isinstance(value, int | float | bool | str)}


@contextlib.contextmanager
def setups(exercise: Exercise, kept: Path | None = None, only: frozenset[str] | None = None) -> Iterator[Setup]:
    """Yield a function that returns, for a case, all names that setup defines.

    kept: a folder that keeps them for the next run. only: the names of which kept files hold another case's values; all
    where it is None. The function raises SetupError where a cell raises.
    """
    kept = None if kept is None else kept.absolute()
    with in_folder(exercise) as shell:
        yield _Setups(exercise, shell, kept, only).names


@contextlib.contextmanager
def in_folder(exercise: Exercise) -> Iterator[CellShell]:
    """Yield a shell to run cells in the exercise's folder, as in its notebook; what it imports there is forgotten."""
    from autograder.cells.ipython import new_shell  # imports IPython, which a run with kept references does without

    # With another number of threads than the sandbox, which has one, sums may round differently.
    torch.set_num_threads(1)
    path, modules = list(sys.path), set(sys.modules)
    folder = exercise.path.parent.resolve()
    sys.path.insert(0, str(folder))
    try:
        with tempfile.TemporaryDirectory(prefix="ipython-") as ipython_dir:
            shell = new_shell(ipython_dir)
            with contextlib.chdir(folder):
                yield shell
    finally:
        sys.path[:] = path
        # Another exercise may have a file of the same name beside it.
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(f"{folder}{os.sep}"):
                del sys.modules[name]


class _Setups:
    def __init__(self, exercise: Exercise, shell: CellShell, kept: Path | None, only: frozenset[str] | None) -> None:
        self._only = only
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
            _save(names if self._only is None else {k: v for k, v in names.items() if k in self._only}, file)
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
        parts += [] if self._only is None else sorted(self._only)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _load(self, file: Path) -> dict[str, Any] | None:
        """Return the names from a file, None where it cannot be used."""
        assert self._public is not None
        found = read_tensors(file)
        if found is None:
            return None
        tensors, about = found
        for name in about["requires_grad"]:
            tensors[name].requires_grad_()
        return overlaid(self._public, tensors, about["plain"], about["structures"])


def _save(names: dict[str, Any], file: Path) -> None:
    """Write tensors, plain values and containers to a file; where that fails, the next run computes them again."""
    tensors, structures = described(names)
    if any(kind == "module" for kind, _ in structures.values()):
        return  # a copy's parameters would be other tensors than those that names of their own reach
    about = {
        "plain": plain(names),
        "requires_grad": [name for name, t in tensors.items() if t.requires_grad],
        "structures": structures,
    }
    copies = {name: t.detach().clone(memory_format=torch.contiguous_format) for name, t in tensors.items()}
    with contextlib.suppress(OSError, safetensors.SafetensorError):
        write_tensors(file, copies, about)


def write_tensors(file: Path, tensors: dict[str, torch.Tensor], about: dict[str, Any]) -> None:
    """Write tensors and plain data into a file for its owner only, whole or not at all.

    Raises OSError, and SafetensorError where tensors share memory.
    """
    private_folder(file.parent)
    temporary = file.with_suffix(f".{os.getpid()}")
    try:
        temporary.touch(PRIVATE)
        safetensors.torch.save_file(tensors, temporary, {"about": json.dumps(about)})
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def read_tensors(file: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """Return (tensors, plain data) of a file; None where it is not there or cannot be used."""
    try:
        with safetensors.safe_open(file, "pt") as opened:
            about: dict[str, Any] = json.loads(opened.metadata()["about"])
            return {name: opened.get_tensor(name) for name in opened.keys()}, about  # noqa: SIM118 (it is no dict)
    except (OSError, safetensors.SafetensorError, TypeError, KeyError, ValueError):
        return None
