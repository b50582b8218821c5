"""More ways of laying out an answer: one name for all gradients, in place, pasted twice, checks between and others."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from tests.marks.in_functions import IDS, IN_FUNCTIONS, _instead, _one
from tests.marks.notebooks import exercise, solutions, variable
from tests.marks.ways import VARIABLES, Way, _added, _indented, _joined, _local, _notebook, _plain, _value

FORWARD = "\n".join(line.source for line in exercise().assignments)


def _steps(cells: Mapping[str, str], line: Callable[[str, str], str]) -> str:
    """One cell, each solution cell as line(cell, code) writes it."""
    return "\n".join(line(cell, cells[cell]) for cell in IDS)


def _expression(cell: str, code: str) -> str | None:
    """The cell as one expression for its d-variable, where it is one."""
    name = variable(cell)
    found = _value(code, name)
    if found is None and (more := _added(code, name)) is not None:
        found = f"{name} + ({more})"
    return found


def _with_lambda(cell: str, code: str) -> str:
    found = _expression(cell, code)
    return code if found is None else f"step = lambda: {found}\n{variable(cell)} = step()"


def _walrus(cell: str, code: str) -> str:
    found = _expression(cell, code)
    return code if found is None else f"print(({variable(cell)} := {found}).shape)"


def _temporary(cell: str, code: str) -> str:
    found = _expression(cell, code)
    return code if found is None else f"tmp = {found}\n{variable(cell)} = tmp\ndel tmp"


def _one_name(cells: Mapping[str, str]) -> dict[str, str]:
    """`g` holds the newest gradient, and the next step goes on from it by that name."""
    found, last = {}, ""
    for cell in IDS:
        code = cells[cell]
        value = _expression(cell, code)
        if value is None:
            found[cell], last = f"{code}\ng = {variable(cell)}", variable(cell)
            continue
        if last:
            value = _instead(value, lambda name: "g" if name == last else name)  # noqa: B023
        found[cell], last = f"g = {value}\n{variable(cell)} = g", variable(cell)
    return found


def _in_place(cell: str, code: str) -> str:
    found = _expression(cell, code)
    name = variable(cell)
    if found is None:
        return code
    if cell.endswith("_path2"):
        more = _added(code, name)
        return code if more is None else f"{name} += {more}"
    return f"{name} = torch.zeros_like({name[1:]})\n{name} += {found}"


def _multiplied(cell: str, code: str) -> str:
    found = _expression(cell, code)
    name = variable(cell)
    return code if found is None else f"{name} = ({found}) * 2\n{name}.mul_(0.5)"


def _comprehension(cell: str, code: str) -> str:
    found = _expression(cell, code)
    return code if found is None else f"{variable(cell)} = [step for step in ({found},)][0]"


def _order(cells: Mapping[str, str]) -> tuple[str, ...]:
    """The cells in another order, each behind those that it needs: of several the last goes first."""
    used = {}
    for cell in IDS:
        names = {n.id for n in ast.walk(ast.parse(cells[cell])) if isinstance(n, ast.Name)}
        used[cell] = {other for other in IDS[: IDS.index(cell)] if variable(other) in names | {variable(cell)}}
    # What a cell needs of a d-variable is all of it as in the solution: not the paths that come behind.
    left, found = list(IDS), []
    while left:
        # A later path must wait for those who use the d-variable as it is before.
        ready = [c for c in left if used[c] <= set(found) and not _changes_what_is_needed(c, left, used)]
        found.append(ready[-1])
        left.remove(ready[-1])
    return tuple(found)


def _changes_what_is_needed(cell: str, left: list[str], used: Mapping[str, set[str]]) -> bool:
    earlier = {c for c in IDS[: IDS.index(cell)] if variable(c) == variable(cell)}
    return bool(earlier) and any(used[c] & earlier and IDS.index(c) < IDS.index(cell) for c in left if c != cell)


def _several_cells(cells: Mapping[str, str]) -> object:
    order = _order(cells)
    third = -(-len(order) // 3)
    return _notebook(
        {}, before=tuple("\n".join(cells[c] for c in order[i : i + third]) for i in range(0, len(order), third))
    )


def _zeros_first(cells: Mapping[str, str]) -> str:
    zeros = "\n".join(f"{name} = torch.zeros_like({name[1:]})" for name in VARIABLES)
    lines = []
    for cell in IDS:
        found, name = _value(cells[cell], variable(cell)), variable(cell)
        more = _added(cells[cell], name)
        if more is not None:
            lines.append(f"{name} += {more}")
        else:
            whole = found is None or cell.endswith("_path2")
            lines.append(cells[cell] if whole else f"{name} += {found}")
    return "\n".join([zeros, *lines])


def _helpers(cells: Mapping[str, str]) -> str:
    """Products by functions that give both gradients back, as courses teach; where the cell is the solution's own."""
    own = solutions()
    code = dict(cells)
    pairs = {
        ("dcounts_path1", "dcounts_sum_inv"): "dcounts, dcounts_sum_inv = times(dprobs, counts, counts_sum_inv)",
        ("dbndiff_path1", "dbnvar_inv"): "dbndiff, dbnvar_inv = times(dbnraw, bndiff, bnvar_inv)",
        ("dbnraw", "dbngain"): "dbnraw, dbngain = times(dhpreact, bnraw, bngain)",
    }
    for (one, other), line in pairs.items():
        if cells[one] == own[one] and cells[other] == own[other]:
            first, second = sorted((one, other), key=IDS.index)
            code[first], code[second] = line, ""
    helper = (
        "def shrink(x, like):\n    for d in range(2):\n        if like.shape[d] == 1:\n"
        "            x = x.sum(d, keepdim=True)\n    return x\n\n\n"
        "def times(up, a, b):\n    return shrink(up * b, a), shrink(up * a, b)\n\n\n"
    )
    return helper + "\n".join(code[cell] for cell in IDS)


