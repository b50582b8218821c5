from pathlib import Path

import pytest

from autograder.exercise.notebook import ExerciseError, exercise_from_notebook
from autograder.exercise.stubs import stubs
from tests.notebooks import check, locked, notebook, solution


def small(forward, *cells):
    """An exercise around one forward cell, on a leaf called `leaf`."""
    setup = locked("data", "import torch\n\nleaf = torch.arange(1.0, 4.0).requires_grad_()")
    return notebook(setup, locked("forward", forward, "forward"), *cells)


def stubs_of(forward, *cells, **shapes):
    return stubs(exercise_from_notebook(small(forward, *cells), Path("x.ipynb")), shapes)


def test_a_single_step_says_what_is_wanted_and_its_shape():
    found = stubs_of("twig = leaf * 2\nloss = twig.sum()", solution("dtwig", "dtwig = 1"), check("twig"), twig=(3,))
    assert found == {"dtwig": "dtwig = None  # TODO: gradient of the loss with respect to twig, shape (3,)"}


def test_two_paths_are_named_by_the_lines_they_lead_through_in_backward_order():
    found = stubs_of(
        "bud = leaf + 1\nbloom = leaf * bud\nloss = bloom.sum()",
        solution("dleaf_path1", "dleaf = 1"),
        solution("dleaf_path2", "dleaf = dleaf + 1"),
        check("leaf"),
        leaf=(2, 3),
    )
    assert found == {
        "dleaf_path1": "dleaf = None  # TODO: gradient with respect to leaf through bloom, shape (2, 3)",
        "dleaf_path2": "dleaf = dleaf  # TODO: + the gradient through bud, shape (2, 3)",
    }


def test_three_paths_each_have_a_stub_that_keeps_what_is_there():
    found = stubs_of(
        "bud = leaf + 1\nfruit = leaf * 3\nbloom = leaf * bud\nloss = (bloom + fruit).sum()",
        *(solution(f"dleaf_path{path}", "dleaf = 1") for path in (1, 2, 3)),
        check("leaf"),
        leaf=(),
    )
    assert list(found.values()) == [
        "dleaf = None  # TODO: gradient with respect to leaf through bloom, shape ()",
        "dleaf = dleaf  # TODO: + the gradient through fruit, shape ()",
        "dleaf = dleaf  # TODO: + the gradient through bud, shape ()",
    ]


def test_a_tensor_used_twice_in_one_cell_of_the_student_is_one_step():
    found = stubs_of(
        "bud = leaf + 1\nbloom = leaf * bud\nloss = bloom.sum()",
        solution("dleaf", "dleaf = 1"),
        check("leaf"),
        leaf=(3,),
    )
    assert found == {"dleaf": "dleaf = None  # TODO: gradient of the loss with respect to leaf, shape (3,)"}


def test_more_solution_cells_than_paths_are_refused_with_both_numbers():
    cells = [solution(f"dtwig_path{path}", "dtwig = 1") for path in (1, 2)]
    with pytest.raises(ExerciseError, match=r"dtwig has 2 solution cells, but twig is used by 1 lines"):
        stubs_of("twig = leaf * 2\nloss = twig.sum()", *cells, check("twig"), twig=(3,))
