"""Hidden cases: drawn from the secret, of other sizes and seeds, and usable."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from autograder.exercise.notebook import Exercise, ExerciseError, exercise_from_notebook
from autograder.reference.cases import (
    LARGER,
    PUBLIC,
    PUBLIC_SIZES,
    SMALLER,
    draw,
    fixed,
    number_of_cases,
    parameters,
)
from autograder.reference.compute import compute_references
from tests import notebooks

SECRETS = [b"one", b"two", b"three", b"", b"\xff" * 64]
SEEDS = {"RANDOM_SEED", "TORCH_GEN_SEED"}


def _cases(exercise: Exercise, secret: bytes = b"one") -> list[dict[str, int | float]]:
    return [draw(exercise, secret, number).overrides for number in range(number_of_cases(exercise))]


def _with_parameters(source: str) -> Exercise:
    cells = [
        notebooks.locked("import", "import torch"),
        notebooks.locked("sizes", source, "parameters"),
        notebooks.locked("data", "torch.manual_seed(0)\nx = torch.ones(3).requires_grad_()"),
        notebooks.locked("forward", "y = x * 2\nloss = y.sum()", "forward"),
        notebooks.solution("dy", "dy = torch.ones_like(y)"),
        notebooks.check("y"),
    ]
    return exercise_from_notebook(notebooks.notebook(*cells), Path("made.ipynb"))


class TestTheSecret:
    def test_the_same_secret_gives_the_same_cases(self, exercise):
        assert _cases(exercise) == _cases(exercise)

    def test_another_secret_gives_others(self, exercise):
        drawn = [str(_cases(exercise, secret)) for secret in SECRETS]
        assert len(set(drawn)) == len(SECRETS)

    def test_no_two_cases_are_the_same(self, exercise):
        seeds = [tuple(case[name] for name in SEEDS) for case in _cases(exercise)]
        assert len(set(seeds)) == len(seeds)

    def test_a_draw_that_was_no_use_is_followed_by_another(self, exercise):
        assert draw(exercise, b"one", 0, 0) != draw(exercise, b"one", 0, 1)

    def test_exercises_do_not_share_their_cases(self, exercise):
        other = replace(exercise, name="another")
        assert draw(exercise, b"one", 0) != draw(other, b"one", 0)

    def test_it_decides_on_the_random_upstream_gradients_too(self, harbour):
        one, same, two = (compute_references(harbour, secret) for secret in (b"one", b"one", b"two"))
        for name, gradient in one.hidden[0].known.upstream.items():
            assert torch.equal(gradient, same.hidden[0].known.upstream[name])
            assert not torch.equal(gradient, two.hidden[0].known.upstream[name])

    def test_upstream_gradients_differ_from_case_to_case(self, harbour):
        references = compute_references(harbour, b"one").hidden
        for a, b in itertools.combinations(references, 2):
            for name, gradient in a.known.upstream.items():
                assert gradient.shape != b.known.upstream[name].shape or not torch.equal(
                    gradient, b.known.upstream[name]
                )


class TestSizes:
    def test_two_are_of_public_sizes_and_two_of_others(self, exercise):
        kinds = [draw(exercise, b"one", number).public_sizes for number in range(number_of_cases(exercise))]
        assert kinds == [True, True, False, False]

    @pytest.mark.parametrize("secret", SECRETS)
    def test_one_has_every_size_larger(self, exercise, secret):
        """A loop over range(32) does all its work where the batch has 32 or fewer, and only then fails."""
        public = parameters(exercise)
        case = _cases(exercise, secret)[LARGER]
        assert all(case[name] > public[name] for name in public.keys() - SEEDS)

    @pytest.mark.parametrize("secret", SECRETS)
    def test_one_has_every_size_smaller(self, exercise, secret):
        public = parameters(exercise)
        case = _cases(exercise, secret)[SMALLER]
        assert all(case[name] < public[name] for name in public.keys() - SEEDS)

    @pytest.mark.parametrize("secret", SECRETS)
    def test_those_of_public_sizes_change_seeds_alone(self, exercise, secret):
        for case in _cases(exercise, secret)[:PUBLIC_SIZES]:
            assert case.keys() == SEEDS

    @pytest.mark.parametrize("secret", SECRETS)
    def test_the_others_share_no_factor_with_the_public_ones(self, exercise, secret):
        public = {name: size for name, size in parameters(exercise).items() if name not in SEEDS}
        for case in _cases(exercise, secret)[PUBLIC_SIZES:]:
            assert case.keys() == parameters(exercise).keys()
            for name, size in public.items():
                assert math.gcd(int(case[name]), size) == 1
                assert case[name] > 1

    @pytest.mark.parametrize("secret", SECRETS)
    def test_they_differ_from_each_other(self, exercise, secret):
        for case in _cases(exercise, secret)[PUBLIC_SIZES:]:
            sizes = [size for name, size in case.items() if name not in SEEDS]
            assert len(set(sizes)) == len(sizes) == 4

    @pytest.mark.parametrize("secret", SECRETS)
    def test_in_the_last_they_are_in_another_order(self, exercise, secret):
        """A loop over n_hidden in place of n does not show where n_hidden is the larger of the two."""
        last = _cases(exercise, secret)[-1]
        assert last["n_hidden"] < last["batch_size"] or last["n_embd"] < last["block_size"]

    def test_a_size_of_one_and_what_is_no_integer_stay(self):
        exercise = _with_parameters("SEED = 1\nwidth = 6\nlayers = 1\nscale = 0.5\nname = 'x'\nflag = True")
        for case in _cases(exercise)[PUBLIC_SIZES:]:
            assert case.keys() == {"SEED", "width"}

    def test_without_sizes_there_are_those_of_public_sizes_only(self):
        assert number_of_cases(_with_parameters("SEED = 1\nscale = 0.5")) == PUBLIC_SIZES

    def test_without_a_seed_there_is_a_sentence(self):
        with pytest.raises(ExerciseError, match="no parameter is a seed"):
            draw(_with_parameters("width = 6"), b"one", 0)

    def test_small_sizes_have_another_too(self):
        exercise = _with_parameters("SEED = 1\na = 2\nb = 3\nc = 4\nd = 5")
        for secret in SECRETS:
            for case in _cases(exercise, secret)[PUBLIC_SIZES:]:
                assert all(
                    math.gcd(int(case[name]), size) == 1 for name, size in zip("abcd", (2, 3, 4, 5), strict=True)
                )


class TestSeeds:
    def test_every_seed_is_overridden(self, exercise):
        public = parameters(exercise)
        for case in _cases(exercise):
            assert all(case[name] != public[name] for name in SEEDS)

    def test_they_reach_the_data(self, exercise):
        references = compute_references(exercise, b"one")
        batches = [references.public, *references.hidden[:PUBLIC_SIZES]]
        for a, b in itertools.combinations(batches, 2):
            assert not torch.equal(a.known.tensors["Xb"], b.known.tensors["Xb"])
            assert not torch.allclose(a.known.tensors["W1"].double(), b.known.tensors["W1"].double())
            assert not torch.allclose(a.known.tensors["bngain"].double(), b.known.tensors["bngain"].double())
        for reference in references.hidden:
            sizes = {name: size for name, size in reference.case.overrides.items() if name not in SEEDS}
            assert reference.known.scalars.items() >= sizes.items()


def test_public_is_the_notebook_as_it_is():
    assert PUBLIC.overrides == {}
    assert PUBLIC.public_sizes
    assert PUBLIC.dtype == "float32"


def test_hidden_cases_are_float64_and_rounded_ones_float32(harbour):
    references = compute_references(harbour, b"one")
    assert {case.known.dtype for case in references.hidden} == {"float64"}
    assert {case.known.dtype for case in references.rounded} == {"float32"}
    for exact, rounded in zip(references.hidden, references.rounded, strict=True):
        assert exact.case.overrides == rounded.case.overrides
        for name, total in exact.end.total.items():
            assert total.dtype == torch.float64
            torch.testing.assert_close(rounded.end.total[name].double(), total, rtol=1e-4, atol=1e-5)


PARAMETERS = "SEED = 1\nwidth = 12\nheads = 3\nk = 2  # fixed: of top-k\nrows = 6"


def test_a_parameter_that_is_declared_fixed_is_no_size():
    exercise = _with_parameters(PARAMETERS)
    assert fixed(exercise) == {"k"}
    assert all("k" not in draw(exercise, b"secret", number).overrides for number in range(4))


def test_a_comment_that_only_has_the_word_declares_nothing():
    assert fixed(_with_parameters("SEED = 1\nrows = 6  # not fixed\nwidth = 4  # prefixed")) == set()


@pytest.mark.parametrize("secret", [b"one", b"two", b"three"])
def test_what_the_parameters_cell_demands_holds_for_every_case(secret):
    exercise = _with_parameters(PARAMETERS + "\nassert width % heads == 0 and width > heads\nassert k <= rows")
    larger, smaller = (draw(exercise, secret, number).overrides for number in (LARGER, SMALLER))
    for drawn in (larger, smaller):
        assert drawn["width"] % drawn["heads"] == 0
        assert drawn["width"] > drawn["heads"]
    assert all(larger[name] > public for name, public in (("width", 12), ("heads", 3), ("rows", 6)))
    assert all(smaller[name] < public for name, public in (("width", 12), ("heads", 3), ("rows", 6)))


def test_demands_that_no_other_sizes_meet_are_refused_with_them():
    exercise = _with_parameters("SEED = 1\nrows = 6\nwidth = 4\nassert rows == 6")
    with pytest.raises(ExerciseError, match="demands rows == 6, and no larger sizes were found"):
        draw(exercise, b"secret", LARGER)
