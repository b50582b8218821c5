"""Read an author's .py file: parameters, setup and forward pass, marked by `# %%` lines or told apart by running it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

import torch

from autograder.cells.namespace import default_dtype
from autograder.dojo.structure import tensors_in
from autograder.exercise.lines import changed_by

PARTS = ("parameters", "setup", "forward")
MARK = re.compile(r"^# %%[ \t]*(\w+)[ \t]*$", re.MULTILINE)
SEEDING = re.compile(r"(seed\()(\d+)(\))")


class DraftError(ValueError):
    """Raised where a file is no setup with a forward pass behind it; the message says what to change."""


@dataclass(frozen=True)
class Draft:
    """The three cells that an exercise begins with, as text."""

    parameters: str
    setup: str
    forward: str


EXAMPLE = Draft(
    parameters="SEED = 42\nn = 8\nn_inputs = 3\nn_hidden = 5\nn_classes = 4",
    setup="""\
import torch

g = torch.Generator().manual_seed(SEED)
x = torch.randn((n, n_inputs), generator=g)
y = torch.randint(0, n_classes, (n,), generator=g)
W1 = torch.randn((n_inputs, n_hidden), generator=g, requires_grad=True)
b1 = torch.randn(n_hidden, generator=g, requires_grad=True)
W2 = torch.randn((n_hidden, n_classes), generator=g, requires_grad=True)
b2 = torch.randn(n_classes, generator=g, requires_grad=True)""",
    forward="""\
z1 = x @ W1 + b1
h = torch.tanh(z1)
z2 = h @ W2 + b2
logp = z2.log_softmax(1)
loss = -logp[range(n), y].mean()""",
)
"""What an author without a forward pass begins with."""


def read_draft(source: str) -> Draft:
    """Return the parts of a file. Raises DraftError, and whatever its code raises."""
    parts = MARK.split(source)
    if len(parts) > 1:
        found = dict(zip(parts[1::2], (part.strip("\n") for part in parts[2::2]), strict=True))
        unknown = sorted(found.keys() - set(PARTS))
        if unknown or "forward" not in found:
            raise DraftError(f"the file has the parts {', '.join(found)}; expected {', '.join(PARTS)}, each after # %%")
        return _with_seed(Draft(*(found.get(part, "") for part in PARTS)))
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise DraftError(f"not valid Python: {error.msg} in line {error.lineno}") from None
    texts = _texts(source, body)
    last = max((number for number, node in enumerate(body) if _targets(node)), default=-1)
    first = _first_with_graph(body, texts)
    if first is None:
        raise DraftError(
            "no line makes a tensor with a gradient; write requires_grad=True where the parameters are drawn"
        )
    first = _with_beginning(body, first)
    losses = [number for number, node in enumerate(body) if "loss" in _targets(node)]
    last = losses[-1] if losses else last
    constants = [number for number, node in enumerate(body[:first]) if _is_constant(node)]
    known = set().union(*(_targets(body[number]) for number in constants))
    constants += [number for number, node in enumerate(body[:first]) if _is_demand(node, known)]
    return _with_seed(
        Draft(
            "\n".join(texts[number].strip("\n") for number in sorted(constants)),
            "\n".join(text for number, text in enumerate(texts[:first]) if number not in constants).strip("\n"),
            "\n".join(text.strip("\n") for text in texts[first : last + 1]),
        )
    )


def _texts(source: str, body: list[ast.stmt]) -> list[str]:
    """Return the text of every statement with the comments and empty lines before it."""
    lines, at, found = source.splitlines(), 0, []
    for node in body:
        end = node.end_lineno or node.lineno
        found.append("\n".join(lines[at:end]))
        at = end
    return found


def _targets(node: ast.stmt) -> set[str]:
    if not isinstance(node, ast.Assign | ast.AnnAssign | ast.For):
        return set()
    parts = list(ast.walk(node))
    stored = {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    return stored | {name for part in parts if isinstance(part, ast.stmt) and (name := changed_by(part)) is not None}


def _first_with_graph(body: list[ast.stmt], texts: list[str]) -> int | None:
    """Run the statements, and return the number of the first that computes with a tensor that requires a gradient."""
    names: dict[str, Any] = {}
    with torch.random.fork_rng(devices=[]), default_dtype("float64"):
        for number, (node, text) in enumerate(zip(body, texts, strict=True)):
            exec(text, names)
            made = {name: names.get(name) for name in _targets(node)}
            if any(tensor.grad_fn is not None for _, tensor in tensors_in(made)):
                return number
    return None


def _with_beginning(body: list[ast.stmt], first: int) -> int:
    """Return the number of the first forward line: what a loop begins with, as `h = h0`, stands before the loop."""
    at = first
    made = _targets(body[first])
    while isinstance(body[first], ast.For) and at > 0 and isinstance(body[at - 1], ast.Assign):
        if not _targets(body[at - 1]) <= made:
            break
        at -= 1
    return at


def _is_constant(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and type(node.value.value) in (int, float)
    )


def _is_demand(node: ast.stmt, constants: set[str]) -> bool:
    """Return whether a statement says what parameters need of each other, as in `assert width % heads == 0`."""
    return (
        isinstance(node, ast.Assert) and {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} <= constants
    )


def _with_seed(draft: Draft) -> Draft:
    """Return the draft with a seed among its parameters: hidden cases draw other data by it."""
    if re.search(r"^\w*seed\w* *= *\d+", draft.parameters, re.IGNORECASE | re.MULTILINE):
        return draft
    numbers = list(dict.fromkeys(match[1] for match in SEEDING.findall(draft.setup)))
    names = {number: "SEED" if at == 0 else f"SEED_{at + 1}" for at, number in enumerate(numbers)}
    setup = SEEDING.sub(lambda match: f"{match[1]}{names[match[2]]}{match[3]}", draft.setup)
    if not names:
        names = {"42": "SEED"}
        setup = "import torch\n\ntorch.manual_seed(SEED)\n" + setup.removeprefix("import torch\n")
    lines = [f"{name} = {number}" for number, name in names.items()]
    return Draft("\n".join([*lines, draft.parameters]).strip("\n"), setup, draft.forward)
