"""What a statement makes or changes."""

import ast

import pytest

from autograder.dojo.trial.statement import makes, pieces_together, unfolded

NAMES = {"da", "db"}


@pytest.mark.parametrize(
    ("code", "made"),
    [
        ("da = 1", {"da"}),
        ("da, db = f()", {"da", "db"}),
        ("da[0] = 1", {"da"}),
        ("da.view(-1)[0].mul_(2)", {"da"}),
        ("torch.add(x, y, out=db)", {"db"}),
        ("da += db", {"da"}),
        ("def f():\n    da = 1", set()),
        ("f(lambda: da.add_(1))", set()),
        ("da.append(x)", {"da"}),
        ("dc = da", set()),
        ("x = da.detach().requires_grad_()", set()),
        ("x = da.clone().mul_(2)", set()),
    ],
)
def test_makes(code: str, made: set[str]) -> None:
    assert makes(ast.parse(code).body[0], NAMES) == made


@pytest.mark.parametrize(
    ("body", "pieced"),
    [
        ("da += x[i]", {"da"}),
        ("da = da + x[i]", {"da"}),
        ("da[i] = x[i]", {"da"}),
        ("da.add_(x[i])", {"da"}),
        ("da = x.sum(i)", set()),
        ("db = da * 2", set()),
    ],
)
def test_pieces_together(body: str, pieced: set[str]) -> None:
    assert pieces_together(ast.parse(f"for i in range(3):\n    {body}").body[0], NAMES) == pieced


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("da, db = x, y + 1", ["da = x", "db = y + 1"]),
        ("if n:\n    (da, db) = [x, y]", ["if n:\n    da, db = [x, y]"]),
        ("with a:\n    (da, db) = (x, y)", ["with a:\n    da = x", "with a:\n    db = y"]),
        ("da, db = db, da", ["da, db = (db, da)"]),
        ("da, db = f(x)", ["da, db = f(x)"]),
        ("da, *db = x, y", ["da, *db = (x, y)"]),
        ("da, db = x, *y", ["da, db = (x, *y)"]),
        ("da, da = x, y", ["da, da = (x, y)"]),
    ],
)
def test_unfolded(code: str, parts: list[str]) -> None:
    assert [ast.unparse(node) for node in unfolded(ast.parse(code).body[0])] == parts