def _checked(cells: Mapping[str, str], check: Callable[[str], str]) -> str:
    """One cell, each gradient looked at when it is there."""
    last = {variable(cell): cell for cell in IDS}
    return _steps(cells, lambda c, code: code + (f"\n{check(variable(c))}" if last[variable(c)] == c else ""))


KARPATHY = (
    "def cmp(s, dt, t):\n    ex = torch.all(dt == t.grad).item()\n    app = torch.allclose(dt, t.grad)\n"
    "    maxdiff = (dt - t.grad).abs().max().item()\n"
    "    print(f'{s:15s} | exact: {str(ex):5s} | approximate: {str(app):5s} | maxdiff: {maxdiff}')\n\n\n"
)


SHADOWED = (
    "from torch import exp, ones_like, tanh, tensor, zeros_like\nimport torch.nn.functional as F\n"
    "n = logits.shape[0]\nvocab_size = logits.shape[1]\ng = None\nmax = torch.max\ninput = Xb\n"
)


def _markdown(cells: Mapping[str, str]) -> object:
    import nbformat

    found = _notebook({}, before=tuple(cells[cell] for cell in IDS))
    mixed = []
    for cell in found.cells:
        if cell.cell_type == "code" and not cell.metadata.get("nbgrader") and cell.source in cells.values():
            mixed.append(nbformat.v4.new_markdown_cell("### The next one\n\n$\\partial L$ as in `dprobs = ...`"))
        mixed.append(cell)
    found.cells = mixed
    return found


def _twice(cells: Mapping[str, str]) -> object:
    return _notebook(dict(cells), before=(_joined(cells),))


LAYOUTS = (
    *IN_FUNCTIONS,
    Way("lambdas", lambda c: _one(_steps(c, _with_lambda)), _plain),
    Way("walrus in print", lambda c: _one(_steps(c, _walrus)), _plain),
    Way("a comprehension", lambda c: _one(_steps(c, _comprehension)), _plain),
    Way("try and except", lambda c: _one(f"try:\n{_indented(c)}\nexcept Exception as e:\n    print(e)"), _plain),
    Way("try and finally", lambda c: _one(f"try:\n{_indented(c)}\nfinally:\n    print('done')"), _local),
    Way("if and else", lambda c: _one(f"if n > 1:\n{_indented(c)}\nelse:\n    print('none')"), _local),
    Way("del of temporaries", lambda c: _one(_steps(c, _temporary)), _plain),
    Way("one name for all, in one cell", lambda c: _one("\n".join(_one_name(c).values())), _plain, whole=True),
    Way("one name for all, cell by cell", lambda c: _notebook(_one_name(c)), _plain, whole=True),
    Way("%%time", lambda c: _one(f"%%time\n{_joined(c)}"), _plain),
    Way("names of torch shadowed", lambda c: _one(SHADOWED + _joined(c)), _plain),
    Way("in place, added", lambda c: _one(_steps(c, _in_place)), _plain),
    Way("in place, multiplied", lambda c: _one(_steps(c, _multiplied)), _plain),
    Way("zeros first, then added", lambda c: _one(_zeros_first(c)), _plain),
    Way("three cells, another order", _several_cells, _plain),
    Way("a cell of one's own for each step", _markdown, _plain),
    Way("pasted twice in one cell", lambda c: _one(f"{_joined(c)}\n{_joined(c)}"), _plain),
    Way("pasted twice, in one cell and cell by cell", _twice, _plain),
    Way("the forward pass again before it", lambda c: _one(f"{FORWARD}\n{_joined(c)}"), _plain),
    Way("functions that give two gradients", lambda c: _one(_helpers(c)), _plain),
    Way("cmp after each, in one cell", lambda c: _one(_checked(c, lambda d: f"cmp('{d[1:]}', {d}, {d[1:]})")), _plain),
    Way("one's own cmp", lambda c: _one(KARPATHY + _checked(c, lambda d: f"cmp('{d[1:]}', {d}, {d[1:]})")), _plain),
    Way(
        "asserts after each",
        lambda c: _one(_checked(c, lambda d: f"assert torch.allclose({d}, {d[1:]}.grad, atol=1e-6)")),
        _plain,
    ),
    Way("exec of a string", lambda c: _one(f"exec({_joined(c)!r})"), _local),
    Way(
        "semicolons",
        lambda c: _one(
            "; ".join(
                (_expression(x, c[x]) and f"{variable(x)} = {_expression(x, c[x])}") or "\n" + c[x] + "\npass"
                for x in IDS
            )
        ),
        _plain,
    ),
)
