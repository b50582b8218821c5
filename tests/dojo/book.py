"""A small exercise in a real IPython, cell by cell, as a program that shows notebooks runs it."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from autograder.dojo.history import watch

PARAMETERS = "n = 8\nwide = 5\nSEED = 3"
SETUP = """\
import torch
from autograder.dojo import cmp, cmp_all, cmp_path, cmp_value, example, progress, results
g = torch.Generator().manual_seed(SEED)
x = torch.randn((n, 3), generator=g)
w = torch.randn((3, wide), generator=g, requires_grad=True)
b = torch.randn(wide, generator=g, requires_grad=True)"""
FORWARD = """\
a = x @ w + b
top = a.max(1, keepdim=True).values
s = a - top
e = s.exp()
total = e.sum(1, keepdim=True)
p = e / total
loss = (p * p).mean()"""
BACKWARD = "for t in (a, top, s, e, total, p):\n    t.retain_grad()\nloss.backward()"
LOCKED = {"parameters": PARAMETERS, "setup": SETUP, "forward": FORWARD, "backward": BACKWARD}
RIGHT = {
    "dp": "dp = 2 * p / p.numel()",
    "dtotal": "dtotal = (-dp * e / total**2).sum(1, keepdim=True)",
    "de_path1": "de = dp / total",
    "de_path2": "de = de + dtotal",
    "ds": "ds = de * e",
    "dtop": "dtop = -ds.sum(1, keepdim=True)",
    "da": "da = ds + (a == top) * dtop",
    "dw": "dw = x.T @ da",
    "db": "db = da.sum(0)",
}
PATH = "cmp_path('e, path 1', de, e, p)"
CHECKS = {f"d{t}": f"cmp('{t}', d{t}, {t})" for t in ("p", "total", "e", "s", "top", "a", "w", "b")}


class Book:
    """A notebook in a shell of its own."""

    def __init__(self) -> None:
        InteractiveShell.clear_instance()
        self.shell: Any = InteractiveShell.instance()
        self.shell.showtraceback = lambda *args, **kwargs: None
        watch()  # as importing dojo does; only the first notebook of this process imports it anew

    def run(self, source: str, cell: str = "") -> str:
        """Run one cell, again where this id has been run before; what it printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self.shell.run_cell(source, store_history=True, cell_id=cell or source)
        return printed.getvalue()

    def open(self) -> Book:
        """Run the locked cells."""
        for cell, source in LOCKED.items():
            self.run(source, cell)
        return self

    def answer(self, **changed: str) -> Book:
        """Run all solution cells, some of them changed."""
        for cell, source in (RIGHT | changed).items():
            self.run(source, cell)
        return self

    def check(self, name: str) -> str:
        """What the check line says, as one line."""
        return " ".join(self.run(CHECKS[name], f"cmp_{name}").replace("|", " ").split())

    def close(self) -> None:
        InteractiveShell.clear_instance()
