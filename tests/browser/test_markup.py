"""A submission full of active markup, opened as the instructor does: in Formgrader, in JupyterLab, as feedback.

Each kind of markup, if it ran, would write its number into a variable of the page. The pages are real, and so are their
servers and the browser. That the markup would run is shown first, on a page without any defence.
"""

from __future__ import annotations

import contextlib
import copy
import html
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from demo.commands import Course
from tests.browser.conftest import CHROMIUM
from tests.browser.lab import OPENS_IN, Lab, jupyter_lab
from tests.end_to_end.harbour_course import ASSIGNMENT, EXERCISE, new_harbour_course, open_gradebook, submitted
from tests.notebooks import by_id

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine; apt-get install chromium"),
]

# What text cells hold. RUN stands for the code; it has no quotes, brackets or blanks that would end an attribute.
KINDS = [
    "<script>RUN</script>",
    "<img src=x onerror=RUN>",
    '<img src="x" onerror="RUN">',
    "<svg/onload=RUN>",
    "<svg><animate onbegin=RUN attributeName=x dur=1s>",
    "<svg><script>RUN</script></svg>",
    "<svg><foreignObject><img src=x onerror=RUN></foreignObject></svg>",
    '<iframe srcdoc="<script>RUN</script>"></iframe>',
    "<iframe src=javascript:RUN></iframe>",
    "<a href=javascript:RUN>press</a>",
    "<a href='java\tscript:RUN'>press</a>",
    "<a href='&#106;avascript:RUN'>press</a>",
    "[press](javascript:RUN)",
    "[press](<java&#115;cript:RUN>)",
    "[press][here]\n\n[here]: JaVaScRiPt:RUN",
    "<details open ontoggle=RUN>x</details>",
    "<input autofocus onfocus=RUN>",
    "<button onclick=RUN>press</button>",
    "<form action=javascript:RUN><button>press</button></form>",
    "<video><source onerror=RUN></video>",
    "<audio src=x onerror=RUN></audio>",
    "<body onload=RUN>",
    "<object data=javascript:RUN></object>",
    "<embed src=javascript:RUN>",
    "<math><mi href=javascript:RUN>press</mi></math>",
    "<style onload=RUN>p {color: red}</style>",
    "<link rel=stylesheet href=x onerror=RUN>",
    "<p onmouseover=RUN>here</p>",
    "<div style='animation-name: x' onanimationstart=RUN>x</div>",
    "<noscript><p title='</noscript><img src=x onerror=RUN>'>",
    "<x <img src=x onerror=RUN>>",
    "<!--><img src=x onerror=RUN>-->",
    "<table><tr><td background=javascript:RUN><img src=x onerror=RUN></td></tr></table>",
    "| a |\n|---|\n| <img src=x onerror=RUN> |",
    "```mermaid\n<img src=x onerror=RUN>\n```",
    "$<img src=x onerror=RUN>$",
    "$\\text{<img src=x onerror=RUN>}$",
    "$\\href{javascript:RUN}{press}$",
    "$$\\class{x onclick=RUN}{\\style{x}{y}}$$",
    "\\begin{a}<img src=x onerror=RUN>\\end{a}",
    "`<img src=x onerror=RUN>` <img src=`x`onerror=RUN>",
]
# What a cell can show.
SHOWN = [
    "HTML('<img src=x onerror=RUN>')",
    "HTML('<script>RUN</script>')",
    "HTML('<iframe srcdoc=\"<script>RUN</script>\"></iframe>')",
    "Javascript('RUN')",
    'SVG(\'<svg xmlns="http://www.w3.org/2000/svg" onload="RUN"><script>RUN</script></svg>\')',
    "Markdown('<img src=x onerror=RUN> [press](javascript:RUN)')",
    "Latex('$<img src=x onerror=RUN>$')",
    "Math(r'\\\\text{<img src=x onerror=RUN>}')",
]


def active(kind: str, number: int) -> str:
    """A kind with its code."""
    # In a formula or an attribute without quotes too: no quotes, no blanks.
    return kind.replace(
        "RUN", f"top.__ran=(top.__ran||0)+`,{number}`" if "'" in kind else f"top.__ran=(top.__ran||0)+',{number}'"
    )


