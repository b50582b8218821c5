"""The exporter of feedback pages: nbconvert's, with a content security policy in every page."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from typing import Any

from nbconvert.exporters import HTMLExporter

SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL | re.IGNORECASE)
SOURCE = re.compile(r"""\bsrc=["']?([^"'\s>]+)""")
HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
HOSTS = "https://cdnjs.cloudflare.com"  # where nbconvert's pages have MathJax, its fonts and styles from


class FeedbackExporter(HTMLExporter):
    """Makes a page that runs the scripts of its own head and nothing else."""

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> tuple[str, Any]:
        """Convert a notebook."""
        page, resources = super().from_notebook_node(nb, resources, **kw)
        return with_policy(page), resources


def with_policy(page: str) -> str:
    """Return a page with a policy that allows the scripts in its head, which has nothing of a submission in it."""
    end = page.lower().find("</head>")
    start = HEAD.search(page)
    if start is None or end < 0:
        raise ValueError("the feedback template makes a page without a head, so it can have no policy")
    scripts = []
    for attributes, source in SCRIPT.findall(page[:end]):
        address = SOURCE.search(attributes)
        # MathJax loads the rest of itself from the folder that it came from.
        scripts.append(unescape(address[1]).split("?")[0].rpartition("/")[0] + "/" if address else _digest(source))
    allowed = " ".join(dict.fromkeys(scripts)) or "'none'"
    policy = (
        f"default-src 'none'; script-src {allowed}; "
        f"style-src 'unsafe-inline' {HOSTS}; font-src data: {HOSTS}; img-src data: https:; connect-src 'none'; "
        "frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'"
    )
    meta = f'\n<meta http-equiv="Content-Security-Policy" content="{policy}" />'
    return page[: start.end()] + meta + page[start.end() :]


def _digest(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
