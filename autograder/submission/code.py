"""What a student's code says: where a gradient came from, which precision it names, which memory it shares.

Running it tells more (see sandbox/guest/autograd_guard.py); the code is asked for what leaves no trace when it runs.
"""

from __future__ import annotations

import ast
import functools
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.submission.notebook import Submission

SMALL = 8_000  # characters of a cell whose tree is kept along with others
RUNNING = frozenset({"%time", "%timeit", "%prun"})  # magics that run what follows them
MAGICS = frozenset({"run_line_magic", "run_cell_magic"})

# Ways to a gradient that do not pass through autograd's engine: a graph's nodes called by hand, PyTorch's own
# backward kernels, and whatever reaches around the engine that the guard watches, or for the guard.
AROUND_THE_ENGINE = frozenset(
    {"grad_fn", "next_functions", "_execution_engine", "_ImperativeEngine", "_C", "_VF", "_unpack_dual", "autograder"}
)

# A precision below float64, named in code.
LOW_PRECISION = frozenset({"float", "float32", "half", "float16", "bfloat16", "single", "FloatTensor", "HalfTensor"})


def evades(
    cells: Mapping[int, str], own: Iterable[int], name: str = "", recorded: Mapping[str, int] = MappingProxyType({})
) -> bool:
    """Return whether a step's own cells, or cells that define names they use, go around autograd's engine.

    cells: the code of all the student's cells, by index. own: the indices of the step's own. name: its d-variable,
    which another cell may define. recorded: after which cell each d-variable is recorded; how another's came
    about until then is its own affair.
    """
    suspects = {index for index, source in cells.items() if _goes_around(source)}
    return bool(suspects) and bool(suspects & related(cells, own, name, recorded))


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


@functools.lru_cache(maxsize=4096)  # every step asks about the same cells
def _goes_around(source: str) -> bool:
    # Whatever is written in these words has them in its text; most cells have none and need no parsing.
    if not any(word in source for word in (*AROUND_THE_ENGINE, "_backward")):
        return False
    nodes = list(nodes_of(source))
    shown = {id(node) for parent in nodes for node in _shown(parent)}
    return any(_around(node) for node in nodes if id(node) not in shown)


def _shown(node: ast.AST) -> list[ast.expr]:
    """What a node only puts on the screen: print(h.grad_fn) is how one learns of graphs."""
    match node:
        case ast.Call(ast.Name("print" | "repr" | "str" | "type"), shown):
            return [value for value in shown if isinstance(value, ast.Attribute)]
        case ast.Expr(ast.Attribute() as value) | ast.FormattedValue(ast.Attribute() as value):
            return [value]
    return []


@functools.lru_cache(maxsize=4096)
def _names_low_precision(source: str) -> bool:
    return any(word in source for word in LOW_PRECISION) and any(map(_low_precision, nodes_of(source)))


def _low_precision(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=word) | ast.alias(name=word) | ast.Constant(str(word)):
            return word in LOW_PRECISION
    return False


def _around(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=name) | ast.alias(name=name) | ast.ImportFrom(module=str(name)):
            parts = name.split(".")
            return not AROUND_THE_ENGINE.isdisjoint(parts) or parts[-1].endswith(("_backward", "_backward_data"))
        case ast.Name(name):  # a function of the student's own may be called linear_backward
            return name in AROUND_THE_ENGINE
        case ast.Constant(str(text)):  # getattr(x, "grad_fn")
            return text in AROUND_THE_ENGINE or (text.isidentifier() and text.endswith("_backward"))
    return False


def related(
    cells: Mapping[int, str], own: Iterable[int], name: str = "", recorded: Mapping[str, int] = MappingProxyType({})
) -> set[int]:
    """Return the indices of the step's cells and, again and again, of those that define names which these use."""
    used = {index: _names(cells[index], ast.Load) for index in cells}
    defined = {
        index: {n for n in _definitions(cells[index]) if n == name or index > recorded.get(n, -1)} for index in cells
    }
    found = {index for index in own if index in cells}
    while True:
        wanted = {name}.union(*(used[index] for index in found))
        more = {index for index in cells if index not in found and defined[index] & wanted}
        if not more:
            return found
        found |= more


@functools.lru_cache(maxsize=4096)
def _names(source: str, context: type[ast.expr_context]) -> set[str]:
    return {node.id for node in nodes_of(source) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def defined_names(source: str) -> set[str]:
    """Return the names that a cell's code assigns, imports or defines, in functions too."""
    return _definitions(source)


@functools.lru_cache(maxsize=4096)
def _definitions(source: str) -> set[str]:
    named = {n.name for n in nodes_of(source) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    imported = {(n.asname or n.name).partition(".")[0] for n in nodes_of(source) if isinstance(n, ast.alias)}
    return named | imported | _names(source, ast.Store)


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
    """The code as Python, without magics but with what they run; None where that is no Python. Not to be changed."""
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


def changed_through(name: str, submission: Submission) -> str | None:
    """The other name, where `name = other` stands in the step's own cells and `other` is changed in place after it.

    Only what happens before the step is complete counts: later its value has been recorded.
    """
    own = submission.indices[name]
    others: set[str] = set()
    for index, statement in _top_statements(submission):
        if own and index > max(own):
            break
        for other in others:
            if _changes(statement, other):
                return other
        match statement:
            case ast.Assign([ast.Name(target)], value) if target == name:
                others = {value.id} if isinstance(value, ast.Name) and index in own else set()
    return None


def _top_statements(submission: Submission) -> Iterator[tuple[int, ast.stmt]]:
    for cell in submission.script:
        tree = parsed(cell.source)
        if tree is not None:
            yield from ((cell.index, statement) for statement in tree.body)


def _changes(statement: ast.stmt, name: str) -> bool:
    """Whether the statement changes the tensor of this name in place."""
    for node in ast.walk(statement):
        match node:
            case ast.AugAssign(ast.Name(found)) | ast.AugAssign(ast.Subscript(ast.Name(found))):
                pass
            case ast.Subscript(ast.Name(found), ctx=ast.Store()):
                pass
            case ast.Call(ast.Attribute(ast.Name(found), method)) if method.endswith("_"):
                pass
            case _:
                continue
        if found == name:
            return True
    return False


def plain_python(source: str) -> str:
    """The cell without commands, magics and questions; what a magic runs stays.

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
    runs = argument.strip() if magic in RUNNING else ""
    return f"{indent}{target}{equals} {runs or 'None'}" if target else f"{indent}{runs or 'None'}"
