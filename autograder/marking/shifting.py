"""Find the steps that differentiate numerically, in two cases at least: in one, numbers may coincide by chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from autograder.dojo.trial.shifted import TWICE
from autograder.marking.ways import Ways, hidden_runs
from autograder.sandbox.host.received import RunRecord
from autograder.sandbox.messages import Run


def shifting_twice(runs: Sequence[Run], records: Sequence[RunRecord], count: int, ways: Ways) -> set[str]:
    """Return the d-variables that evaluate the forward pass at shifted values in two hidden cases.

    runs: taped ones, of the last hidden case or of all; the other cases are run where one was found in these. records:
    of these runs. count: of hidden cases.
    """
    times = Counter(name for record in records for name in record.numerical)
    if times and len(runs) < count:
        more = ways.by_cell(set(times), hidden_runs(count, taped=True)[: -len(runs)], numerical=True)
        times.update(name for record in more for name in record.numerical)
    return {name for name, found in times.items() if found >= min(TWICE, count)}
