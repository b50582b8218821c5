"""The exporter of feedback pages: one file each that runs no script and needs no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.html import WidgetsDataTypeFilter
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbgrader.api import Gradebook

import autograder.nbgrader.both_cores  # noqa: F401 (makes generate_feedback use them; nothing else can name it)
from autograder.nbgrader.formulas import Formulas
from autograder.nbgrader.late import late_of, late_plugin

HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
PICTURE = re.compile(r"<img\b(?![^>]*\salt=)")
# What is not named, scripts and frames among it, is refused.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; base-uri 'none'; form-action 'none'"


class FeedbackExporter(HTMLExporter):
    """Makes a page of one notebook, its formulas typeset."""

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> tuple[str, Any]:
        """Convert a notebook, without nbconvert's second reading of the whole page, which takes a third of the time."""
        self._formulas = Formulas()
        language = nb.metadata.get("language_info", {})
        lexer = language.get("pygments_lexer", language.get("name", None))
        resources = self._init_resources(resources)
        resources["late"] = _late(self.config, resources.get("nbgrader", {}))
        self.register_filter("highlight_code", Highlight2HTML(pygments_lexer=lexer, parent=self))
        self.register_filter(
            "filter_data_type",
            WidgetsDataTypeFilter(notebook_metadata=self._nb_metadata, parent=self, resources=resources),
        )
        page, resources = super(HTMLExporter, self).from_notebook_node(nb, resources, **kw)
        return with_policy(PICTURE.sub('<img alt="a picture without a description"', page)), resources

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Return a text cell's markdown as HTML."""
        attachments = context.get("cell", {}).get("attachments", {})
        renderer = _Renderer(escape=False, attachments=attachments)
        renderer.formulas = self._formulas
        page: str = MarkdownWithMath(renderer=renderer).render(source)
        return page

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        """Yield nbconvert's filters and ours: latex2html, for outputs."""
        yield from super().default_filters()
        yield "latex2html", lambda text: self._formulas.typeset_all(text)


class _Renderer(IPythonRenderer):
    """nbconvert's, but for formulas, which it leaves to a script."""

    formulas: Formulas

    def block_math(self, body: str) -> str:
        return self.formulas.typeset(body, display=True)

    def inline_math(self, body: str) -> str:
        return self.formulas.typeset(body, display=False)

    def latex_environment(self, name: str, body: str) -> str:
        return self.formulas.typeset(f"\\begin{{{name}}}{body}\\end{{{name}}}", display=True)


def _late(config: Any, about: Any) -> str:
    """Return what a page says of being late, as the table does. about: nbgrader's names of the notebook."""
    if "db_url" not in about:
        return ""
    with Gradebook(about["db_url"]) as gradebook:
        row = gradebook.find_submission(about["assignment"], about["student"])
        return late_of(late_plugin(config), row).said()


def with_policy(page: str) -> str:
    """Return a page with a content security policy in its head."""
    start = HEAD.search(page)
    if start is None:
        raise ValueError("the feedback template makes a page without a head, so it can have no policy")
    meta = f'\n<meta http-equiv="Content-Security-Policy" content="{POLICY}" />'
    return page[: start.end()] + meta + page[start.end() :]
