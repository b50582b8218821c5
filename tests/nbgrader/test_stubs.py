from pathlib import Path

import pytest
from nbconvert.exporters.exporter import ResourcesDict

from autograder.exercise.notebook import ExerciseError, exercise_from_notebook
from autograder.nbgrader.stubs import TodoStubs, stubs
from tests import notebooks
from tests.notebooks import by_id, check, locked, notebook, solution


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


@pytest.fixture
def released(tmp_path):
    """The small exercise after TodoStubs, as nbgrader calls it."""
    source = notebooks.tide()
    resources = ResourcesDict(metadata={"path": str(tmp_path)}, nbgrader={"notebook": "tide"})
    TodoStubs().preprocess(source, resources)
    return source


def test_every_solution_region_is_replaced_by_its_stub_with_the_real_shape(released):
    solutions = {i: c.source for i, c in by_id(released).items() if c.metadata["nbgrader"]["solution"]}
    assert solutions == {
        "dcrest": "dcrest = None  # TODO: gradient of the loss with respect to crest, shape (3,)",
        "dwave_path1": "dwave = None  # TODO: gradient with respect to wave through crest, shape (3,)",
        "dfoam": "dfoam = None  # TODO: gradient of the loss with respect to foam, shape (3,)",
        "dwave_path2": "dwave = dwave  # TODO: + the gradient through foam, shape (3,)",
        "dtide": "dtide = None  # TODO: gradient of the loss with respect to tide, shape (3,)",
    }


def test_all_other_cells_are_released_as_they_are(released):
    def others(notebook):
        return [c.source for c in notebook.cells if not c.metadata.get("nbgrader", {}).get("solution")]

    assert others(released) == others(notebooks.tide())


def test_what_stands_around_a_solution_region_is_released(tmp_path):
    source = small("twig = leaf * 2\nloss = twig.sum()", solution("dtwig", "dtwig = 1"), check("twig"))
    cell = by_id(source)["dtwig"]
    cell.source = f"# before\n{cell.source}\nafter = 1"
    resources = ResourcesDict(metadata={"path": str(tmp_path)}, nbgrader={"notebook": "x"})
    TodoStubs().preprocess(source, resources)
    assert cell.source.splitlines()[0] == "# before"
    assert cell.source.splitlines()[1].startswith("dtwig = None  # TODO")
    assert cell.source.splitlines()[2:] == ["after = 1"]
