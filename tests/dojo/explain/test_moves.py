"""What an update does is written down as a table, and read from it again."""

import pytest
import torch

from autograder.dojo.explain.moves import COLUMNS, RATES, SAMPLE, moves_of, read

PARAMETERS = [torch.ones(30, 10), torch.ones(1, 4)]


def descend(parameters, grads, lr):
    for p, grad in zip(parameters, grads, strict=True):
        p -= lr * grad


def test_every_call_and_every_tensor_has_its_move():
    moves = read(moves_of(descend, PARAMETERS))
    assert [(move.call, move.number, move.rate) for move in moves] == [
        (call, number, rate) for call, rate in enumerate(RATES) for number in (0, 1)
    ]
    assert [len(move.grad) for move in moves[:2]] == [SAMPLE, 4]
    assert all(torch.allclose(move.step, move.right, rtol=1e-9) for move in moves)
    assert all(move.returned is None for move in moves)


def test_calls_go_on_from_each_other_with_other_gradients():
    first, second = (read(moves_of(descend, PARAMETERS[1:]))[call] for call in (0, 1))
    assert torch.equal(first.after, second.before)
    assert not torch.equal(first.grad, second.grad)
    assert first.norm == pytest.approx(float(first.grad.norm()))


def test_the_parameters_themselves_are_left_alone():
    moves_of(descend, PARAMETERS)
    assert torch.equal(PARAMETERS[0], torch.ones(30, 10))


def test_what_is_returned_in_their_place_is_written_down():
    moves = read(moves_of(lambda parameters, grads, lr: [p + 1 for p in parameters], PARAMETERS))
    assert all(torch.equal(move.returned, move.before + 1) for move in moves)


def test_a_gradient_that_the_update_changes_is_written_down_as_it_was_given():
    def spoils(parameters, grads, lr):
        for p, grad in zip(parameters, grads, strict=True):
            p -= lr * grad
            grad.zero_()

    assert all(move.grad.any() for move in read(moves_of(spoils, PARAMETERS)))


@pytest.mark.parametrize(
    "update",
    [lambda parameters, grads: None, lambda parameters, grads, lr: parameters.clear(), lambda *_: 1 / 0],
)
def test_an_update_that_raises_or_loses_its_tensors_has_no_table(update):
    assert moves_of(update, PARAMETERS) is None


@pytest.mark.parametrize(
    "table",
    [
        None,
        "table",
        torch.zeros(3),
        torch.zeros(4, COLUMNS + 1),
        torch.zeros(4, COLUMNS, dtype=torch.int64),
        torch.full((4, COLUMNS), float("nan")),
        torch.zeros(10**6, COLUMNS),
        torch.arange(2_000.0)[:, None].expand(2_000, COLUMNS),  # a tensor for each row
    ],
)
def test_what_is_no_such_table_says_nothing(table):
    assert read(table) == ()
