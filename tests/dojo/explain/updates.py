"""Updates of students, tried on a small network's parameters."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch

from autograder.dojo.explain.moves import moves_of, read
from autograder.dojo.explain.update import Update
from autograder.dojo.explain.update_code import function_of

NAMES = ("E", "W", "b", "gain", "bias")
EACH = "def update(parameters, grads, lr):\n    for p, grad in zip(parameters, grads):\n        "
HEAD = "def update(parameters, grads, lr):\n    "
SIZES = ((9, 8, 6), (11, 10, 7), (5, 7, 4))  # of three cases: rows, columns, examples
RIGHT = EACH + "p -= lr * grad"


def update_of(code: str, sizes: tuple[int, int, int] = SIZES[0]) -> Update:
    """What is known of an update after it was tried in a notebook where n examples have `columns` features."""
    rows, columns, n = sizes
    shapes = ((rows, columns), (columns, columns + 2), (columns,), (1, columns), (1, columns))
    names = {name: torch.zeros(shape) for name, shape in zip(NAMES, shapes, strict=True)}
    names |= {"torch": torch, "np": np, "math": math, "copy": copy, "n": n, "x": torch.zeros(n, 3)}
    parameters = [names[name] for name in NAMES]
    exec(code, names)
    table = moves_of(names["update"], parameters)
    return Update(read(table), NAMES, function_of([code], "update"), names)
