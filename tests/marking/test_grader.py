"""Every verdict from end to end, and what it earns, on the small exercise `harbour`."""

from __future__ import annotations

import copy
import dataclasses
import json

import nbformat
import pytest
import torch

from autograder.marking.result import REGRADE
from autograder.marking.verdict import CREDIT
from autograder.submission.notebook import submission_from_notebook
from tests import notebooks
from tests.conftest import SECRET
from tests.notebooks import HARBOUR_ANSWERS, by_id, code, harbour, with_cells
from tests.warm import warm_grader

NAMES = ["dpart", "dtotal", "dswell", "dflat", "dpeak", "dmast", "drope", "dkeel"]


@pytest.fixture
def grade(harbour_grader):
    """Grade a notebook with the warm grader."""

    def graded(notebook):
        return harbour_grader.grade("ada", lambda: submission_from_notebook(notebook, harbour_grader.exercise))

    return graded


def verdicts(result):
    return {step.name: step.verdict.value for step in result.steps}


def lost(result):
    return {step.name: (step.verdict.value, step.points) for step in result.lost}


def step(result, name):
    return next(step for step in result.steps if step.name == name)


def stub(name):
    return f"{name} = None"


class TestTheSolution:
    def test_it_has_all_marks(self, grade):
        result = grade(harbour())
        assert (result.status, result.score, result.max_score) == ("graded", 8.0, 8.0)
        assert list(verdicts(result)) == NAMES
        assert set(verdicts(result).values()) <= {"exact", "approximate"}
        assert (result.flags, result.error, result.lost) == ((), None, ())

    def test_a_number_that_is_only_rounding_is_explained(self, grade):
        assert "the true gradient is zero here" in step(grade(harbour()), "dpeak").hint

    def test_bit_for_bit_the_same_is_exact(self, grade):
        assert step(grade(harbour()), "dpart").verdict == "exact"

    def test_the_same_but_for_rounding_is_approximate(self, grade):
        result = grade(harbour(dpart=HARBOUR_ANSWERS["dpart"].replace("-1 / rows) /", "-7 / rows) / 7 /")))
        assert (step(result, "dpart").verdict, result.score) == ("approximate", 8.0)

    def test_in_one_cell(self, grade):
        notebook = harbour(**dict.fromkeys(HARBOUR_ANSWERS, "") | {"dpart": "\n".join(HARBOUR_ANSWERS.values())})
        result = grade(notebook)
        assert result.score == 8.0

    def test_in_one_cell_of_the_students_own(self, grade):
        empty = harbour(**dict.fromkeys(HARBOUR_ANSWERS, ""))
        assert grade(with_cells("dpart", "\n".join(HARBOUR_ANSWERS.values()), of=empty)).score == 8.0

    def test_one_mistake_in_one_cell_costs_one_mark(self, grade):
        answers = HARBOUR_ANSWERS | {"dflat": "dflat = -dswell * swell"}
        empty = harbour(**dict.fromkeys(HARBOUR_ANSWERS, ""))
        result = grade(with_cells("dpart", "\n".join(answers.values()), of=empty))
        assert lost(result) == {"dflat": ("wrong", 0.0)}

    def test_code_too_deep_to_be_taken_apart_costs_its_own_marks(self, grade):
        deep = "dkeel = 2 * sail.T @ dmast" + " + 0" * 700
        result = grade(harbour(drope=f"drope = dmast.sum(0) * 2\n{deep}", dkeel=""))
        assert lost(result) == {"drope": ("wrong", 0), "dkeel": ("wrong", 0)}

    def test_spread_over_functions_and_more_cells(self, grade):
        notebook = with_cells(
            "dpart",
            "def slope(y): return y\nimport math",
            "%time scale = math.exp(0)",
            of=harbour(dflat="dflat = dswell * slope(swell) * scale"),
        )
        assert grade(notebook).score == 8.0


