"""The warm graders that nbgrader's step keeps, and what it is told."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from nbgrader.utils import determine_grade
from traitlets import TraitError
from traitlets.config import Config
from traitlets.config.loader import KeyValueConfigLoader

from autograder.course.settings import settings_from_config
from autograder.nbgrader.mark import INDEX, MarkByEngine, NotMarkedError, number_cells
from autograder.nbgrader.warm import WARM
from autograder.sandbox.host.received import RanCell
from tests.notebooks import by_id


class TestSharing:
    """What `autograder grade` has graded is not graded again."""

    @pytest.fixture
    def kept(self, port, monkeypatch):
        """Ada's result is kept, and grading is out of order."""
        monkeypatch.setattr(WARM, "grader", None)
        path = port.hand_in("ada")
        settings = settings_from_config(Config(MarkByEngine={"isolation": "process"}), port.folder)
        cache = WARM.cache(port.exercise.path, port.folder, settings, "port")
        result = port.result({"dkeel": 0.25}, cells={0: RanCell("hello\n", None, False)})
        cache.put(result, cache.key(path), recorded=True)
        return port

    def marked(self, port):
        notebook = copy.deepcopy(port.released)
        number_cells(notebook)
        step = MarkByEngine(config=Config(port.config, MarkByEngine={"isolation": "process"}))
        resources = {"nbgrader": {"student": "ada", "assignment": "port", "notebook": "harbour"}}
        return step.preprocess(notebook, resources)[0]

    def test_the_kept_result_is_written(self, kept):
        notebook = self.marked(kept)
        assert determine_grade(by_id(notebook)["cmp_dkeel"])[0] == 0.25
        assert INDEX not in json.dumps(notebook)

    def test_another_submission_is_graded(self, kept):
        path = kept.folder / "submitted" / "ada" / "port" / "harbour.ipynb"
        path.write_text(path.read_text() + "\n")
        with pytest.raises(NotMarkedError, match="not callable"):
            self.marked(kept)


class TestSettings:
    def test_those_of_the_command_line_count(self):
        arguments = ["--MarkByEngine.credit={'exact': 0}", "--MarkByEngine.limits={'cell_seconds': 3}"]
        config = KeyValueConfigLoader(argv=arguments).load_config()
        settings = MarkByEngine(config=config).settings(Path("course"))
        assert (settings.credit["exact"], settings.limits.cell_seconds) == (0.0, 3.0)

    def test_one_that_cannot_be_is_refused(self):
        with pytest.raises(TraitError, match="hard-coded has 2, expected a number from 0 to 1"):
            MarkByEngine(config=Config(MarkByEngine={"credit": {"hard-coded": 2}}))
