"""An exercise that has values only: several of them, without a forward pass, with reasons where they are wrong."""

import shutil
from pathlib import Path

import nbformat
import pytest

from autograder import dojo
from autograder.exercise.notebook import read_exercise
from autograder.submission.notebook import submission_from_notebook
from tests.exercise.test_steps import value
from tests.notebooks import by_id, locked, notebook, solution
from tests.warm import warm_grader

SGD = "def sgd(w, grads):\n    for grad in grads:\n        w = w - lr * grad\n    return w"
MOMENTUM = (
    "def momentum(w, grads):\n    v = 0 * w\n    for grad in grads:\n        v = beta * v + grad\n"
    "        w = w - lr * v\n    return w"
)


def exercise():
    reference = (
        "def steps(momentum):\n    p = w.clone().requires_grad_()\n"
        "    optimizer = torch.optim.SGD([p], lr=lr, momentum=momentum)\n"
        "    for grad in grads:\n        p.grad = grad.clone()\n        optimizer.step()\n    return p.detach()\n\n"
        "sgd_expected, momentum_expected = steps(0.0), steps(beta)\nlength_expected = w.norm().item()"
    )
    return notebook(
        locked("parameters", "SEED = 1\nrows = 4\ncolumns = 3\nturns = 5\nlr = 0.1\nbeta = 0.9", "parameters"),
        locked(
            "setup",
            "import torch\ng = torch.Generator().manual_seed(SEED)\nw = torch.randn((rows, columns), generator=g)\n"
            "grads = torch.randn((turns, rows, columns), generator=g)",
        ),
        solution("sgd", SGD),
        locked("reference", reference, "autograd"),
        locked("run_sgd", "sgd_found = sgd(w, grads)", "run"),
        value("sgd", "sgd_found", "sgd_expected", 2),
        solution("momentum", MOMENTUM),
        locked("run_momentum", "momentum_found = momentum(w, grads)", "run"),
        value("momentum", "momentum_found", "momentum_expected", 3, ", rtol=1e-6"),
        solution("length", "def length(w):\n    return float((w**2).sum()) ** 0.5"),
        locked("run_length", "length_found = length(w)", "run"),
        value("length", "length_found", "length_expected"),
    )


@pytest.fixture(scope="module")
def grade(tmp_path_factory):
    path = tmp_path_factory.mktemp("values") / "values.ipynb"
    nbformat.write(exercise(), path)
    with warm_grader(read_exercise(path)) as grader:

        def graded(**pieces):
            submitted = exercise()
            for cell, (before, after) in pieces.items():
                assert before in by_id(submitted)[cell].source
                by_id(submitted)[cell].source = by_id(submitted)[cell].source.replace(before, after)
            result = grader.grade("ada", lambda: submission_from_notebook(submitted, grader.exercise))
            return result.score, [step.hint for step in result.lost]

        yield graded


def test_the_solution_earns_all_points(grade):
    assert grade() == (6.0, [])


@pytest.mark.parametrize(
    ("cell", "before", "after", "score", "hint"),
    [
        ("sgd", "w - lr", "w + lr", 4.0, "what was added to `w` has the wrong sign"),
        ("sgd", "lr * grad", "2 * lr * grad", 4.0, "what was added to `w` is right but for a constant factor, 2"),
        ("sgd", "return w", "return grads[0] * 0 + 0", 4.0, "this is zero everywhere"),
        ("momentum", "w = w - lr * v", "pass", 3.0, "this is still `w`: nothing has changed it"),
        ("momentum", "beta * v + grad", "grad", 3.0, None),
        ("length", " ** 0.5", "", 5.0, None),
    ],
)
def test_a_mistake_costs_its_own_step_and_is_named(grade, cell, before, after, score, hint):
    assert grade(**{cell: (before, after)}) == (score, [hint])


UPDATE = "def update(parameters, grads, lr):\n    for p, grad in zip(parameters, grads):\n        p -= lr * grad"
MARGIN = "; the tensors that are given stay as they were: change them in place, such as `p -= ...`"