class TestVerdicts:
    def test_wrong(self, grade):
        assert lost(grade(harbour(dkeel="dkeel = -(sail.T @ dmast)"))) == {"dkeel": ("wrong", 0.0)}

    @pytest.mark.parametrize("name", [n for n in HARBOUR_ANSWERS if n not in ("dkeel", "drope", "dmast_path2")])
    def test_one_mistake_costs_one_mark(self, grade, name):
        variable = name.partition("_path")[0]
        result = grade(harbour(**{name: f"{HARBOUR_ANSWERS[name]}\n{variable} = 1.5 * {variable}"}))
        assert list(lost(result)) == [variable]
        assert result.score == 7.0

    def test_follow_through_says_that_an_earlier_one_is_wrong(self, grade):
        result = grade(harbour(dpart="dpart = torch.ones_like(part)"))
        assert verdicts(result)["dpart"] == "wrong"
        late = step(result, "dkeel")
        assert (late.verdict, late.points) == ("follow-through", 1.0)
        assert "an earlier one is wrong" in late.hint

    def test_shape(self, grade):
        result = grade(harbour(dkeel="dkeel = dmast.T @ sail"))
        assert lost(result) == {"dkeel": ("shape", 0.0)}
        assert step(result, "dkeel").hint == (
            "expected shape (3, 4), found (4, 3): this is the transpose of the gradient"
        )

    def test_a_missing_sum_is_a_matter_of_shape(self, grade):
        result = grade(harbour(drope="drope = dmast"))
        assert lost(result) == {"drope": ("shape", 0.0)}
        assert "the sum over axis 0 is missing" in step(result, "drope").hint

    def test_what_follows_names_what_it_follows_from(self, grade):
        result = grade(harbour(dflat="dflat = dswell * 2"))
        assert step(result, "dflat").hint.startswith("what arrives is multiplied by `2`")
        assert step(result, "dmast").hint.endswith("an earlier one is wrong: dflat and dpeak")

    def test_memory_that_is_shared(self, grade):
        alias = {"dmast_path1": "dmast = dflat", "dpeak": "dflat *= -1\ndpeak = dflat.sum(1, keepdim=True)"}
        assert "dmast and dflat share their memory" in step(grade(harbour(**alias)), "dmast").hint

    def test_a_shape_that_broadcasts_serves(self, grade):
        assert grade(harbour(drope="drope = dmast.sum(0, keepdim=True)")).score == 8.0

    def test_error(self, grade):
        result = grade(harbour(drope="drope = dmast.sum(0)\ndrope.nonsense"))
        # It has its value before it raises.
        assert result.score == 8.0
        result = grade(harbour(drope="drope = dmost.sum(0)"))
        assert lost(result) == {"drope": ("error", 0.0)}
        assert step(result, "drope").error == "NameError: name 'dmost' is not defined (line 2: drope = dmost.sum(0))"

    @pytest.mark.parametrize("shared", [False, True], ids=["cell by cell", "in one cell"])
    def test_a_loop_that_raises_has_made_nothing(self, grade, shared):
        expression = HARBOUR_ANSWERS["dflat"].partition("=")[2]
        loop = f"whole ={expression}\ndflat = torch.zeros_like(whole)\n"
        loop += "for i in range(len(whole) + 1):\n    dflat[i] = whole[i]"
        answers = HARBOUR_ANSWERS | {"dflat": loop}
        notebook = harbour(dflat=loop)
        if shared:
            empty = harbour(**dict.fromkeys(HARBOUR_ANSWERS, ""))
            notebook = with_cells("dpart", "\n".join(answers.values()), of=empty)
        result = grade(notebook)
        assert (step(result, "dflat").verdict, step(result, "dflat").points) == ("error", 0.0)
        assert "IndexError" in step(result, "dflat").error

    def test_what_stood_before_the_exception_counts_and_the_exception_is_told(self, grade):
        answer = f"for i in range(2):\n    {HARBOUR_ANSWERS['dflat']}\n    plt.plot(dflat)"
        result = grade(harbour(dflat=answer))
        assert result.score == 8.0
        assert "NameError" in step(result, "dflat").error

    def test_a_syntax_error_costs_its_cell_only(self, grade):
        result = grade(harbour(drope="drope = = dmast"))
        assert lost(result) == {"drope": ("error", 0.0)}
        assert step(result, "drope").error.startswith("SyntaxError: ")

    @pytest.mark.parametrize("answer", ["dkeel = None", "", "# later"])
    def test_missing(self, grade, answer):
        result = grade(harbour(dkeel=answer))
        assert lost(result) == {"dkeel": ("missing", 0.0)}
        assert step(result, "dkeel").hint == "still to do: a tensor of shape (3, 4)"

    def test_not_a_tensor_is_wrong_and_says_so(self, grade):
        result = grade(harbour(dkeel="dkeel = (sail.T @ dmast).tolist()"))
        assert lost(result) == {"dkeel": ("wrong", 0.0)}
        assert step(result, "dkeel").hint == "expected a tensor of shape (3, 4), found a list"

    @pytest.mark.parametrize(
        ("name", "answer", "through"),
        [("dswell_path2", "", "total"), ("dswell_path1", "dswell = torch.zeros_like(swell)", "part")],
    )
    def test_path_missing(self, grade, name, answer, through):
        result = grade(harbour(**{name: answer}))
        assert lost(result) == {"dswell": ("path-missing", 0.5)}
        assert step(result, "dswell").hint == f"the gradient through `{through}` is missing"

    def test_a_path_that_adds_nothing_may_be_left_out(self, grade):
        result = grade(harbour(dmast_path2=""))
        assert result.score == 8.0
        assert step(result, "dmast").hint == "right: the gradient through peak, which you left out, adds up to zero"

    @pytest.mark.parametrize(
        ("name", "answer"),
        [
            ("dpart", HARBOUR_ANSWERS["dpart"].replace("/ rows", "/ 6")),
            ("drope", "drope = dmast.reshape(6, 4).sum(0)"),
        ],
    )
    def test_hard_coded(self, grade, name, answer):
        result = grade(harbour(**{name: answer}))
        assert lost(result) == {name: ("hard-coded", 0.5)}
        assert "this notebook's sizes only" in step(result, name).hint

    def test_right_in_this_minibatch_only_is_wrong_and_says_so(self, grade):
        notebook = with_cells("dpart", "import copy", of=harbour())
        numbers = f"dflat = torch.tensor({_public('flat')})"
        by_id(notebook)["dflat"].source = numbers
        result = grade(notebook)
        assert lost(result) == {"dflat": ("wrong", 0.0)}
        assert step(result, "dflat").comparison.approximate
        assert step(result, "dflat").hint == "right for this minibatch only: with other data it is wrong"

    def test_zeros_for_a_vanishing_gradient_are_wrong_and_say_so(self, grade):
        """What PyTorch has there itself is worth no more than zeros."""
        result = grade(harbour(dpeak=f"dpeak = torch.tensor({_public('peak')}, dtype=dflat.dtype)"))
        assert lost(result) == {"dpeak": ("wrong", 0.0)}
        assert step(result, "dpeak").comparison.approximate
        assert "zeros look right; with other upstream gradients this is wrong" in step(result, "dpeak").hint

    @pytest.mark.parametrize(
        "answer",
        [
            "leaf = rope.detach().clone().requires_grad_()\n"
            "with torch.enable_grad():\n"
            "    y = sail @ keel + leaf\n"
            "    y = torch.nn.functional.cross_entropy(y, goal)\n"
            "y.backward()\n"
            "drope = leaf.grad",
            "torch.set_grad_enabled(True)\n"
            "leaf = rope.clone().requires_grad_()\n"
            "drope, = torch.autograd.grad(torch.nn.functional.cross_entropy(sail @ keel + leaf, goal), leaf)",
            "drope = torch.func.grad(lambda r: torch.nn.functional.cross_entropy(sail @ keel + r, goal))(rope)",
            "drope = rope.grad",
        ],
        ids=["backward", "grad", "func", "copied"],
    )
    def test_autograd(self, grade, answer):
        result = grade(harbour(drope=answer))
        assert lost(result) == {"drope": ("autograd", 0.0)}
        assert step(result, "drope").hint == "this gradient comes from autograd; derive it by hand"
        assert result.flags == ("1 gradient comes from autograd",)

    def test_autograd_for_ones_own_comparison_costs_nothing(self, grade):
        scratch = (
            "with torch.enable_grad():\n    leaf = rope.clone().requires_grad_()\n    (leaf**2).sum().backward()\n"
            "print(leaf.grad)"
        )
        assert grade(with_cells("drope", scratch)).score == 8.0


