"""`autograder similar`, on real notebooks."""

from __future__ import annotations

import copy

from click.testing import CliRunner

from autograder.cli import main
from tests.notebooks import HARBOUR_ANSWERS, by_id, code

ODD = {
    "dflat": "dflat = swell * dswell * 1.0  # thanks to nobody at all",
    "drope": "mine = torch.ones(rows)\ndrope = mine @ dmast",
    "dkeel": "dkeel = (dmast.T @ sail).T + 0",
}


def run(*args):
    return CliRunner().invoke(main, ["similar", "port", *args])


def hand_in(port, student, answers, rename=""):
    notebook = copy.deepcopy(port.released)
    for name, source in (HARBOUR_ANSWERS | answers).items():
        by_id(notebook)[name].source = source.replace("mine", rename or "mine")
    notebook.cells.append(code(f"print('{student}')"))
    return port.hand_in(student, notebook)


def test_a_pair_that_shares_what_few_wrote_is_shown_and_nothing_is_marked(port, keep):
    for number in range(12):
        hand_in(port, f"s{number:02}", {})
    hand_in(port, "ada", ODD)
    hand_in(port, "ben", ODD, rename="theirs")
    (port.folder / "submitted" / "s00" / "port" / "harbour.ipynb").write_text("{")
    before = set(port.folder.rglob("*"))
    done = run()
    assert done.exit_code == 0
    assert done.stdout == "similar-port.html: 1 pairs of 13 students\n"
    assert "s00/harbour is left out: harbour.ipynb is not a Jupyter notebook" in done.stderr
    text = (port.folder / "similar-port.html").read_text()
    assert "ada and ben" in text
    assert "<mark>drope = theirs @ dmast</mark>" in text
    assert "<mark>dtotal" not in text
    made = set(port.folder.rglob("*")) - before
    assert {path.name for path in made} == {"similar-port.html"}
    assert (port.folder / "similar-port.html").stat().st_mode & 0o077 == 0


def test_one_student_is_like_nobody(port, keep):
    hand_in(port, "ada", {})
    done = run()
    assert done.exit_code == 2
    assert "fewer than two have submitted port" in done.stderr
