"""The references of a small exercise: what is known, what is secret, which cases are drawn again."""

from __future__ import annotations

import math

import nbformat
import pytest
import torch

from autograder.cells.errors import SetupError
from autograder.exercise.notebook import ExerciseError, read_exercise
from autograder.reference.cases import PUBLIC_SIZES
from autograder.reference.compute import compute_references, forward_shapes
from tests.conftest import SECRET
from tests.notebooks import by_id, harbour

SHAPES = {
    **{"part": (6, 4), "total": (6, 1), "swell": (6, 4), "flat": (6, 4)},
    **{"peak": (6, 1), "mast": (6, 4), "rope": (4,), "keel": (3, 4)},
}


def exercise_with(folder, cell=None, before="", after=""):
    """Harbour with one piece of one cell replaced."""
    notebook = harbour()
    if cell is not None:
        source = by_id(notebook)[cell].source
        assert before in source
        by_id(notebook)[cell].source = source.replace(before, after)
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / "harbour.ipynb")
    return read_exercise(folder / "harbour.ipynb")


def everything(references):
    return (references.public, *references.hidden, *references.rounded)


class TestForwardShapes:
    def test_of_every_marked_tensor(self, harbour):
        assert forward_shapes(harbour) == SHAPES

    def test_a_forward_pass_that_fails(self, tmp_path):
        exercise = exercise_with(tmp_path / "a", "forward", "flat.exp()", "flat.nonsense()")
        with pytest.raises(ExerciseError, match=r"the forward cell failed in `swell = flat.nonsense\(\)`: .*nonsense"):
            forward_shapes(exercise)

    def test_a_tensor_that_nothing_assigns(self, tmp_path):
        exercise = exercise_with(tmp_path / "a", "cmp_dpeak", ", peak)", ", pike)")
        with pytest.raises(ExerciseError, match="nothing assigns pike"):
            forward_shapes(exercise)


class TestCases:
    def test_two_at_the_public_sizes_and_two_at_others(self, harbour_references):
        sizes = [
            (reference.known.scalars["rows"], reference.known.scalars["width"])
            for reference in harbour_references.hidden
        ]
        assert sizes[:PUBLIC_SIZES] == [(6, 4)] * PUBLIC_SIZES
        assert len(sizes) == 4
        for rows, width in sizes[PUBLIC_SIZES:]:
            assert math.gcd(rows, 6) == math.gcd(width, 4) == 1
        assert [reference.case.public_sizes for reference in harbour_references.hidden] == [True, True, False, False]

    def test_all_have_data_of_their_own(self, harbour_references):
        seeds = {reference.case.overrides["SEED"] for reference in harbour_references.hidden}
        assert len(seeds) == 4
        assert 5 not in seeds

    def test_a_student_sees_the_public_seed_only(self, harbour_references):
        assert {reference.known.scalars["SEED"] for reference in harbour_references.hidden} == {5}

    def test_precisions(self, harbour_references):
        for references, dtype in (
            ((harbour_references.public, *harbour_references.rounded), torch.float32),
            (harbour_references.hidden, torch.float64),
        ):
            for reference in references:
                tensors = [*reference.known.upstream.values(), *reference.end.total.values()]
                assert {tensor.dtype for tensor in tensors} == {dtype}
                assert {t.dtype for t in reference.known.tensors.values()} == {dtype, torch.int64}
                assert reference.known.dtype == str(dtype).removeprefix("torch.")

    def test_rounded_is_the_same_case_in_float32(self, harbour_references):
        for exact, rounded in zip(harbour_references.hidden, harbour_references.rounded, strict=True):
            assert exact.case.overrides == rounded.case.overrides
            for name, tensor in exact.known.tensors.items():
                torch.testing.assert_close(rounded.known.tensors[name], tensor, check_dtype=False)

    def test_the_same_secret_the_same_cases(self, harbour, harbour_references):
        again, other = compute_references(harbour, SECRET), compute_references(harbour, b"another")
        for one, two in zip(everything(again), everything(harbour_references), strict=True):
            assert one.case == two.case
            for gradients in ("end", "step"):
                for name, tensor in getattr(one, gradients).total.items():
                    assert torch.equal(tensor, getattr(two, gradients).total[name])
        seeds = {r.case.overrides["SEED"] for r in other.hidden}
        assert not seeds & {r.case.overrides["SEED"] for r in harbour_references.hidden}


