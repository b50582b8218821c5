"""Part of `make bench`: steps a second of training, side by side in one run, with the training notebook's own code.

The ways are those of the notebook's last table and two more: torch.compile of the taught step, and autograd on the
very lines of the taught forward pass, which avoid the slow `var`. All start from the same numbers, see the same
minibatches and must find the same losses.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (everybody's name for it)

from tests.benchmarks.training_notebook import NOTEBOOK, code_cells

STEPS, ROUNDS = 300, 25
NEEDED = ("setup_data", "parameters", "setup_parameters", "setup_minibatch", "update", "pytorch_run", "train_step")
SAME = 1e-4  # losses of the same steps in float32, summed in another order

Tensors = list[torch.Tensor]
Way = Callable[[Tensors, torch.Tensor, float], Sequence[float] | torch.Tensor]


def main() -> None:
    """Print the table; ends with exit code 1 where two ways do not find the same losses."""
    names: dict[str, Any] = {}
    with contextlib.chdir(NOTEBOOK.parent), contextlib.redirect_stdout(None):
        sys.path.insert(0, str(NOTEBOOK.parent))
        cells = code_cells()
        for grade_id in (*sorted(NEEDED, key=list(cells).index), "others", "speed_ways"):
            exec(compile(cells[grade_id], grade_id, "exec"), names)
    print(f"training on {torch.get_num_threads()} thread; the fastest of {ROUNDS} rounds of {STEPS} steps")
    ways: dict[str, Way] = {
        "loss.backward()": names["by_autograd"],
        "  on the taught forward": autograd_on_the_taught_forward(names),
        "by hand, taught": names["by_hand"],
    }
    ways |= {name: torch.no_grad()(way) for name, way in names["others"].items()}
    compiled = compiled_step(names)
    if compiled is not None:
        ways["torch.compile of taught"] = compiled
    apart = names["speed_table"](ways, STEPS, ROUNDS)
    wrong = [name for name, difference in apart.items() if not difference < SAME]
    if wrong:
        sys.exit(f"not the same losses as autograd's: {', '.join(wrong)}")


def autograd_on_the_taught_forward(names: dict[str, Any]) -> Way:
    """The autograd loop with the forward lines of the taught step in the place of network_loss."""

    def loss_of(parameters: Tensors, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        table, w1, b1, w2, b2, gain, bias = parameters
        hprebn = table[x].view(len(x), -1) @ w1 + b1
        diff = hprebn - hprebn.mean(0, keepdim=True)
        inv = ((diff**2).sum(0, keepdim=True) / (len(x) - 1) + 1e-5) ** -0.5
        return F.cross_entropy(torch.tanh(gain * (diff * inv) + bias) @ w2 + b2, y)

    def way(parameters: Tensors, batches: torch.Tensor, lr: float) -> Sequence[float]:
        before = names["network_loss"]
        names["network_loss"] = loss_of
        try:
            losses: Sequence[float] = names["by_autograd"](parameters, batches, lr)
        finally:
            names["network_loss"] = before
        return losses

    return way


def compiled_step(names: dict[str, Any]) -> Way | None:
    """The taught step through torch.compile; None, with a note, where this machine cannot compile."""
    step = torch.compile(names["train_step"])
    x, y = names["Xtr"], names["Ytr"]

    @torch.no_grad()
    def way(parameters: Tensors, batches: torch.Tensor, lr: float) -> Sequence[float]:
        return [step(parameters, x[ix], y[ix], lr).item() for ix in batches]

    started = time.perf_counter()
    try:
        way(names["like_parameters"](names["initial"]), names["run_batches"][:3], 0.1)
    except Exception as error:  # no C++ compiler, or a system that inductor does not know
        print(f"torch.compile is left out: {type(error).__name__}: {str(error).strip().splitlines()[0][:100]}")
        return None
    print(f"torch.compile took {time.perf_counter() - started:.0f} s before its first step")
    return way


if __name__ == "__main__":
    main()
