"""Read a student's code: where a gradient came from, which precision it names, which cells belong together.

Running it tells more; the code is asked for what leaves no trace when it runs.
"""

from __future__ import annotations

import ast
import functools
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from .statement import INNER, changed_in_place

SMALL = 8_000  # characters of a cell whose tree is kept along with others
# Cells of which it is kept what they say: all of one submission's, taken apart (submission/notebook.py: MAX_LINES).
KEPT = 8_192
RUNNING = frozenset({"%time", "%timeit", "%prun"})  # magics that run what follows them
OPTIONS = re.compile(r"^(?:-[a-zA-Z]\s*\d*\s+)+")  # of such a magic: `%timeit -n 10 -r1 code`
MAGICS = frozenset({"run_line_magic", "run_cell_magic"})

# A precision below float64, named in code.
LOW_PRECISION = frozenset({"float", "float32", "half", "float16", "bfloat16", "single", "FloatTensor", "HalfTensor"})


def names_low_precision(cells: Mapping[int, str], own: Iterable[int], name: str = "") -> bool:
    """Return whether a step's own cells, or cells that define names they use, name a precision below float64."""
    named = {index for index, source in cells.items() if _names_low_precision(source)}
    return bool(named) and bool(named & related(cells, own, name))


def grads_read(sources: Iterable[str]) -> tuple[str, ...]:
    """Return whose `.grad` the code reads, where autograd leaves its results; "" for what is no plain name.

    Comments and strings do not count.
    """
    found: dict[str, None] = {}
    for source in sources:
        for node in nodes_of(source) if "grad" in source else ():
            match node:
                case ast.Attribute(ast.Name(name), "grad"):
                    found[name] = None
                case ast.Attribute(attr="grad") | ast.Call(ast.Name("getattr"), [_, ast.Constant("grad"), *_]):
                    found[""] = None
    return tuple(found)


@functools.lru_cache(maxsize=KEPT)
def _names_low_precision(source: str) -> bool:
    return any(word in source for word in LOW_PRECISION) and any(map(_low_precision, nodes_of(source)))


def _low_precision(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=word) | ast.alias(name=word) | ast.Constant(str(word)):
            return word in LOW_PRECISION
    return False


def related(
    cells: Mapping[int, str], own: Iterable[int], name: str = "", recorded: Mapping[str, int] = MappingProxyType({})
) -> set[int]:
    """Return the indices of the step's cells and, again and again, of those that define names which these use."""
    makers: dict[str, list[int]] = {}
    for index, source in cells.items():
        for made in _definitions(source):
            if made == name or index > recorded.get(made, -1):
                makers.setdefault(made, []).append(index)
    found: set[int] = set()
    more = {index for index in own if index in cells}.union(makers.pop(name, ()))
    while more:  # a name is asked for once, so that a chain of thousands of cells takes no square time
        found |= more
        used = set().union(*(_names(cells[index], ast.Load) for index in more))
        more = {index for other in used for index in makers.pop(other, ())} - found
    return found


@functools.lru_cache(maxsize=KEPT)
def _names(source: str, context: type[ast.expr_context]) -> set[str]:
    return {node.id for node in nodes_of(source) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def names_read(source: str) -> set[str]:
    """Return the names that a cell's code reads."""
    return _names(source, ast.Load)


def defined_names(source: str) -> set[str]:
    """Return the names that a cell's code assigns, imports, defines or changes in place, for other cells to use."""
    return _definitions(source)


@functools.lru_cache(maxsize=KEPT)
def _definitions(source: str) -> set[str]:
    """Leave out a function's own names; what it declares global or changes in place may be another cell's."""
    nodes = list(nodes_of(source))
    named = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    imported = {(n.asname or n.name).partition(".")[0] for n in nodes if isinstance(n, ast.alias)}
    shared = {name for n in nodes if isinstance(n, ast.Global | ast.Nonlocal) for name in n.names}
    local = {id(n) for f in nodes if isinstance(f, INNER) for n in ast.walk(f) if n is not f}
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and id(n) not in local}
    return named | imported | shared | stored | changed_in_place(nodes)


def nodes_of(source: str) -> Iterator[ast.AST]:
    """Yield every node of the code's syntax tree, also of code that it runs as a string or with a magic."""
    tree = parsed(source)
    for node in ast.walk(tree) if tree is not None else ():
        yield node
        match node:
            # A magic that is called as IPython calls it: the code is the last argument.
            case ast.Call(ast.Attribute(_, name), [*_, ast.Constant(str(code))]) if name in MAGICS:
                yield from nodes_of(code)
            case ast.Call(ast.Name("exec" | "eval"), [ast.Constant(str(code)), *_]):
                yield from nodes_of(code)


def parsed(source: str) -> ast.Module | None:
    """Return the code without magics but with what they run; None where that is no Python. Not to be changed."""
    return _small_tree(source) if len(source) <= SMALL else _large_tree(source)


# Every step asks for the same trees. A tree takes a hundred times the memory of its text, so few large ones are kept.
@functools.lru_cache(maxsize=32)
def _small_tree(source: str) -> ast.Module | None:
    return _tree(source)


@functools.lru_cache(maxsize=1)
def _large_tree(source: str) -> ast.Module | None:
    return _tree(source)


def _tree(source: str) -> ast.Module | None:
    try:
        try:
            return ast.parse(source)
        except SyntaxError:
            return ast.parse(plain_python(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last for code that nests deeply
        return None


def plain_python(source: str) -> str:
    """Return the cell without commands, magics and questions; what a magic runs stays.

    Not IPython's own transformer: it reads the whole cell again for each of them and gives up after 500, and a long
    line keeps it busy for minutes. This goes through the lines once.
    """
    lines = textwrap.dedent(source.lstrip("\n")).split("\n")
    if lines[0].startswith("%%"):
        del lines[0]
    return "\n".join(map(_plain_line, lines))


def _plain_line(line: str) -> str:
    code = line.lstrip()
    indent = line[: len(line) - len(code)]
    target, equals, value = code.partition("=")
    command = value.strip() if equals else ""
    if not command.startswith(("%", "!")):
        target, equals, command = "", "", code.rstrip()
    asks = command.startswith("?") or (command.endswith("?") and "#" not in command)
    if not (asks or command.startswith(("%", "!"))):
        return line
    magic, _, argument = command.partition(" ")
    runs = OPTIONS.sub("", argument.strip()) if magic in RUNNING else ""
    return f"{indent}{target}{equals} {runs or 'None'}" if target else f"{indent}{runs or 'None'}"
