"""On the trusted side: a reason is given where the hidden cases agree, and holds nothing of theirs."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import nbformat
import pytest
import torch

from autograder.dojo import Comparison
from autograder.dojo.explain.sentences import Explanation
from autograder.dojo.judge import Judgement
from autograder.exercise.notebook import read_exercise
from autograder.marking.reasons import Explainer, explained
from autograder.marking.verdict import Verdict
from autograder.reference.compute import compute_references
from autograder.sandbox.host.received import Value
from tests.explain.mistakes import mistakes
from tests.explain.networks import network, run
from tests.notebooks import code, locked, notebook, solution

SIGN = Explanation("sign", "the sign is wrong", "sign")


@pytest.fixture(scope="module", name="attention")
def _attention():
    return network("attention")


def held(attention, answers, name="dscores"):
    """What a step held in each hidden case, with one answer for each case in turn."""
    references = attention.references.hidden
    return [
        run(reference, reference.known.upstream, [answers[number % len(answers)]], name)
        for number, reference in enumerate(references)
    ]


def why(attention, values, name="dscores"):
    return attention.explainer.why(attention.step(name), values)


def test_a_mistake_that_is_the_same_in_all_cases_is_named(attention):
    assert why(attention, held(attention, ["dscores = -draised * raised"])).kind == "sign"


def test_mistakes_that_differ_between_cases_are_not(attention):
    assert why(attention, held(attention, ["dscores = -draised * raised", "dscores = draised"])) is None


@pytest.mark.parametrize("value", [None, Value("none"), Value("undefined"), Value("other", type="a list")])
def test_what_is_no_tensor_is_left_to_others(attention, value):
    assert why(attention, [value] * len(attention.references.hidden)) is None


def test_a_factor_that_differs_between_cases_is_not_a_number(attention):
    said = why(attention, held(attention, ["dscores = draised * raised * 1.7", "dscores = draised * raised * 2.7"]))
    assert said.sentence == "the gradient is right up to a constant factor"


def test_where_nan_is_in_a_hidden_case_is_not_said(attention):
    values = held(attention, ["dscores = draised * raised"])
    for number, value in enumerate(values):
        value.tensor[number % 2, number % 3] = float("nan")
    assert why(attention, values).sentence == "it holds NaN or inf: look for a division by zero or the log of zero"


@pytest.mark.filterwarnings("ignore:The use of `x.T`")
@pytest.mark.parametrize("name", ["attention", "fused"])
def test_every_number_in_a_sentence_is_public(name):
    """A size at the notebook's own sizes, an axis, a constant of the forward cell, or the student's own factor."""
    one = network(name)
    public = {str(size) for t in one.references.public.known.tensors.values() for size in (*t.shape, t.numel())}
    public |= set(re.findall(r"[\d.]+", one.exercise.forward)) | {str(number) for number in range(-4, 5)}
    for mistake in mistakes(name):
        said = one.marked(dict(mistake.cells), mistake.name)
        own = {
            f"{float(n) ** sign:.6g}"
            for n in re.findall(r"\d+\.?\d*", mistake.cells[0][1])
            for sign in (1, -1)
            if float(n)
        }
        if said is not None:
            numbers = re.findall(r"(?<![A-Za-z_])\d+\.?\d*", said.sentence)
            assert set(numbers) <= public | own | {"0.5", "1.5"}, (mistake.cells, said.sentence)


class TestExplained:
    WRONG = Judgement(Verdict.WRONG, Comparison(False, False, 1.0), "expected a tensor")
    SHOWN_RIGHT = replace(WRONG, comparison=Comparison(True, True, 0.0), hint="right for this minibatch only")

    def test_without_an_explanation_nothing_changes(self):
        assert explained(self.WRONG, None) is self.WRONG

    def test_the_sentence_takes_the_place_of_what_was_said(self):
        assert explained(self.WRONG, SIGN).hint == "the sign is wrong"

    def test_what_cmp_shows_as_right_keeps_the_sentence_that_says_why_it_is_not(self):
        assert explained(self.SHOWN_RIGHT, SIGN).hint == "right for this minibatch only: the sign is wrong"


def test_explaining_changes_no_value(attention):
    values = held(attention, ["dscores = -draised * raised"])
    before = [value.tensor.clone() for value in values]
    why(attention, values)
    assert all(torch.equal(one, two.tensor) for one, two in zip(before, values, strict=True))


def test_the_code_says_more_than_the_numbers(attention):
    code = "dscores = draised * raised.cos()"
    values = held(attention, [code])
    assert why(attention, values) is None
    said = attention.explainer.why(attention.step("dscores"), values, [code])
    assert "`cos` does not belong there" in said.sentence


@pytest.mark.parametrize(
    "code",
    [
        "dscores = draised * (raised + 1)",
        "dscores = draised * raised.sin() + raised * draised.sum() * raised.cos() - draised.sin()",
        "dscores = torch.zeros_like(scores)\nfor i in range(rows):\n    for j in range(rows):\n"
        "        for k in range(rows):\n            dscores[i, j] += draised[i, k] * raised[k, j] * scores[j, i]",
    ],
)
def test_a_reason_is_found_in_a_second_or_not_at_all(attention, code):
    values = held(attention, [code])
    started = time.thread_time()
    attention.explainer.why(attention.step("dscores"), values, [code])
    assert time.thread_time() - started < 2
    started = time.thread_time()
    assert attention.explainer.why(attention.step("dscores"), values, [code], seconds=0) is None
    assert time.thread_time() - started < 0.3


def test_simple_causes_are_named_when_no_time_is_left(attention):
    code = "dscores = -draised * raised"
    said = attention.explainer.why(attention.step("dscores"), held(attention, [code]), [code], seconds=-1)
    assert said.kind == "sign"


def test_code_in_a_sentence_is_one_printable_line():
    said = explained(TestExplained.WRONG, Explanation("added", "`'\u202e\n\x1b[1m'` is added", "added"))
    assert said.hint.isprintable()


def test_a_tensor_in_a_container_has_a_name_in_the_sentence(tmp_path):
    setup = (
        "import torch\ng = torch.Generator().manual_seed(SEED)\nx = torch.randn((rows, 3), generator=g)\n"
        "params = {'W': torch.randn((3, 4), generator=g, requires_grad=True)}"
    )
    check = "cmp('W', dW, params['W'])"
    info = {"grade_id": "cmp_dW", "grade": True, "solution": False, "locked": True, "points": 1}
    book = notebook(
        locked("parameters", "SEED = 1\nrows = 5", "parameters"),
        locked("setup", setup),
        locked("forward", "h = x @ params['W']\nloss = h.tanh().sum()", "forward"),
        solution("dW", "dW = x.T @ (1 - h.tanh()**2)"),
        code(check, nbgrader=info),
    )
    nbformat.write(book, tmp_path / "dict.ipynb")
    exercise = read_exercise(tmp_path / "dict.ipynb")
    references = compute_references(exercise, b"secret")
    explainer = Explainer(exercise, references)
    (step,) = exercise.steps
    wrong = [Value("tensor", -reference.step.total["params['W']"]) for reference in references.hidden]
    assert explainer.why(step, wrong).sentence == "the sign is wrong"
