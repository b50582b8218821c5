"""Which code is looked at for numerical differentiation: all that does it, and little that does not."""

from __future__ import annotations

import pytest

from autograder.dojo.trial import numerical as module
from autograder.dojo.trial.numerical import is_complex, may_shift
from tests.marks.notebooks import exercise
from tests.marks.right_answers import RIGHT

FORWARD = "y = (x + 1e-5)**-0.5\nloss = y.sum()"


@pytest.mark.parametrize(
    "code",
    [
        "dx = (f(x + 1e-6) - f(x - 1e-6)) / 2e-6",
        "dx = (f(x + 0.001) - f(x)) * 1000",
        "e = 10**-6\ndx = (f(x + e) - f(x)) / e",
        "e = 1 / 1000\ndx = (f(x + e) - f(x)) / e",
        "e = torch.finfo(x.dtype).eps ** (1 / 3)\ndx = f(x + e)",
        "dx = f(x + 1e-20j).imag",
        "d = torch.randn_like(x)\ndx = f(x + d)",
        "dx = (f(x + x) - f(x)) / 2",
    ],
)
def test_what_shifts_is_suspected(code):
    assert may_shift({0: code}, [0], "dx", {}, FORWARD)


@pytest.mark.parametrize(
    "code",
    [
        "dx = -0.5 * (x + 1e-5)**-1.5 * dy",
        "dx = dy * 2",
        "dx = (dy - dy.mean(0)) / n",
        "for i in range(n):\n    dx[i] = dy[i] * 1.5",
    ],
)
def test_a_derivation_is_not(code):
    assert not may_shift({0: code}, [0], "dx", {}, FORWARD)


def test_what_the_step_calls_counts_and_what_it_does_not_use_does_not():
    cells = {0: "def d(f, x):\n    return (f(x + 1e-6) - f(x)) / 1e-6", 1: "dx = d(f, x)", 2: "dy = 2 * x"}
    assert may_shift(cells, [1], "dx", {}, FORWARD)
    assert not may_shift(cells, [2], "dy", {}, FORWARD)


@pytest.mark.parametrize(
    "code", ["dx = f(x + 1j * h).imag / h", "z = x.numpy().astype(complex)\ndx = z", "dx = x.to(torch.complex128).imag"]
)
def test_complex_numbers_are_seen(code):
    assert is_complex({0: code}, [0], "dx", {})


def test_no_right_answer_has_complex_numbers():
    assert not [code for cell, codes in RIGHT.items() for code in codes if is_complex({0: code}, [0], cell, {})]


def test_few_right_answers_are_suspected():
    """Each of those costs a run more."""
    codes = [(cell, code) for cell, several in RIGHT.items() for code in several]
    suspected = [code for cell, code in codes if may_shift({0: code}, [0], cell, {}, exercise().forward)]
    assert len(suspected) < len(codes) / 10, suspected


@pytest.mark.parametrize(
    "code", ["dx = 10**400 / 1e-400", "dx = 1" + "0" * 5000, "dx = (", "x = '" + "a" * 50_000 + "'"]
)
def test_no_code_is_too_odd(code):
    may_shift({0: code}, [0], "dx", {}, FORWARD)
    is_complex({0: code}, [0], "dx", {})


def test_how_an_earlier_gradient_came_about_is_its_own_affair():
    cells = {0: "h = 1e-4\ndx = (f(x + h) - f(x)) / h", 1: "dy = dx * 2"}
    assert may_shift(cells, [0], "dx", {"dx": 0, "dy": 1}, FORWARD)
    assert not may_shift(cells, [1], "dy", {"dx": 0, "dy": 1}, FORWARD)


@pytest.mark.parametrize("code", ["a" * 100_000, "a(" * 50_000, "a(-" * 30_000])
def test_of_long_text_only_the_beginning_is_searched(code, monkeypatch):
    """To search all takes time with the square of its length."""
    searched = []

    class Words:
        def search(self, text):
            searched.append(len(text))

    monkeypatch.setattr(module, "_WORDS", Words())
    may_shift({0: code}, [0], "dx", {}, FORWARD)
    is_complex({0: code}, [0], "dx", {})
    assert sum(searched) <= module.MAX_TEXT


def test_a_function_is_known_by_its_whole_name():
    assert may_shift({0: "dx = (model_f(x + x) - model_f(x)) / 2"}, [0], "dx", {}, FORWARD)
