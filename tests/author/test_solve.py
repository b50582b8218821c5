"""The exercise's own answers, run on a case in this process: the same values as grading has."""

import torch

from autograder.author.solve import Bench, script_of
from autograder.reference.compute import compute_references
from autograder.reference.setup import in_folder
from tests.conftest import SECRET
from tests.notebooks import solution


def test_step_by_step_and_end_to_end_are_the_references(changed):
    book, exercise = changed()
    references = compute_references(exercise, SECRET)
    script = script_of(book, exercise)
    with in_folder(exercise) as shell:
        for reference in references.hidden[-2:]:
            bench = Bench(shell, reference)
            held, before = bench.end_to_end(script), bench.before_each(script)
            for step in exercise.steps:
                torch.testing.assert_close(held[step.name].tensor, reference.end.total[step.tensor])
                value = bench.step(step.name, script, before, {})
                torch.testing.assert_close(value.tensor, reference.step.total[step.tensor])
            index = script.index["dh"]
            other = bench.step("dh", script, before, {index: "dh = -(dz2 @ W2.T)"})
            torch.testing.assert_close(other.tensor, -reference.step.total["h"])


def test_what_stands_behind_the_last_marked_cell_is_not_run(changed):
    book, exercise = changed(lambda book: book.cells.append(solution("train", "raise SystemExit")))
    assert all("SystemExit" not in cell.source for cell in script_of(book, exercise).cells)