@dataclass(frozen=True)
class Opened:
    """A page that was opened: the numbers of the markup that ran, and what in it would run if somebody pressed it."""

    ran: list[str]
    would: list[str]


PRESS = """() => {
  const would = [];
  for (const e of document.querySelectorAll('*')) {
    for (const a of e.attributes) {
      const plain = a.value.replace(/[\\s\\x00-\\x1f]/g, '').toLowerCase();
      if (plain.includes('__ran') && (a.name.startsWith('on') || plain.startsWith('javascript:'))) {
        would.push(e.tagName + ' ' + a.name);
      }
    }
    if (e.closest('.jp-Notebook, #notebook, body.plain'))
      for (const kind of ['mouseover', 'focus', 'toggle', 'animationstart', 'begin'])
        e.dispatchEvent(new Event(kind));
  }
  return would;
}"""


def looked_at(browser: Any, address: str, ready: str) -> Opened:
    """Open a page, wait until it shows what it should, and touch everything in it."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.on("dialog", lambda dialog: dialog.dismiss())
    try:
        page.goto(address, timeout=1000 * OPENS_IN)
        page.locator(ready).first.wait_for(timeout=1000 * OPENS_IN)
        page.wait_for_timeout(2_000)
        would = page.evaluate(PRESS)
        page.wait_for_timeout(500)
        ran = str(page.evaluate("window.__ran || ''"))
    finally:
        page.close()
    return Opened([part for part in ran.split(",") if part.isdigit()], would)


def mallory(course: Course) -> Any:
    """The released notebook with active markup wherever a student can put it."""
    path = course.folder / "assignments" / ASSIGNMENT / f"{EXERCISE}.ipynb"
    notebook = copy.deepcopy(nbformat.read(path, as_version=4))
    v4 = nbformat.v4
    texts = [active(kind, number) for number, kind in enumerate(KINDS)]
    notebook.cells += [v4.new_markdown_cell(text) for text in texts]
    notebook.cells += [v4.new_raw_cell(text, metadata={"raw_mimetype": "text/html"}) for text in texts]
    attached = {"x.svg": {"image/svg+xml": "<svg onload=top.__ran=1>"}, "'><img src=x onerror=top.__ran=1>": {}}
    notebook.cells.append(v4.new_markdown_cell("![x](attachment:x.svg)", attachments=attached))
    tagged = v4.new_code_cell("1", metadata={"tags": ['"><img src=x onerror=top.__ran=1>']})
    notebook.cells.append(tagged)
    # Shown in one of the student's own cells, so that it is there after grading too; and as saved outputs.
    shows = [active(line, 100 + number) for number, line in enumerate(SHOWN)]
    own = next(cell for cell in by_id(notebook).values() if cell.metadata.nbgrader["solution"])
    names = "HTML, Javascript, SVG, Markdown, Latex, Math"
    own.source = f"from IPython.display import {names}, display\n" + "\n".join(f"display({line})" for line in shows)
    own.source += "\nprint('<img src=x onerror=top.__ran=1>')"
    bundle = {"text/html": texts[1], "application/javascript": "top.__ran=(top.__ran||0)+',200'"}
    saved = [v4.new_output("display_data", {kind: data}) for kind, data in bundle.items()]
    notebook.cells.append(v4.new_code_cell("2", outputs=saved, execution_count=1))
    notebook.metadata["title"] = "</title><img src=x onerror=top.__ran=1>"
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "<img src=x onerror=top.__ran=1>"}
    notebook.metadata["language_info"] = {"name": "'><img src=x onerror=top.__ran=1>", "pygments_lexer": "<b>"}
    return notebook


@pytest.fixture(scope="module", name="course")
def _course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Two have handed the same in; one is graded by nbgrader's command, the other by ours. Feedback is made."""
    course = new_harbour_course(tmp_path_factory.mktemp("markup"))
    for student in ("eve", "mallory"):
        path = submitted(course, student)
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(mallory(course)))
        (path.parent / "evil.html").write_text("<script>top.__ran=(top.__ran||0)+',300'</script>")
    course.instructor("nbgrader", "autograde", ASSIGNMENT, "--student=mallory")
    course.instructor("autograder", "grade", "submitted", "--assignment", ASSIGNMENT, "--student", "eve", "--gradebook")
    course.instructor("nbgrader", "generate_feedback", ASSIGNMENT)
    return course


