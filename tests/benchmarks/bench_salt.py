"""`python -m tests.benchmarks.bench_salt`: what random upstream gradients of each submission's own would cost.

For each exercise: the processor time, for one submission, of drawing upstream gradients for every hidden case anew and
of computing the products that the steps are held to; and the bytes that would go to its process instead of lying in the
file that all share. Beside it, what a submission costs today is in the README's figures.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import torch

from autograder.cells.namespace import default_dtype
from autograder.dojo.gradients import cut_forward, through_steps
from autograder.exercise.notebook import read_exercise
from autograder.reference.compute import _marked, _random_upstream, compute_references, lines_at

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 7


def main() -> None:
    """Print a line for each exercise."""
    torch.set_num_threads(1)
    print(f"{'exercise':24s} {'ms a submission':>16s} {'with float32':>14s} {'MB':>8s}")
    for path in sorted((ROOT / "solutions" / "backprop").glob("*.ipynb")):
        exercise = read_exercise(path)
        references = compute_references(exercise, b"the secret of the measurement")
        figures = []
        for cases in (references.hidden, references.hidden + references.rounded):
            times, size = [], 0
            for number in range(ROUNDS):
                started = time.process_time()
                size = 0
                for each in cases:
                    with default_dtype(each.case.dtype):
                        cut = cut_forward(each.names, lines_at(exercise, each.names), _marked(exercise))
                        upstream = _random_upstream(cut.leaves, each.case, str(number).encode())
                        through_steps(cut, upstream)
                    size += sum(t.nbytes for t in upstream.values())
                times.append(1000 * (time.process_time() - started))
            figures.append((statistics.median(times), size / 2**20))
        (exact, megabytes), (both, _) = figures
        print(f"{path.stem:24s} {exact:16.1f} {both:14.1f} {megabytes:8.2f}", flush=True)


if __name__ == "__main__":
    main()
