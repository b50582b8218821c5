"""Make a submission's markup inert, wherever it becomes a page: Formgrader, feedback, the autograded notebook.

Text cells are the only cells whose text becomes HTML. In them HTML is rewritten to what only lays out text; a link that
could run code, and text that takes too long to convert, is shown as it is written.
"""

from __future__ import annotations

import functools
import html
import re
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import Any

from nbconvert.filters.markdown_mistune import MarkdownWithMath
from nbconvert.filters.strings import strip_files_prefix
from nbconvert.preprocessors.sanitize import ALLOWED_STYLES, SanitizeHTML
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import List

CELL_SECONDS, PAGE_SECONDS = 1.0, 5.0  # of processor time that converting a cell and a page may take
AGAIN = 0.1  # seconds of it until a text that is still converted is stopped once more
MAX_CODE = 400_000  # characters of code on a page, which is coloured; what has more is not graded
MAX_SHOWN = 20_000  # characters of a text that is shown as it is written
LINE = re.compile(r"[^\n]{1000}(?!\n)")  # of such a text, before its line is ended: a page reads lines in square time
MAX_TEXT = 4 * 2**20  # characters of a text cell that are converted; a pasted picture is text too
REMEMBERED = 20_000  # characters of a text whose conversion is remembered
WITHOUT_LIMIT = 5_000  # characters that may be converted where no time limit can be set (not in the main thread)

