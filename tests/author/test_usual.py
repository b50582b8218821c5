"""Usual mistakes, made from an exercise's own answers."""

import pytest

from autograder.author.usual import usual_mistakes


def kinds(changed, answer):
    _, exercise = changed(dh=("dh = dz2 @ W2.T", answer))
    step = next(step for step in exercise.steps if step.name == "dh")
    return {mistake.kind: mistake.cells["dh"] for mistake in usual_mistakes(exercise, step)}


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ("dh = dz2 @ W2.T", "the sign", "dh = -dh"),
        ("dh = dz2 @ W2.T", "zeros", "dh = 0 * dh"),
        ("dh = dz2 @ W2.T", "no transpose in `W2.T`", "dh = dz2 @ W2"),
        ("dh = a * b", "`a` in place of `a * b`", "dh = a"),
        ("dh = a * b", "the other of * and /, or + and -, in `a * b`", "dh = a / b"),
        ("dh = a.sum(0)", "no sum in `a.sum(0)`", "dh = a"),
        ("dh = a.sum(0)", "another axis in `a.sum(0)`", "dh = a.sum(1)"),
        ("dh = a.softmax(-1)", "another axis in `a.softmax(-1)`", "dh = a.softmax(0)"),
        ("dh = 1 - h**2", "no power in `h ** 2`", "dh = 1 - h"),
        ("dh = -a", "no minus in `-a`", "dh = a"),
        ("dh = a\ndh -= b", "without `dh -= b`", "dh = a\npass"),
    ],
)
def test_a_mistake_changes_one_place(changed, answer, kind, code):
    found = kinds(changed, answer)
    assert kind in found, found
    assert code in found[kind]


def test_every_mistake_is_made_once_and_none_is_the_answer(changed):
    _, exercise = changed()
    for step in exercise.steps:
        made = [str(mistake.cells) for mistake in usual_mistakes(exercise, step)]
        assert len(made) == len(set(made))
        assert len(made) >= 3
