"""What a notebook says of a value, and of the update that made it."""

import pytest

from autograder.dojo import results
from tests.dojo.book import Book

UPDATE = "def update(parameters, grads, lr):\n    for p, grad in zip(parameters, grads):\n        "
RUN = """\
from autograder.dojo import is_written, moves_of
parameters = [w, b]

def run(update):
    mine = [p.detach().clone() for p in parameters]
    for _ in range(3):
        update(mine, [p.grad.clone() for p in parameters], 0.1)
    return torch.cat([p.flatten() for p in mine])

made = moves = None
if is_written(update):
    with torch.no_grad():
        made = run(update)
        moves = moves_of(update, parameters)"""
EXPECTED = "expected = torch.cat([(p - 3 * 0.1 * p.grad).detach().flatten() for p in parameters])"
CHECK = "cmp_value('update', made, expected, moves=moves, of=parameters)"


@pytest.fixture(name="book")
def _book():
    book = Book().open()
    yield book
    book.close()


def said(book, code):
    """What the check of an update says, as one line."""
    book.run(code, "update")
    book.run(RUN, "run")
    book.run(EXPECTED, "expected")
    return " ".join(book.run(CHECK, "check").replace("|", " ").split())


def test_a_right_update_counts(book):
    assert "✓ right" in said(book, UPDATE + "p -= lr * grad")
    assert [(result.name, result.verdict) for result in results()] == [("made", "approximate")]


@pytest.mark.parametrize(
    ("code", "verdict", "says"),
    [
        (UPDATE + "p += lr * grad", "wrong", "the step has the wrong sign: it goes uphill"),
        (UPDATE + "p -= lr * grad / n", "wrong", "the step is too small by the factor `n`"),
        (UPDATE + "p = p - lr * grad", "wrong", "`p = p - lr * grad` gives the name p to something new"),
        (UPDATE + "p *= 1e200", "wrong", "maxdiff: None"),
        (UPDATE + "p -= lr * p.grad", "error", "raised TypeError: unsupported operand"),
        ("def update(parameters, grads, lr):\n    pass", "missing", "still to do"),
        ("def update(parameters, grads, lr):\n    parameters[1] -= lr * grads[1]", "wrong", "`w` is left as it was"),
    ],
)
def test_a_wrong_one_gets_its_reason(book, code, verdict, says):
    line = said(book, code)
    assert says in line
    assert "✓" not in line
    assert [(result.name, result.verdict) for result in results()] == [("made", verdict)]


def test_what_was_said_of_an_error_is_gone_once_it_is_mended(book):
    assert "raised TypeError" in said(book, UPDATE + "p -= lr * p.grad")
    assert "✓ right" in said(book, UPDATE + "p -= lr * grad")
    assert [result.verdict for result in results()] == ["approximate"]


def test_a_value_without_an_update_keeps_its_own_reasons(book):
    book.run("expected = w.detach() * 2\nmade = 0 * expected", "made")
    assert "this is zero everywhere" in book.run("cmp_value('w', made, expected)", "check")