LAYOUT = frozenset(
    {"a", "abbr", "b", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup", "dd", "del"}
    | {"details", "div", "dl", "dt", "em", "figcaption", "figure", "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr"}
    | {"i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strike", "strong"}
    | {"sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var"}
)
ATTRIBUTES = frozenset(
    {"align", "alt", "border", "cellpadding", "cellspacing", "color", "colspan", "height", "rowspan", "title", "width"}
)
TAG = re.compile(
    r"""<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]*)
    (?P<attributes>(?:\s+[a-zA-Z][a-zA-Z-]*(?:=(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=`]+))?)*)\s*/?>""",
    re.VERBOSE,
)
ATTRIBUTE = re.compile(r"""([a-zA-Z][a-zA-Z-]*)=(?:"([^"]*)"|'([^']*)'|([^\s"']+))""")
ADDRESS = re.compile(r"<(https?://|mailto:)[^\s<>\"'`]+>")  # markdown's <https://...>
MARKUP = re.compile(r"<(?=[a-zA-Z/!?])")  # where HTML begins; any other < is text
NAMED = re.compile(r"attachment:([^\s)\"'>\]]+)")
PICTURE = re.compile(r"image/(png|jpeg|gif|webp|svg\+xml)")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
WORD = re.compile(r"[\w.+/-]{1,60}")
HTML = frozenset({"block_html", "inline_html"})  # tokens of markdown's that are put into the page as they are
LINKS = ("http:", "https:", "mailto:")
PICTURES = ("http:", "https:", "attachment:", "data:image/png", "data:image/jpeg", "data:image/gif", "data:image/webp")
ADDRESSES = {("a", "href"): LINKS, ("img", "src"): PICTURES}
OUTPUTS = SanitizeHTML(
    tags=sorted(LAYOUT), attributes={"*": sorted(ATTRIBUTES | {"class"}), "a": ["href"]}, styles=sorted(ALLOWED_STYLES)
)


class InertMarkup(NbGraderPreprocessor):
    """Make the cells of a notebook inert, and the names that nbgrader's pages show as they are."""

    display_data_priority = List([]).tag(config=True)  # which an exporter of pages sets for all of its preprocessors

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Change one notebook in place. Done twice it is as done once."""
        make_inert(nb)
        for name in ("student", "first_name", "last_name", "notebook_path", "assignment_id", "notebook_id"):
            if isinstance(resources.get(name), str):
                resources[name] = escape(html.unescape(resources[name]))
        return nb, resources


def make_inert(notebook: Any) -> None:
    """Make all cells of a notebook inert, in place."""
    budget, code_left = _Budget(PAGE_SECONDS), MAX_CODE
    info = notebook.metadata.get("language_info", {})
    words = {name: word for name, word in info.items() if isinstance(word, str) and WORD.fullmatch(word)}
    notebook.metadata["language_info"] = type(notebook.metadata)({"name": "python"} | words)
    notebook.metadata.pop("title", None)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        if tags is not None:
            cell.metadata["tags"] = [tag for tag in tags if isinstance(tag, str) and WORD.fullmatch(tag)]
        if cell.cell_type == "markdown":
            cell.attachments = pictures(cell.get("attachments", {}))
            cell.source = inert_text(cell.source, cell.attachments, budget)
            if not cell.attachments:
                del cell["attachments"]
        elif cell.cell_type == "raw":
            cell.source = cell.source.replace("<", "&lt;")
        else:
            if len(cell.source) > code_left:
                cell.source = f"{cell.source[:code_left]}\n# the rest is not shown"
            code_left = max(0, code_left - len(cell.source))
            OUTPUTS.sanitize_code_outputs(cell.outputs)


def pictures(attachments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attachments that are pictures."""
    kept = {}
    for name, bundle in attachments.items():
        good = {
            kind: data
            for kind, data in bundle.items()
            if PICTURE.fullmatch(kind) and isinstance(data, str) and BASE64.fullmatch(data)
        }
        if good:
            kept[name] = good
    return kept


def inert_text(source: str, attachments: Mapping[str, Any], budget: _Budget | None = None) -> str:
    """Return a text cell's markdown with layout only.

    attachments: of the cell; a picture that is not among them would keep the page from being made. budget: what is left
    of the time for the page.
    """
    budget = budget or _Budget(PAGE_SECONDS)
    if len(source) > MAX_TEXT:
        return as_written(source)
    source = NAMED.sub(lambda m: m[0] if m[1] in attachments else f"missing-{m[0].replace(':', '-', 1)}", source)
    try:
        with budget.cell(len(source)):
            return (_rewritten_once if len(source) <= REMEMBERED else _rewritten)(source)
    except (TooSlowError, RecursionError, ValueError):
        return as_written(source)


def _rewritten(source: str) -> str:
    """Return markdown with layout only. Raises RecursionError and ValueError, and TooSlowError within a budget."""
    parse = MarkdownWithMath(renderer=None)
    # What stands in code or in a formula is no HTML and stays as it is: $i<j$.
    plain = _layout_only(source) if any(t["type"] in HTML for t in _tokens(parse(source))) else source
    strip_files_prefix(plain)  # both pages apply it: for each [ it goes through the rest of the line
    return plain if all(map(_is_inert, _tokens(parse(plain)))) else as_written(source)


_rewritten_once = functools.lru_cache(maxsize=500)(_rewritten)  # most cells are the exercise's own, in every submission


def as_written(source: str) -> str:
    """Return markdown that shows a text as it is written, cut where it is long; so are its lines."""
    shown = LINE.sub(r"\g<0>\n", source[:MAX_SHOWN]) + ("\n[the rest is not shown]" if len(source) > MAX_SHOWN else "")
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"


def _layout_only(source: str) -> str:
    """Rewrite every tag to one that lays out text, or to text."""
    if "<" not in source:
        return source
    parts, at = [], 0
    for found in MARKUP.finditer(source):
        start = found.start()
        if start < at:
            continue
        parts.append(source[at:start])
        tag = TAG.match(source, start)
        address = ADDRESS.match(source, start)
        if address is not None:
            parts.append(address[0])
            at = address.end()
        elif tag is not None and tag["name"].lower() in LAYOUT:
            parts.append(_plain_tag(tag))
            at = tag.end()
        else:
            parts.append("&lt;")
            at = start + 1
    return "".join([*parts, source[at:]])


def _plain_tag(tag: re.Match[str]) -> str:
    name = tag["name"].lower()
    if tag["end"]:
        return f"</{name}>"
    kept = []
    for attribute in ATTRIBUTE.finditer(tag["attributes"]):
        key = attribute[1].lower()
        value = html.unescape(next(part for part in attribute.groups()[1:] if part is not None))
        schemes = ADDRESSES.get((name, key))
        if key in ATTRIBUTES or (schemes is not None and _leads(value, schemes)):
            kept.append(f' {key}="{escape(value)}"')
    return f"<{name}{''.join(kept)}>"


def _leads(address: str, schemes: tuple[str, ...]) -> bool:
    """Return whether an address has one of the schemes, or none. Browsers leave out what is no printable character."""
    plain = "".join(c for c in html.unescape(address) if c.isprintable() and not c.isspace()).lower()
    scheme = re.match(r"[^/?#]*?:", plain)
    return scheme is None or plain.startswith(schemes)


def _tokens(parsed: Any) -> Iterator[dict[str, Any]]:
    """Yield every token of a parsed text."""
    waiting = list(parsed)
    while waiting:
        token = waiting.pop()
        waiting += token.get("children") or []
        yield token


def _is_inert(token: dict[str, Any]) -> bool:
    """Return whether a token is neither a link nor a picture that could run code, nor a diagram, which is run."""
    about = token.get("attrs") or {}
    if token["type"] == "block_code":
        return not str(about.get("info") or "").lstrip().startswith("mermaid")
    url = about.get("url")
    return url is None or _leads(str(url), PICTURES if token["type"] == "image" else LINKS)


class TooSlowError(Exception):
    """Converting a text takes longer than it may."""


class _Budget:
    """The processor time that is left for the text of a page."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    @contextmanager
    def cell(self, size: int) -> Iterator[None]:
        """Raise TooSlowError in the block once a cell of so many characters, or the page, has taken its time."""
        if threading.current_thread() is not threading.main_thread():
            if size > WITHOUT_LIMIT:
                raise TooSlowError
            yield
            return
        if self._left <= 0:
            raise TooSlowError
        started = time.process_time()
        before = signal.signal(signal.SIGVTALRM, _too_slow)
        try:
            # Again and again, because what is raised in a callback of the garbage collector's is lost.
            signal.setitimer(signal.ITIMER_VIRTUAL, min(CELL_SECONDS, self._left), AGAIN)
            yield
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)
            self._left -= time.process_time() - started


def _too_slow(signum: int, frame: object) -> None:
    raise TooSlowError
