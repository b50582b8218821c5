"""A feedback page runs no script, loads nothing, and shows its formulas."""

from __future__ import annotations

import pytest
from nbformat import v4
from traitlets.config import Config

from autograder.nbgrader.feedback import use_page
from autograder.nbgrader.pages import FeedbackExporter, with_policy


def page(*cells):
    """The page that nbgrader makes of a notebook with these cells."""
    config = Config()
    use_page(config)
    exporter = FeedbackExporter(
        config=Config({"HTMLExporter": {**config.GenerateFeedback.HTMLExporter, **config.HTMLExporter}})
    )
    info = {"notebook": "harbour", "score": 1.0, "max_score": 1.0, "late_penalty": 0}
    made, _ = exporter.from_notebook_node(v4.new_notebook(cells=list(cells)), {"nbgrader": info})
    return made


def test_a_page_needs_neither_scripts_nor_a_network():
    made = page(v4.new_markdown_cell("$x^2$"), v4.new_code_cell("1"))
    assert "<script" not in made
    assert "://" not in made.replace("http://www.w3.org", "")
    assert len(made) < 20_000


def test_formulas_are_typeset():
    made = page(v4.new_markdown_cell("a $x$ b\n\n$$\\frac{1}{2}$$\n\n\\begin{align}a &= b\\end{align}"))
    assert "<math><mi>x</mi></math>" in made
    assert '<math display="block"><mfrac>' in made
    assert made.count("<math") == 3


def test_a_formula_in_an_output_is_typeset():
    output = v4.new_output("display_data", {"text/latex": "$\\displaystyle y<3$", "text/plain": "y"})
    assert "<mi>y</mi>" in page(v4.new_code_cell("show()", outputs=[output]))


def test_a_dollar_in_code_is_a_dollar():
    made = page(v4.new_markdown_cell("`$x$`"), v4.new_code_cell("print('$y$')"))
    assert "<code>$x$</code>" in made
    assert "<math" not in made.partition("</head>")[2]


def test_a_picture_has_a_text():
    output = v4.new_output("display_data", {"image/png": "aaaa"})
    assert '<img alt="a picture without' in page(v4.new_code_cell("plot()", outputs=[output]))


def test_the_policy_stands_first_in_the_head_and_allows_no_script():
    made = with_policy("<html><head><title>x</title></head></html>")
    policy = made.partition('Content-Security-Policy" content="')[2].partition('"')[0]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy  # so default-src holds
    for directive in ("base-uri", "form-action"):  # which default-src does not stand in for
        assert f"{directive} 'none'" in policy
    assert made.index("Content-Security-Policy") < made.index("<title>")


def test_a_page_without_a_head_is_refused():
    with pytest.raises(ValueError, match="without a head"):
        with_policy("<html><body></body></html>")
