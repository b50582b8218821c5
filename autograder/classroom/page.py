"""Render a page that stands alone: everything shown is escaped, and nothing runs but our own script."""

from __future__ import annotations

import base64
import functools
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from autograder.text import one_line

TEMPLATES = Path(__file__).parent / "templates"


def render(name: str, **context: Any) -> str:
    """Return the page of the template `name`, with its style, its script where it has one, and a policy for both.

    Whatever the template shows becomes one printable line and is escaped, unless it is markup of ours.
    """
    style = _read("page.css") + _read(f"{name}.css")
    script = _read(f"{name}.js") if (TEMPLATES / f"{name}.js").exists() else ""
    scripts = _digest(script) if script else "'none'"
    page: str = _template(name).render(
        policy=f"default-src 'none'; style-src {_digest(style)}; script-src {scripts}; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        style=Markup(style),
        script=Markup(script),
        **context,
    )
    return page


@functools.cache
def _template(name: str) -> Any:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    return environment.from_string(_read(f"{name}.html.j2"))


def _shown(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Markup):
        return one_line(value)
    return f"{value:g}" if isinstance(value, float) else value


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
