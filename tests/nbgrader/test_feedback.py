"""The page that students get, made by nbgrader's own exporter with our template."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
from traitlets.config import Config

from autograder.nbgrader.feedback import use_page
from autograder.nbgrader.mark import write_outputs
from autograder.nbgrader.pages import FeedbackExporter
from tests.notebooks import by_id


@pytest.fixture
def config():
    made = Config()
    use_page(made)
    return made


@pytest.fixture
def page(port, config):
    """The page of a submission that lost half a point on one step."""
    notebook = copy.deepcopy(port.released)
    write_outputs(notebook, port.result({"dkeel": 0.5}))
    for name, cell in by_id(notebook).items():
        if name.startswith("cmp_"):  # GetGrades would read it from the gradebook
            cell.metadata.nbgrader["score"] = 0.5 if name == "cmp_dkeel" else 1.0
    info = {"notebook": "harbour", "score": 7.5, "max_score": 8.0, "late_penalty": 0}
    exporter = FeedbackExporter(config=Config(HTMLExporter=config.GenerateFeedback.HTMLExporter))
    html, _ = exporter.from_notebook_node(notebook, {"nbgrader": info})
    return html


def test_each_step_has_its_verdict_and_points(page):
    assert 'href="#cmp_dkeel">dkeel</a> <span class="dojo-part">wrong, 0.5 / 1</span>' in page
    assert 'href="#cmp_dpart">dpart</a> <span class="dojo-full">exact, 1 / 1</span>' in page
    assert "harbour (Score: 7.5 / 8.0)" in page


def test_a_check_cell_shows_the_reason_and_not_the_bare_score(page):
    assert "verdict: wrong, 0.5 of 1" in page
    assert "output_execute_result" not in page


def test_only_the_feedback_has_it_but_for_what_makes_markup_inert(config):
    assert set(config) == {"GenerateFeedback", "HTMLExporter"}
    assert set(config.HTMLExporter) == {"preprocessors"}


def test_a_configuration_that_uses_it_imports_nothing_of_nbgrader():
    """Every nbgrader command reads the configuration."""
    code = (
        "import sys\nfrom traitlets.config import Config\nfrom autograder.nbgrader.feedback import use_page\n"
        "use_page(Config())\nprint({'nbgrader', 'nbconvert', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