def _public(tensor):
    """PyTorch's gradient in the notebook's own case, as a list."""
    names: dict = {}
    cells = by_id(harbour())
    for name in ("imports", "sizes", "data", "forward"):
        exec(cells[name].source, names)
    return torch.autograd.grad(names["loss"], names[tensor])[0].tolist()


class TestDeletedCells:
    def test_a_solution_cell(self, grade):
        notebook = harbour()
        notebook.cells.remove(by_id(notebook)["dkeel"])
        assert lost(grade(notebook)) == {"dkeel": ("missing", 0.0)}

    def test_a_check_cell_costs_nothing_and_is_told(self, grade):
        notebook = harbour()
        notebook.cells.remove(by_id(notebook)["cmp_dflat"])
        result = grade(notebook)
        assert result.score == 8.0
        assert result.flags == ("the check cell cmp_dflat is missing",)

    def test_all_cells(self, grade):
        notebook = harbour()
        notebook.cells = []
        result = grade(notebook)
        assert set(verdicts(result).values()) == {"missing"}
        assert (result.status, result.score) == ("graded", 0.0)

    def test_the_answer_in_a_cell_of_ones_own_at_the_end(self, grade):
        notebook = harbour()
        for name in ("dkeel", "cmp_dkeel"):
            notebook.cells.remove(by_id(notebook)[name])
        notebook.cells.append(code(HARBOUR_ANSWERS["dkeel"]))
        assert grade(notebook).score == 8.0


