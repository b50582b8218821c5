"""Every attack of the corpus earns the mark that it should, reaches nothing, and costs nobody else anything."""

from __future__ import annotations

import pytest

from autograder.sandbox.host.bubblewrap import BUBBLEWRAP, why_not
from tests.hostile.__main__ import table
from tests.hostile.corpus import ATTACKS
from tests.hostile.trial import Trial, run


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    if reason := why_not():
        pytest.skip(reason)
    done = run(tmp_path_factory.mktemp("trial"), BUBBLEWRAP)
    print(f"\n{table(done)}")
    return done


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.student)
def test_it_is_contained_and_earns_its_own_mark(trial, attack):
    result = trial.marks[attack.student]
    assert trial.contained(attack), trial.marks[attack.student].cells
    assert trial.right(attack), (trial.lost(attack.student), result.status, result.error, result.flags)


def test_there_are_enough_of_them():
    assert len(ATTACKS) == len({attack.student for attack in ATTACKS}) >= 60


def test_honest_submissions_in_between_keep_all_marks(trial):
    assert len(trial.honest()) > 30
    for marked in trial.honest():
        result = marked
        assert (result.status, result.score, result.flags) == ("graded", result.max_score, ())


def test_no_file_outside_has_changed(trial):
    assert trial.changed == []


def test_no_socket_was_reached(trial):
    assert trial.reached == []


def test_no_process_is_left(trial):
    assert trial.left == []


def test_no_file_descriptor_is_left_open(trial):
    before, after = trial.descriptors
    assert after == before


def test_no_memory_grows(trial):
    """A bound that one kept answer of each would pass: the corpus sends some 100 MB in all."""
    assert trial.grown["grader"] < 80
    assert trial.grown["warm"] < 20


def test_nothing_that_came_back_can_move_a_cursor(trial):
    for marked in trial.marks.values():
        said = [marked.error or "", *marked.flags]
        said += [text or "" for cell in marked.cells.values() for text in (cell.text, cell.error)]
        said += [step.error or "" for step in marked.steps]
        assert all(character.isprintable() or character in "\n\t" for text in said for character in text)