@pytest.fixture(scope="module", name="server")
def _server(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("server"), course.folder) as lab:
        yield lab


def test_the_markup_runs_where_nothing_keeps_it_from_it(browser: Any, tmp_path: Path) -> None:
    ran = set()
    for number, kind in enumerate(KINDS):
        page = tmp_path / f"{number}.html"
        page.write_text(f"<!DOCTYPE html><body class=plain>{active(kind, number)}")
        found = looked_at(browser, f"file://{page}", "html")
        ran |= {number} if found.ran or found.would else set()
    assert len(ran) >= 25, sorted(ran)


@pytest.mark.parametrize("student", ["eve", "mallory"])
class TestOpenedAsTheInstructor:
    def test_for_grading_by_hand_in_formgrader(self, browser: Any, server: Lab, course: Course, student: str) -> None:
        with open_gradebook(course) as gradebook:
            number = gradebook.find_submission_notebook(EXERCISE, ASSIGNMENT, student).id
        address = f"http://127.0.0.1:{server.port}/formgrader/submissions/{number}?token={server.token}"
        assert looked_at(browser, address, "#notebook .nbgrader_cell") == Opened([], [])

    @pytest.mark.parametrize("folder", ["autograded", "submitted"])
    def test_in_jupyterlab(self, browser: Any, server: Lab, folder: str, student: str) -> None:
        path = f"{folder}/{student}/{ASSIGNMENT}/{EXERCISE}.ipynb"
        address = f"http://127.0.0.1:{server.port}/lab/tree/{path}?reset&token={server.token}"
        try:
            assert looked_at(browser, address, ".jp-Notebook .jp-RenderedMarkdown p") == Opened([], [])
        finally:
            server.end_kernels()

    def test_as_the_feedback_page(self, browser: Any, server: Lab, course: Course, student: str) -> None:
        path = f"feedback/{student}/{ASSIGNMENT}/{EXERCISE}.html"
        for address in (
            f"http://127.0.0.1:{server.port}/files/{path}?token={server.token}",
            (course.folder / path).as_uri(),
        ):
            assert looked_at(browser, address, "#notebook") == Opened([], [])

    def test_in_the_lists_of_formgrader(self, browser: Any, server: Lab, course: Course, student: str) -> None:
        base = f"http://127.0.0.1:{server.port}/formgrader"
        for page in (f"manage_submissions/{ASSIGNMENT}", f"gradebook/{ASSIGNMENT}/{EXERCISE}", "manage_students"):
            assert looked_at(browser, f"{base}/{page}?token={server.token}", "table tbody tr") == Opened([], [])


def test_feedback_that_formgrader_makes_is_the_same_page(course: Course, server: Lab) -> None:
    page = course.folder / "feedback" / "eve" / ASSIGNMENT / f"{EXERCISE}.html"
    before = page.read_text()
    page.unlink()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=OPENS_IN)
    with contextlib.closing(connection):
        path = f"/formgrader/api/assignment/{ASSIGNMENT}/eve/generate_feedback"
        connection.request("POST", path, headers={"Authorization": f"token {server.token}"})
        answer = json.loads(connection.getresponse().read())
    assert answer["success"], answer
    assert page.read_text() == before


def test_a_file_beside_the_notebook_is_not_handed_on(course: Course) -> None:
    assert not [path for part in ("autograded", "feedback") for path in (course.folder / part).rglob("evil.html")]


def test_the_text_is_still_there(course: Course) -> None:
    page = (course.folder / "feedback" / "eve" / ASSIGNMENT / f"{EXERCISE}.html").read_text()
    assert html.escape("<img src=x onerror=") in page
