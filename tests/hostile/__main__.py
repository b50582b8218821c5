"""`python -m tests.hostile`: the corpus, run once, as a table."""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path

from autograder.sandbox.host.bubblewrap import BUBBLEWRAP
from tests.hostile.corpus import ATTACKS
from tests.hostile.trial import Trial, run


def table(trial: Trial) -> str:
    """One line a kind: tried, contained, marks right, seconds."""
    lines = [f"{'kind':20s} tried contained  right  seconds"]
    kinds = dict.fromkeys(attack.kind for attack in ATTACKS)
    for kind in kinds:
        attacks = [attack for attack in ATTACKS if attack.kind == kind]
        contained, right = sum(map(trial.contained, attacks)), sum(map(trial.right, attacks))
        seconds = sum(trial.seconds[attack.student] for attack in attacks)
        lines.append(f"{kind:20s} {len(attacks):5d} {contained:9d} {right:6d} {seconds:8.1f}")
    honest = trial.honest()
    full = sum(marked.score == marked.max_score for marked in honest)
    lines.append(f"{'honest, in between':20s} {len(honest):5d} {len(honest):9d} {full:6d}")
    return "\n".join(lines)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        trial = run(Path(folder), sys.argv[1] if len(sys.argv) > 1 else BUBBLEWRAP)
    print(table(trial))
    for attack in ATTACKS:
        if not (trial.contained(attack) and trial.right(attack)):
            result = trial.marks[attack.student]
            print(attack.student, trial.lost(attack.student), result.status, result.error)
    print(f"changed {trial.changed}, reached {trial.reached}, left {trial.left}")
    print(f"descriptors {trial.descriptors}, grown by MB {trial.grown}")
    peaks = {who: resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)}
    print(f"peak MB: the grader {peaks[resource.RUSAGE_SELF]}, its largest process {peaks[resource.RUSAGE_CHILDREN]}")
