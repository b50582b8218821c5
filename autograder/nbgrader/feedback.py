"""generate_feedback: nbgrader's page with the steps by name and verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbgrader.server_extensions.formgrader as formgrader

OURS = Path(__file__).parent / "templates"
NBGRADERS = Path(formgrader.__file__).parent / "templates"
STYLES = Path(formgrader.__file__).parent / "static" / "node_modules" / "bootstrap" / "dist" / "css"


def use_page(config: Any) -> None:
    """Set our template for the feedback pages in nbgrader's configuration, and for nothing else."""
    exporter = config.GenerateFeedback.HTMLExporter
    exporter.template_name = "dojo_feedback"
    exporter.extra_template_basedirs = [str(OURS), str(NBGRADERS)]
    exporter.extra_template_paths = [str(STYLES), str(NBGRADERS)]
