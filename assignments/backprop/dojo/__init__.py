"""Compare your gradients with PyTorch's.

This folder lies beside the notebook. What is here compares; the other files say why a gradient is wrong, and draw.

    cmp("probs", dprobs, probs)              one gradient against probs.grad
    cmp_all(("probs", dprobs, probs), ...)   many at once, with a count at the end
    cmp_path("x, path 1", dx, x, y)          the part of one gradient that comes back through y alone
    cmp_value("update", found, expected)     a result that is no gradient
    example("x", x=[[1, 2], [3, 4]], dy=...) a step in small, yours beside what is right
    heat_map("dx", dx)                       a picture of a matrix
    moves_of(update, parameters)             what an update does to random numbers, to say why it is wrong
    Training(...)                            a training that can be interrupted, and is tried first
    progress()                               all steps so far along the forward pass, and the mark to expect
    results()                                the same as a list of Result, in marking's words
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence

import torch

# Said here, before anything is imported that an older one cannot even read. Tried with 3.11 and PyTorch 2.13.
if sys.version_info < (3, 10):  # noqa: UP036 (students run this with their own Python)
    raise ImportError(f"dojo needs Python 3.10 or newer, this is {sys.version.split()[0]}: use a newer kernel")
if not hasattr(torch._C, "DisableTorchFunctionSubclass"):
    raise ImportError(f"dojo needs PyTorch 2.0 or newer, this is {torch.__version__}: pip install --upgrade torch")

from .checks import NOT_YET, cmp, cmp_all, cmp_path, cmp_value
from .compare import Comparison, compare
from .history import watch
from .printed import print_wrapped
from .standing import Result
from .training import Training
from .written import is_written

# The trial, the explainer and the pictures take ten times as long to import as what is above: the first comparison
# imports them, not the first cell.

__all__ = [
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

watch()


def moves_of(update: Callable[..., object], parameters: Sequence[torch.Tensor]) -> torch.Tensor | None:
    """Return what an update does to random numbers of the parameters' shapes, as a table for cmp_value.

    update: function(parameters, grads, lr). Returns None where it raises.
    """
    from .explain import moves

    return moves.moves_of(update, parameters)


def example(t: str, /, **numbers: object) -> None:
    """Draw a step in small: your gradient of the tensor called `t`, beside the right one, for these few numbers.

    numbers: by name; nested lists in place of tensors of the forward pass, and of gradients that arrive.
    """
    from . import notebook

    session = notebook.current_session()
    if session is None or t not in session.marked:
        print(NOT_YET)
        return
    from .examples import show_example

    show_example(session, t, numbers)


def heat_map(name: str, values: torch.Tensor, columns: Iterable[str] = ()) -> None:
    """Draw a matrix: red above zero, blue with a dot below. columns: what stands below each column."""
    from .grids import show_map

    show_map(name, values, tuple(columns))


def progress() -> None:
    """Show every step of the exercise along the forward pass, and the mark to expect."""
    from . import notebook, pictures

    session = notebook.current_session()
    if session is None or not session.marked:
        print(NOT_YET)
        return
    from . import overview

    strip, reasons = overview.progress_of(session)
    pictures.show_strip(*strip)
    print(overview.expected(session))
    for reason in reasons:
        print_wrapped(reason, "", "    ")


def results() -> list[Result]:
    """Return what has been compared so far, step by step, in marking's words. Look at `progress()` for a picture."""
    from . import notebook
    from .points import sheet
    from .standing import results_of

    session = notebook.current_session()
    return results_of({} if session is None else sheet(session.shell, session.source).points)
