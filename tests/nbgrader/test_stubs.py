import pytest
from nbconvert.exporters.exporter import ResourcesDict

from autograder.nbgrader.stubs import TodoStubs
from tests import notebooks
from tests.notebooks import by_id, check, locked, notebook, solution


def small(forward, *cells):
    """An exercise around one forward cell, on a leaf called `leaf`."""
    setup = locked("data", "import torch\n\nleaf = torch.arange(1.0, 4.0).requires_grad_()")
    return notebook(setup, locked("forward", forward, "forward"), *cells)


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
