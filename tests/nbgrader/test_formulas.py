"""Formulas become MathML, without what a stranger may have put into one becoming anything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbconvert.filters.markdown_mistune import MarkdownWithMath

from autograder.nbgrader.formulas import INERT, MAX_FORMULA, MAX_MADE, MAX_OPEN, Formulas

ROOT = Path(__file__).resolve().parents[2]


def formulas_of(path):
    """All formulas in the text cells of a notebook, as (latex, display)."""
    for cell in nbformat.read(path, 4).cells:
        waiting = list(MarkdownWithMath(renderer=None)(cell.source)) if cell.cell_type == "markdown" else []
        while waiting:
            token = waiting.pop()
            waiting += token.get("children") or []
            if token["type"] in ("inline_math", "block_math"):
                yield token["raw"], token["type"] == "block_math"


def test_every_formula_of_the_exercises_is_typeset():
    found = [each for path in (ROOT / "solutions").glob("*/*.ipynb") for each in formulas_of(path)]
    assert len(found) > 200
    page = Formulas()
    assert [latex for latex, display in found if not page.typeset(latex, display).startswith("<math")] == []


def test_a_fraction():
    made = Formulas().typeset(r"\frac{1}{n}", display=True)
    assert made == '<math display="block"><mfrac><mn>1</mn><mi>n</mi></mfrac></math>'


@pytest.mark.parametrize(
    "latex",
    [
        r"\text{<script>ran()</script>}",
        r"\href{javascript:ran()}{x}",
        r"\url{javascript:ran()}",
        r"\class{x\" onclick=\"ran()}{x}",
        r"\style{background:url(//x)}{x}",
        r"\color{red\" onclick=\"ran()}x",
        r"\textcolor{expression(ran())}{x}",
        r"\tag{<img src=x onerror=ran()>}x",
        r"\begin{equation}\label{x\"><script>}x\end{equation}\ref{x\"><script>}",
        r"\operatorname{<b>}\mathrm{<b>}\mbox{<b>}\unicode{60}",
        r"\hspace{1em\" onclick=\"ran()}\rule{1em\" onclick=\"ran()}{1em}",
        "<img src=x onerror=ran()>",
        "</math><script>ran()</script>",
        "&lt;script&gt;",
        "x\x00\u2028",
    ],
)
def test_nothing_of_a_formula_becomes_markup(latex):
    made = Formulas().typeset(latex, display=False)
    inside = made.removeprefix("<code>").removesuffix("</code>") if made.startswith("<code>") else made
    assert INERT.fullmatch(inside)
    assert "href" not in made.partition("<math")[2]
    assert "<script" not in made
    assert "<img" not in made


@pytest.mark.parametrize("made", ['<mi onclick="x">', '<mi style="a:url(x)">', "<a>", "<mi", '<mi href="x">', "x>"])
def test_what_the_converter_may_not_make_is_known(made):
    assert not INERT.fullmatch(made)


@pytest.mark.parametrize(
    "latex", ["x" * (MAX_FORMULA + 1), "{" * (MAX_OPEN + 1), r"\nosuch", r"\frac", r"\def\a{\a\a}\a", "{"]
)
def test_what_cannot_be_typeset_is_shown_as_written(latex):
    assert Formulas().typeset(latex, display=False) == f"<code>${latex}$</code>"


def test_a_page_of_formulas_is_bounded():
    page = Formulas()
    latex = r"\begin{aligned}" + "&" * 1_900 + r"\end{aligned}"
    made = [page.typeset(latex, display=True) for _ in range(60)]
    assert made[0].startswith("<math")
    assert made[-1].startswith("<code>")
    assert sum(map(len, made)) < MAX_MADE + 60 * 12_000


@pytest.mark.parametrize(
    "piece", ["{", r"\sqrt", r"\left(", r"\not", "x^{", r"\begin{matrix}", r"\text{", "'", "_", "&"]
)
def test_the_deepest_formula_does_not_end_the_process(piece):
    """The converter calls itself, in native code: an overflow would take the run along, even on a small stack."""
    code = (
        "import resource, sys\nresource.setrlimit(resource.RLIMIT_STACK, (2**21, -1))\n"
        "import threading; threading.stack_size(2**21)\n"
        "from autograder.nbgrader.formulas import Formulas, MAX_FORMULA, MAX_OPEN\n"
        "p = sys.argv[1]; n = MAX_FORMULA // len(p)\nn = min(n, MAX_OPEN) if '{' in p else n\n"
        "t = threading.Thread(target=lambda: print(len(Formulas().typeset(p * n, False))))\nt.start(); t.join()"
    )
    done = subprocess.run([sys.executable, "-c", code, piece], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def test_formulas_in_an_output():
    assert Formulas().typeset_all("<b> $$x$$ and $y$ cost 3$") == (
        '&lt;b&gt; <math display="block"><mi>x</mi></math> and <math><mi>y</mi></math> cost 3$'
    )
