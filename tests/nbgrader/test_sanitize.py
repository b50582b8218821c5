"""Active markup of text cells, on the pages that nbgrader makes of them."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from nbconvert import HTMLExporter
from nbconvert.filters.strings import strip_files_prefix
from nbformat import v4

from autograder.nbgrader.sanitize import CELL_SECONDS, MAX_CODE, InertMarkup, as_written, inert_text, make_inert

ACTIVE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg onload=alert(1)>",
    "<iframe src=https://evil.example></iframe>",
    "<style>* {display: none}</style>",
    "<a href='java\tscript:alert(1)'>x</a>",
    '<a\nhref="javascript:alert(1)">x</a>',
    "<details open ontoggle=alert(1)>x</details>",
    "<form action=https://evil.example><input></form>",
    "<meta http-equiv=refresh content='0; url=https://evil.example'>",
    "<base href=https://evil.example>",
    "<object data=x></object><embed src=x>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<div style='position: fixed'>x</div>",
    "<x <script>alert(1)</script>>",
    "<!--><script>alert(1)</script>-->",
    "<noscript><p title='</noscript><script>alert(1)</script>'>",
    "[x](javascript:alert(1))",
    "[x](<java&#115;cript:alert(1)>)",
    "[x][r]\n\n[r]: JaVaScRiPt:alert(1)",
    "[x](vbscript:x) [y](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](data:text/html,<script>alert(1)</script>)",
    "```mermaid\n<script>alert(1)</script>\n```",
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    "$<script>alert(1)</script>$ `<script>alert(1)</script>`",
    "\\begin{a}<script>alert(1)</script>\\end{a}",
]


class Reader(HTMLParser):
    """Collects what a browser would run or load of a page's body."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        tags = (
            "script",
            "style",
            "iframe",
            "svg",
            "form",
            "input",
            "meta",
            "base",
            "object",
            "embed",
            "math",
            "noscript",
        )
        self.active += [tag] if tag in tags else []
        for name, value in attrs:
            address = "".join((value or "").split()).lower()
            if name.startswith("on") or name == "style" or address.startswith(("javascript", "vbscript", "data:text")):
                self.active.append(f"{tag} {name}={value}")


def rendered(*cells):
    """The body of the page that nbconvert makes of cells, after InertMarkup has been at them."""
    notebook = v4.new_notebook(cells=list(cells))
    make_inert(notebook)
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    return page


@pytest.mark.parametrize("kind", [v4.new_markdown_cell, v4.new_raw_cell])
def test_nothing_active_is_on_the_page(kind):
    base = Reader()
    base.feed(rendered(kind("plain text")))
    reader = Reader()
    reader.feed(rendered(*map(kind, ACTIVE)))
    assert sorted(set(reader.active) - set(base.active)) == []


@pytest.mark.parametrize("source", ACTIVE)
def test_twice_is_as_once(source):
    once = inert_text(source, {})
    assert inert_text(once, {}) == once


@pytest.mark.parametrize(
    "source",
    [
        "# Title\n\n**bold** *it* `a <b` $i<j$ [x](https://a.example) <https://b.example>",
        "$$\\sum_{i<n} x_i$$\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "```python\nif a <b: pass\n```",
        "![plot](plot.png) ![here](data:image/png;base64,aaaa) [part](#part) [file](notes.txt)",
    ],
)
def test_ordinary_text_stays_as_it_is(source):
    assert inert_text(source, {}) == source


def test_layout_stays():
    assert inert_text('<b>x</b><img src="p.png" width="3">', {}) == '<b>x</b><img src="p.png" width="3">'


def test_a_picture_that_is_not_attached_keeps_no_page_back():
    assert "attachment:x.png" not in rendered(v4.new_markdown_cell("![x](attachment:x.png)"))
    cell = v4.new_markdown_cell("![x](attachment:x.png)", attachments={"x.png": {"image/png": "aaaa"}})
    assert "data:image/png;base64,aaaa" in rendered(cell)


@pytest.mark.parametrize("piece", ["\\\\[", "\\\\(", "\\begin{a}", "[a](", "["])
def test_text_that_takes_square_time_is_shown_as_written(piece):
    started = time.process_time()
    text = piece * 200_000  # too much for the fastest machine
    assert inert_text(text, {}) == as_written(text)
    assert time.process_time() - started < CELL_SECONDS + 2


@pytest.mark.parametrize("text", ["[" * 50_000, "[" * 4_000 + "\n" + "[" * 4_000])
def test_a_page_of_brackets_is_made_in_time(text):
    """nbgrader's templates send a cell through a pattern that takes square time."""
    shown = inert_text(text, {})
    assert inert_text(shown, {}) == shown
    started = time.process_time()
    strip_files_prefix(shown)
    assert time.process_time() - started < CELL_SECONDS


def test_code_without_end_is_cut():
    notebook = v4.new_notebook(cells=[v4.new_code_cell("a\n" * n) for n in (10, MAX_CODE, 10)])
    for _ in range(2):
        make_inert(notebook)
        assert [len(cell.source) for cell in notebook.cells] == [20, MAX_CODE - 20 + 24, 24]
        assert notebook.cells[2].source.endswith("# the rest is not shown")


def test_a_name_that_is_a_tag_is_text():
    _, resources = InertMarkup().preprocess(v4.new_notebook(), {"student": "<img src=x onerror=alert(1)>"})
    assert resources["student"] == "&lt;img src=x onerror=alert(1)&gt;"