def exercise_of_an_update():
    run = (
        "def run(update):\n    mine = [p.clone() for p in parameters]\n    for _ in range(turns):\n"
        "        update(mine, [p.cos() for p in mine], 0.1)\n    return torch.cat([p.flatten() for p in mine])\n\n"
        "def descend(parameters, grads, lr):\n    for p, grad in zip(parameters, grads):\n        p -= lr * grad"
    )
    return notebook(
        locked("parameters", "SEED = 1\nrows = 7\ncolumns = 9\nturns = 5", "parameters"),
        locked(
            "setup",
            "import torch\nfrom dojo import cmp_value, is_written, moves_of\n"
            "g = torch.Generator().manual_seed(SEED)\nw = torch.randn((rows, columns), generator=g)\n"
            f"b = torch.randn(columns, generator=g)\nparameters = [w, b]\nfor p in parameters:\n    pass\n\n{run}",
        ),
        solution("update", UPDATE),
        locked("reference", "expected = run(descend)", "autograd"),
        locked(
            "run_update",
            "found = moves = None\nif is_written(update):\n    found = run(update)\n"
            "    moves = moves_of(update, parameters)",
            "run",
        ),
        value("update", "found", "expected", 3, ", moves=moves, of=parameters"),
    )


@pytest.fixture(scope="module")
def grade_update(tmp_path_factory):
    folder = tmp_path_factory.mktemp("updates")
    shutil.copytree(Path(dojo.__file__).parent, folder / "dojo", ignore=shutil.ignore_patterns("__pycache__"))
    nbformat.write(exercise_of_an_update(), folder / "updates.ipynb")
    with warm_grader(read_exercise(folder / "updates.ipynb")) as grader:

        def graded(code):
            submitted = exercise_of_an_update()
            by_id(submitted)["update"].source = code
            (step,) = grader.grade("ada", lambda: submission_from_notebook(submitted, grader.exercise)).steps
            return step

        yield graded


@pytest.mark.parametrize(
    ("before", "after", "verdict", "hint"),
    [
        ("p -=", "p -=", "exact", None),
        ("p -= lr * grad", "p.data = p - lr * grad", "exact", None),
        ("p -=", "p +=", "wrong", "the step has the wrong sign: it goes uphill"),
        ("lr * grad", "grad", "wrong", "the step is the whole gradient: the learning rate is forgotten"),
        ("lr * grad", "lr * grad / rows", "wrong", "the step is too small by the factor `rows`"),
        ("p -=", "p = p -", "wrong", f"`p = p - lr * grad` gives the name p to something new{MARGIN}"),
        ("zip(parameters,", "zip(parameters[:1],", "wrong", "`b` is left as it was; the others are right"),
        ("p -= lr * grad", "p -= lr * torch.randn_like(p)", "wrong", None),
        ("p -= lr * grad", "p -= lr * grad[99]", "error", None),
    ],
)
def test_an_update_is_explained_by_what_it_did(grade_update, before, after, verdict, hint):
    assert before in UPDATE
    step = grade_update(UPDATE.replace(before, after))
    assert (step.verdict.value, step.hint) == (verdict, hint)
    assert step.points == (3.0 if verdict == "exact" else 0.0)


def test_a_stub_is_missing_and_what_changes_nothing_is_not(grade_update):
    assert grade_update("def update(parameters, grads, lr):\n    pass").verdict.value == "missing"
    assert grade_update("def update(parameters, grads, lr):\n    lr * 2").hint == f"it changes nothing: {MARGIN[2:]}"


def test_what_an_update_claims_of_its_moves_moves_no_mark(grade_update):
    """The table is the student's own process's to write: it changes the sentence at most."""
    forged = "\nimport dojo\nmoves_of = lambda *_: torch.zeros((4, 8), dtype=torch.float64)"
    step = grade_update(UPDATE.replace("p -=", "p +=") + forged)
    assert (step.verdict.value, step.points, step.hint) == ("wrong", 0.0, None)
    step = grade_update(UPDATE + forged)
    assert (step.verdict.value, step.points) == ("exact", 3.0)
