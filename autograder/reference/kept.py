"""Keep an exercise's references in one file that the next run maps instead of computing them.

The file has hidden gradients, so it is as private as the secret that they can be computed from.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import glob
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import safetensors
import torch

from autograder.dojo.gradients import Gradients
from autograder.dojo.structure import rebuilt
from autograder.exercise.notebook import Exercise
from autograder.files import private_folder
from autograder.reference.cases import PUBLIC, Case
from autograder.reference.compute import Reference, References, compute_references
from autograder.reference.setup import plain, read_tensors, setups, write_tensors
from autograder.sandbox.messages import Known

PACKAGE = Path(__file__).resolve().parent.parent
# The code that computes references; another version of it computes them anew.
CODE = ("reference", "cells", "exercise", "dojo")
DIGITS = 16  # of a file's digest


def references_of(exercise: Exercise, secret: bytes, kept: Path | None) -> References:
    """Return the references from the folder `kept`, or compute them and keep them there; None keeps nothing.

    Raises what compute_references raises.
    """
    # With another number of threads than the sandbox, which has one, sums may round differently.
    torch.set_num_threads(1)
    if kept is None:
        return compute_references(exercise, secret)
    file = kept_file(exercise, secret, kept)
    references = references_in(exercise, file)
    if references is None:
        references = compute_references(exercise, secret)
        _save(exercise, references, file)
    return references


def kept_file(exercise: Exercise, secret: bytes, kept: Path) -> Path:
    """Return where references_of keeps them: by the exercise's name and a digest of all that they depend on."""
    parts = [_code_digest(), torch.__version__, hashlib.sha256(b"references/" + secret).hexdigest()]
    parts += [hashlib.sha256(path.read_bytes()).hexdigest() for path in (exercise.path, *exercise.files_beside())]
    return kept / f"{exercise.name}-{hashlib.sha256('/'.join(parts).encode()).hexdigest()[:DIGITS]}.safetensors"


@functools.cache
def _code_digest() -> str:
    found = hashlib.sha256()
    for file in (file for part in CODE for file in sorted((PACKAGE / part).rglob("*.py"))):
        found.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


def _save(exercise: Exercise, references: References, file: Path) -> None:
    """Write the references; where that fails, the next run computes them again."""
    tensors = _Tensors()
    about = {
        "imports": _imports(exercise, references.public.names),
        "references": [
            {
                "case": asdict(reference.case),
                "known": asdict(replace(reference.known, tensors={}, upstream={}))
                | {
                    "tensors": tensors.packed(reference.known.tensors),
                    "upstream": tensors.packed(reference.known.upstream),
                },
                "end": tensors.packed(vars(reference.end)),
                "step": tensors.packed(vars(reference.step)),
                "vanishing": sorted(reference.vanishing),
                "order": list(reference.names),
                "plain": plain(dict(reference.names)),
            }
            for reference in (references.public, *references.hidden, *references.rounded)
        ],
    }
    with contextlib.suppress(OSError, safetensors.SafetensorError):
        private_folder(file.parent)
        for older in file.parent.glob(f"{glob.escape(exercise.name)}-{'?' * DIGITS}.safetensors"):
            older.unlink(missing_ok=True)
        write_tensors(file, tensors.kept, about)


def references_in(exercise: Exercise, file: Path) -> References | None:
    """Return the references in a file, None where it is not there or cannot be used. Raises SetupError."""
    found = read_tensors(file)
    if found is None:
        return None
    tensors, about = found
    names = _names(exercise, about["imports"])
    public, *others = (_reference(stored, tensors, names) for stored in about["references"])
    half = len(others) // 2
    return References(public, tuple(others[:half]), tuple(others[half:]))


def _reference(stored: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], names: Mapping[str, Any]) -> Reference:
    known = Known(
        **stored["known"] | {part: _unpacked(stored["known"][part], tensors) for part in ("tensors", "upstream")}
    )
    values = {**names, **stored["plain"], **known.tensors}
    values |= rebuilt(dict(known.structures), dict(known.tensors), names)
    # The explainer takes what fits first: names in another order would make another sentence.
    ordered = {name: values[name] for name in (*stored["order"], *names) if name in values}
    return Reference(
        Case(**stored["case"]),
        known,
        Gradients(**_unpacked(stored["end"], tensors)),
        Gradients(**_unpacked(stored["step"], tensors)),
        frozenset(stored["vanishing"]),
        ordered,
    )


def _imports(exercise: Exercise, names: Mapping[str, Any]) -> list[str] | None:
    """Return the import statements of setup, where they and the values suffice for the forward lines.

    None where those read anything else that setup defines, such as a function: then setup runs again, to define it.
    """
    statements = [
        statement
        for source in exercise.setup
        for statement, name in _import_statements(source)
        # A module beside the exercise is found in its folder only.
        if name in names and _imported([statement]).get(name) is names[name]
    ]
    read = {name for line in exercise.assignments for name in line.uses} - {
        line.target for line in exercise.assignments
    }
    needed = {n for n in read & names.keys() if not isinstance(names[n], torch.Tensor | int | float | bool | str)}
    return statements if needed <= _imported(statements).keys() else None


def _import_statements(source: str) -> Iterator[tuple[str, str]]:
    """Yield (statement, the name it assigns) for every import at the top of a cell."""
    try:
        nodes = ast.parse(source).body
    except SyntaxError:  # magics
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield ast.unparse(ast.Import([alias])), alias.asname or alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield ast.unparse(ast.ImportFrom(node.module, [alias], node.level)), alias.asname or alias.name


def _imported(statements: Sequence[str]) -> dict[str, Any]:
    names: dict[str, Any] = {}
    with contextlib.suppress(Exception):
        exec("\n".join(statements), names)
    names.pop("__builtins__", None)
    return names


def _names(exercise: Exercise, imports: list[str] | None) -> dict[str, Any]:
    """Return what forward lines read beside tensors and plain values."""
    if imports is not None:
        return _imported(imports)
    with setups(exercise) as setup:
        return {name: value for name, value in setup(PUBLIC).items() if not isinstance(value, torch.Tensor)}


class _Tensors:
    """The tensors of a file. Those of the same memory, as a case's whole numbers in two precisions, are there once."""

    def __init__(self) -> None:
        self.kept: dict[str, torch.Tensor] = {}
        self._known: dict[Any, str] = {}

    def packed(self, value: Any) -> Any:
        """Return nested mappings of tensors with the name of each tensor in its place."""
        if not isinstance(value, torch.Tensor):
            return {name: self.packed(part) for name, part in value.items()}
        same = value.data_ptr(), value.dtype, value.shape, value.stride()
        if value.numel() == 0 or same not in self._known:
            self._known[same] = str(len(self.kept))
            # safetensors refuses tensors that share memory, such as a tensor and a view of it.
            self.kept[self._known[same]] = value.detach().clone(memory_format=torch.contiguous_format)
        return self._known[same]


def _unpacked(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    if isinstance(value, str):
        return tensors[value]
    return {name: _unpacked(part, tensors) for name, part in value.items()}