@pytest.mark.parametrize(
    ("answers", "score"),
    [({"dswell_path2": ""}, 2 + 0.25 + 5 * 0.75), ({"dmast_path2": "dmast = dmast * 2"}, 5 + 2 * 0.75)],
)
def test_credit_is_configurable(harbour_grader, grade, monkeypatch, answers, score):
    credit = {**CREDIT, "path-missing": 0.25, "follow-through": 0.75}
    monkeypatch.setattr(harbour_grader, "_marker", dataclasses.replace(harbour_grader._marker, credit=credit))
    assert grade(harbour(**answers)).score == score


def test_points_are_those_of_the_check_cells(harbour, harbour_grader):
    steps = tuple(dataclasses.replace(s, points=3.0) if s.name == "dswell" else s for s in harbour.steps)
    # The same grader for the exercise with other points; nothing need be computed again.
    dear = copy.copy(harbour_grader)
    dear.exercise = dataclasses.replace(harbour, steps=steps)
    dear._marker = dataclasses.replace(dear._marker, exercise=dear.exercise)
    notebook = notebooks.harbour(dswell_path2="")
    result = dear.grade("ada", lambda: submission_from_notebook(notebook, harbour))
    assert (result.score, result.max_score) == (8.5, 10.0)
    assert step(result, "dswell").points == 1.5


class TestTheEngineFails:
    def test_it_is_a_crash_that_asks_for_a_regrade(self, harbour_grader, grade, monkeypatch):
        def fail(*args, **kwargs):
            raise ZeroDivisionError("out of order")

        with monkeypatch.context() as patch:
            patch.setattr("autograder.marking.mark.Marker.mark", fail)
            result = grade(harbour())
        assert (result.status, result.score, result.steps) == ("crashed", 0.0, ())
        assert result.error == f"ZeroDivisionError: out of order; {REGRADE}"
        assert "grade it again" in REGRADE
        assert grade(harbour()).score == 8.0  # and the next has its marks

    def test_a_sandbox_that_does_not_start(self, harbour, monkeypatch):
        def refuse(*args, **kwargs):
            raise BlockingIOError("no more processes")

        monkeypatch.setattr("subprocess.Popen", refuse)
        with warm_grader(harbour, SECRET, CREDIT) as grader:
            result = grader.grade("ada", lambda: submission_from_notebook(notebooks.harbour(), harbour))
        assert result.status == "crashed"
        assert "no more processes" in result.error
        assert REGRADE in result.error


class TestFiles:
    def test_missing(self, harbour_grader, tmp_path):
        result = harbour_grader.grade_file("ada", tmp_path / "harbour.ipynb")
        assert (result.status, result.score, result.max_score) == ("missing", 0.0, 8.0)
        assert result.error == "there is no harbour.ipynb in the submission; submit it under this name"

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', "\0" * 100])
    def test_unreadable(self, harbour_grader, tmp_path, text):
        path = tmp_path / "harbour.ipynb"
        path.write_text(text)
        result = harbour_grader.grade_file("ada", path)
        assert (result.status, result.score) == ("unreadable", 0.0)
        assert "harbour.ipynb" in result.error

    def test_a_link_is_not_followed(self, harbour_grader, tmp_path):
        path = tmp_path / "harbour.ipynb"
        path.symlink_to(harbour_grader.exercise.path)
        assert harbour_grader.grade_file("ada", path).status == "unreadable"

    def test_graded(self, harbour_grader, tmp_path):
        path = tmp_path / "harbour.ipynb"
        nbformat.write(harbour(), path)
        result = harbour_grader.grade_file("ada", path)
        assert (result.student, result.exercise, result.status, result.score) == ("ada", "harbour", "graded", 8.0)


def test_the_same_secret_gives_the_same_results(harbour, harbour_grader):
    """Every field but the time, of a submission with all kinds of marks, from two graders with their own cases."""
    notebook = many_mistakes()
    results = []
    with warm_grader(harbour, SECRET, CREDIT) as again:
        for grader in (harbour_grader, again):
            result = grader.grade("ada", lambda: submission_from_notebook(notebook, harbour))
            results.append(json.dumps(dataclasses.replace(result, seconds=0).to_store()))
    assert results[0] == results[1]
    assert len(set(verdicts(result).values())) >= 5


def many_mistakes():
    return harbour(
        dpart=HARBOUR_ANSWERS["dpart"].replace("/ rows", "/ 6"),
        dswell_path2="",
        dflat="dflat = dswell * swel",
        dpeak="dpeak = torch.randn(rows, 1)",
        dkeel="",
    )


def test_a_file_that_cannot_even_be_looked_for_is_unreadable(harbour_grader, tmp_path):
    """So says a name that is too long, and so does a folder without permission."""
    result = harbour_grader.grade_file("ada", tmp_path / ("x" * 300) / "harbour.ipynb")
    assert (result.status, result.score) == ("unreadable", 0.0)
    assert "cannot be opened (File name too long)" in result.error
