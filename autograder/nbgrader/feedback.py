"""Make generate_feedback use our page, which names each step with its verdict."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

OURS = Path(__file__).parent / "templates"


def _formgrader() -> Path:
    """Return the folder of nbgrader's templates, without importing nbgrader: every command of it calls this."""
    spec = importlib.util.find_spec("nbgrader")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "server_extensions" / "formgrader"


def use_page(config: Any) -> None:
    """Set our template for the feedback pages in nbgrader's configuration, and inert markup for all of its pages."""
    theirs = _formgrader()
    # Formgrader's pages too: what a submission's text cells hold must not run in the instructor's browser.
    config.HTMLExporter.preprocessors = ["autograder.nbgrader.sanitize.InertMarkup"]
    config.GenerateFeedback.exporter_class = "autograder.nbgrader.pages.FeedbackExporter"
    exporter = config.GenerateFeedback.HTMLExporter
    exporter.template_name = "dojo_feedback"
    exporter.extra_template_basedirs = [str(OURS), str(theirs / "templates")]
    exporter.extra_template_paths = [str(theirs / "templates")]
