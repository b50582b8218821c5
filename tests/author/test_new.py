"""A new exercise: a notebook that reads as one, with dojo beside it, and gaps where nothing is derived."""

import nbformat
import pytest

from autograder.author.new import write_new
from autograder.exercise.notebook import read_exercise
from tests.author.derived import as_draft, derived, shipped
from tests.author.forwards import FORWARDS
from tests.notebooks import by_id

GAP = """\
import torch
torch.manual_seed(1)
x = torch.randn(3, requires_grad=True)
y = torch.erf(x)
loss = (y**2).sum()
"""


def test_the_example_is_an_exercise_with_a_heading_for_each_cell_and_a_last_table(example):
    exercise = read_exercise(example)
    assert [step.name for step in exercise.steps][:3] == ["dlogp", "dz2", "db2"]
    assert exercise.max_score == 8
    book = nbformat.read(example, as_version=4)
    headings = [cell.source.splitlines()[0] for cell in book.cells if cell.source.startswith("### `")]
    assert headings[1] == "### `dz2`"
    assert "`z2` (8, 4) → `logp` (8, 4)" in "\n".join(cell.source for cell in book.cells)
    assert by_id(book)["table"].source.startswith("cmp_all(\n    ('logp', dlogp, logp),")
    assert (example.parent / "dojo" / "explain" / "lines.py").is_file()


@pytest.mark.parametrize("name", ["heads", "in_a_dict"])
def test_a_forward_pass_becomes_an_exercise_whose_answers_hold_at_other_sizes(tmp_path, name):
    (tmp_path / "forward.py").write_text(FORWARDS[name][0])
    written = write_new(tmp_path / "solutions" / "a" / "b.ipynb", tmp_path / "forward.py")
    assert written.gaps == ()
    assert len(read_exercise(written.path).steps) == written.points


@pytest.mark.parametrize(
    "path", [path for path in shipped() if path.stem in ("3_batchnorm", "2_through_time")], ids=str
)
def test_a_shipped_forward_pass_is_derived_without_a_gap(path):
    written = derived(path.stem, as_draft(read_exercise(path)), path.parent)
    assert (written.gaps, written.filled >= written.points > 10) == ((), True)


def test_what_is_not_derived_is_a_gap_that_can_be_found(tmp_path):
    (tmp_path / "forward.py").write_text(GAP)
    written = write_new(tmp_path / "a" / "b.ipynb", tmp_path / "forward.py")
    assert written.gaps == ("dx, through `y = torch.erf(x)`: erf",)
    assert "# GAP: derive this" in by_id(nbformat.read(written.path, as_version=4))["dx"].source


def test_an_answer_that_holds_at_these_sizes_only_is_a_gap(tmp_path):
    (tmp_path / "forward.py").write_text(
        "import torch\nSEED = 1\nn = 3\ng = torch.Generator().manual_seed(SEED)\n"
        "x = torch.randn(n, generator=g, requires_grad=True)\n"
        "y = x * x.shape[0] if x.shape[0] == 3 else x**2\nloss = y.sum()\n"
    )
    written = write_new(tmp_path / "a" / "b.ipynb", tmp_path / "forward.py")
    assert len(written.gaps) == 1


def test_a_notebook_that_is_there_is_never_overwritten(example):
    with pytest.raises(FileExistsError):
        write_new(example, None)