class TestValues:
    def test_what_may_be_known_has_no_graph_and_no_gradient(self, harbour_references):
        for reference in everything(harbour_references):
            for tensor in (*reference.known.tensors.values(), *reference.known.upstream.values()):
                assert (tensor.requires_grad, tensor.grad_fn, tensor.grad) == (False, None, None)
            assert {"loss", "part", "keel", "sail", "goal"} <= set(reference.known.tensors)
            assert set(reference.known.scalars) == {"SEED", "rows", "width"}

    def test_the_gradients_are_those_of_pytorch(self, harbour, harbour_references):
        names: dict = {}
        for source in (*harbour.setup, harbour.forward):
            exec(source, names)
        tensors = {name: names[name] for name in SHAPES}
        truth = torch.autograd.grad(names["loss"], list(tensors.values()))
        for name, gradient in zip(tensors, truth, strict=True):
            assert torch.equal(harbour_references.public.end.total[name], gradient)

    def test_paths_sum_to_the_total(self, harbour_references):
        for reference in harbour_references.hidden:
            for gradients in (reference.end, reference.step):
                for name, paths in gradients.paths.items():
                    torch.testing.assert_close(sum(paths.values()), gradients.total[name], rtol=1e-9, atol=1e-12)
                assert set(gradients.paths["swell"]) == {"total", "part"}
                assert set(gradients.paths["mast"]) == {"peak", "flat"}

    def test_step_by_step_is_the_product_with_the_random_upstream(self, harbour_references):
        for reference in harbour_references.hidden:
            known, step = reference.known, reference.step.total
            torch.testing.assert_close(step["flat"], known.upstream["dswell"] * known.tensors["swell"])
            torch.testing.assert_close(step["rope"], known.upstream["dmast"].sum(0))
            torch.testing.assert_close(step["peak"], -known.upstream["dflat"].sum(1, keepdim=True))

    def test_what_vanishes_is_known(self, harbour_references):
        assert {reference.vanishing for reference in everything(harbour_references)} == {frozenset({"peak"})}


class TestDrawnAgain:
    def test_a_case_with_a_tie(self, tmp_path):
        """About half of these have two largest numbers in a row; none that is used has."""
        ties = exercise_with(
            *(tmp_path / "a", "data", "sail = torch.randn((rows, 3), generator=source)"),
            "sail = torch.randn((rows, 3), generator=source)\nif torch.rand((), generator=source) < 0.5:\n"
            "    sail = sail * 0",
        )
        references = compute_references(ties, b"secret")
        for reference in references.hidden:
            ordered = reference.known.tensors["mast"].sort(1).values
            assert (ordered[:, -1] > ordered[:, -2]).all()

    @pytest.mark.parametrize(
        ("before", "after", "why"),
        [
            (
                "flat = mast - peak",
                "flat = mast - peak + (0.0 if SEED == 5 else float('nan'))",
                "the gradient of part holds NaN or inf",
            ),
            (
                "flat = mast - peak",
                "flat = (mast - peak) * (1.0 if SEED == 5 else 0.0)",
                "the gradient of keel, mast, rope is zero here and not in the notebook",
            ),
            (
                "flat = mast - peak",
                "flat = (mast - peak) / (1.0 if SEED == 5 else 0.0)",
                "the gradient of part holds NaN or inf",
            ),
        ],
        ids=["not finite", "vanishes", "divides by zero"],
    )
    def test_an_exercise_without_any_usable_case_is_refused_with_the_reason(self, tmp_path, before, after, why):
        exercise = exercise_with(tmp_path / "a", "forward", before, after)
        with pytest.raises(ExerciseError, match=rf"harbour\.ipynb: 40 draws .* of no use: {why}.* with SEED = \d+"):
            compute_references(exercise, b"secret")

    def test_a_maximum_with_ties_in_every_draw_has_the_gradient_that_pytorch_gives_it(self, tmp_path):
        """As in max-pooling behind a ReLU: most windows have several zeros."""
        relu = "mast = (sail @ keel).relu() + rope * 0"
        ties = exercise_with(tmp_path / "a", "forward", "mast = sail @ keel + rope", relu)
        for reference in compute_references(ties, b"secret").hidden:
            row = reference.known.tensors["mast"].sort(1).values
            chosen = reference.step.paths["mast"]["peak"] != 0
            assert (chosen.sum(1) == 1).all(), row


class TestRefused:
    @pytest.mark.parametrize(
        ("cell", "before", "after", "error", "says"),
        [
            ("data", "source = ", "source = 1 / 0, ", SetupError, "a setup cell of the exercise failed: ZeroDivision"),
            ("data", ".requires_grad_()", "", ExerciseError, "set requires_grad on the parameters in setup"),
            (
                "forward",
                "flat.exp()",
                "flat.nonsense()",
                ExerciseError,
                "the forward cell failed in `swell = flat",
            ),
            ("sizes", "SEED = 5\n", "NUMBER = SEED = 5\n", ExerciseError, "no parameter is a seed"),
        ],
    )
    def test_with_a_sentence(self, tmp_path, cell, before, after, error, says):
        exercise = exercise_with(tmp_path / "a", cell, before, after)
        with pytest.raises(error, match=says):
            compute_references(exercise, b"secret")
