"""Ways in which people lay out an answer: the same code, cell by cell, in one cell, in a function and so on."""

from __future__ import annotations

import ast
import copy
import itertools
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import nbformat

from autograder.exercise.notebook import nbgrader_info
from tests.marks.notebooks import _solution, exercise, solutions, variable
from tests.marks.wrong_answers import _changes_in_place

VARIABLES = tuple(dict.fromkeys(map(variable, solutions())))
FIRST = next(iter(solutions()))
ENDLESS = "while True:\n    pass"


@dataclass(frozen=True)
class Way:
    """One way of laying out an answer.

    fits: whether code of a cell can be written in this way at all. whole: nothing comes out when one step raises, as of
    a function.
    """

    name: str
    notebook: Callable[[Mapping[str, str]], Any]
    fits: Callable[[str], bool] = lambda code: True
    whole: bool = False

    @property
    def in_parts(self) -> bool:
        """Whether the other steps are there when one raises."""
        return not self.whole and self.fits is not _local


def _notebook(cells: Mapping[str, str], *, delete: bool = False, before: tuple[str, ...] = ()) -> Any:
    """The solution notebook with these cells, the other solution cells emptied or deleted."""
    notebook = copy.copy(_solution())
    notebook.cells = []
    for cell in _solution().cells:
        name = nbgrader_info(cell).get("grade_id", "")
        if name == FIRST:
            notebook.cells += [nbformat.v4.new_code_cell(source) for source in before]
        if name in solutions():
            if delete and name not in cells:
                continue
            cell = copy.deepcopy(cell)
            cell.source = cells.get(name, "")
        notebook.cells.append(cell)
    return notebook


def _joined(cells: Mapping[str, str]) -> str:
    return "\n".join(cells[name] for name in solutions())


def _indented(cells: Mapping[str, str]) -> str:
    return textwrap.indent(_joined(cells), "    ")


def _function(cells: Mapping[str, str]) -> str:
    names = ", ".join(VARIABLES)
    return f"def backward():\n{_indented(cells)}\n    return {names}\n\n\n{names} = backward()"


def _renamed(cells: Mapping[str, str]) -> str:
    """A function whose own names are others than the notebook's."""

    class Rename(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return ast.Name(f"grad_{node.id[1:]}", node.ctx) if node.id in VARIABLES else node

    tree = Rename().visit(ast.parse(_joined(cells)))
    inner = ", ".join(f"grad_{name[1:]}" for name in VARIABLES)
    body = textwrap.indent(ast.unparse(tree), "    ")
    return f"def backward():\n{body}\n    return {inner}\n\n\n{', '.join(VARIABLES)} = backward()"


def _paths_together(cells: Mapping[str, str]) -> dict[str, str]:
    """Both paths of a tensor in one statement, where each is one expression."""
    found = dict(cells)
    for name in VARIABLES:
        first, second = f"{name}_path1", f"{name}_path2"
        if first in cells and second in cells:
            one, two = _value(cells[first], name), _added(cells[second], name)
            if one is not None and two is not None:
                found[first], found[second] = "", f"{name} = ({one}) + ({two})"
    return found


def _value(code: str, name: str) -> str | None:
    match ast.parse(code).body:
        case [ast.Assign([ast.Name(target)], value)] if target == name:
            return ast.unparse(value)
    return None


def _added(code: str, name: str) -> str | None:
    match ast.parse(code).body:
        case [ast.AugAssign(ast.Name(target), ast.Add(), value)] if target == name:
            return ast.unparse(value)
        case [ast.Assign([ast.Name(target)], ast.BinOp(ast.Name(left), ast.Add(), value))] if target == left == name:
            return ast.unparse(value)
    return None


def _two_together(cells: Mapping[str, str]) -> dict[str, str]:
    """Two steps that do not need each other in one statement: `dW2, db2 = ..., ...`."""
    found = dict(cells)
    names = [name for name in solutions() if "_path" not in name]
    for one, two in itertools.pairwise(names):
        if not found[one] or not found[two]:
            continue
        left, right = _value(found[one], one), _value(found[two], two)
        used = {node.id for node in ast.walk(ast.parse(right or "")) if isinstance(node, ast.Name)}
        between = list(solutions())[list(solutions()).index(one) + 1 : list(solutions()).index(two)]
        if left is not None and right is not None and one not in used and not between:
            found[one], found[two] = "", f"{one}, {two} = {left}, {right}"
    return found


def _plain(code: str) -> bool:
    """Whether the code can stand in any block: no cell magic, and no line that only IPython understands."""
    return "%" not in code and "!" not in code


def _local(code: str) -> bool:
    """Whether the code works in a function: it makes d-variables and names of its own, and changes no other tensor."""
    if not _plain(code):
        return False
    names = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    stored = {
        node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    known = {name for line in exercise().assignments for name in (line.target, *line.uses)} | {"n", "Xb", "Yb", "C"}
    strange = {"numpy", "tolist", "item", "np", "from_numpy", "tensor", "float", "globals", "locals", "exec", "data"}
    words = {node.attr for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Attribute)} | names
    return not stored & known and not strange & words


def fits(way: Way, cell: str, code: str) -> bool:
    """Whether a cell's code means the same when it is written in this way.

    What a function gives back at its end has felt every change in place, also one of a tensor that shares its memory.
    """
    if way is CELL_BY_CELL or not way.fits(code):
        return way is CELL_BY_CELL
    changed = _changes_in_place(code) & set(VARIABLES)
    allowed = {variable(cell)} if way.fits is not _local or not cell.endswith("_path2") else set()
    return not changed - allowed


CELL_BY_CELL = Way("cell by cell", lambda cells: _notebook(cells))
WAYS = (
    CELL_BY_CELL,
    Way("one cell in the first stub, the others emptied", lambda cells: _notebook({FIRST: _joined(cells)}), _plain),
    Way("one cell, the others deleted", lambda cells: _notebook({FIRST: _joined(cells)}, delete=True), _plain),
    Way("a cell of one's own", lambda cells: _notebook({}, before=(_joined(cells),)), _plain),
    Way("a function", lambda cells: _notebook({FIRST: _function(cells)}), _local),
    Way("a function with other names", lambda cells: _notebook({FIRST: _renamed(cells)}), _local),
    Way("under if", lambda cells: _notebook({FIRST: f"if True:\n{_indented(cells)}"}), _plain),
    Way("in a loop", lambda cells: _notebook({FIRST: f"for _ in range(1):\n{_indented(cells)}"}), _local),
    Way("under no_grad", lambda cells: _notebook({FIRST: f"with torch.no_grad():\n{_indented(cells)}"}), _plain),
    Way("beside an endless cell", lambda cells: _notebook({FIRST: _joined(cells)}, before=(ENDLESS,)), _plain),
    Way("both paths in one statement", lambda cells: _notebook({FIRST: _joined(_paths_together(cells))}), _plain),
    Way("two steps in one statement", lambda cells: _notebook({FIRST: _joined(_two_together(cells))}), _plain),
)
