"""A student's answer, in pieces: the statements of all cells, and those of them that one step needs."""

from __future__ import annotations

import ast
import functools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from .code import defined_names, parsed
from .statement import WATCHING, makes, unfolded

TIMING = ("%timeit", "%prun")  # what these run assigns nothing in the notebook
IN_ITS_OWN_NAMES = ("%%timeit", "%%prun", "%%writefile", "%%bash", "%%html")
SAYING = frozenset(
    {"cmp", "cmp_all", "cmp_path", "cmp_value", "example", "heat_map", "progress", "results", "print", "display"}
)


@dataclass(frozen=True)
class Piece:
    """One statement of the notebook.

    cell: the number of its cell. source: its text. defines: the names that it makes or changes in place. variables:
    those of them that are d-variables. uses: the names that it reads, what it changes in place among them.
    """

    cell: int
    source: str
    defines: frozenset[str]
    variables: frozenset[str]
    uses: frozenset[str]

    def begins(self, name: str) -> bool:
        """Return whether it makes a name anew, so that what the name held before does not matter."""
        return name in self.defines and name not in self.uses


def pieces_of(cells: Iterable[tuple[int, str]], variables: Collection[str], until: str = "") -> tuple[Piece, ...]:
    """Return the statements of these cells, given as (number, text), in order.

    variables: all d-variables. until: the label of a comparison; in the last cell, which is running, what stands from
    there on has not been run. A cell that is no Python has no pieces.
    """
    found: list[Piece] = []
    numbered = list(cells)
    for number, source in numbered:
        tree = parsed(_watched(source))
        for node in tree.body if tree is not None else ():
            if number == numbered[-1][0] and until and _compares(node, until):
                break
            found += [replace(piece, cell=number) for piece in _pieces(ast.unparse(node), frozenset(variables))]
    return tuple(_with_globals(found, variables))


def _with_globals(pieces: Iterable[Piece], variables: Collection[str]) -> Iterator[Piece]:
    """Yield the pieces; one that calls a function makes the d-variables that this one declares global."""
    made_by: dict[str, frozenset[str]] = {}
    for piece in pieces:
        # Not parsed where no function of this kind is known.
        nodes = list(ast.walk(ast.parse(piece.source))) if made_by or "global " in piece.source else []
        called = {n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        made = frozenset().union(*(made_by.get(name, frozenset()) for name in called))
        function = next((n for n in nodes[1:2] if isinstance(n, ast.FunctionDef)), None)
        if function is not None:
            declared = {name for n in nodes if isinstance(n, ast.Global) for name in n.names}
            made_by[function.name] = made | declared.intersection(variables)
        elif made:
            piece = replace(piece, defines=piece.defines | made, variables=piece.variables | made)
        yield piece


def _watched(source: str) -> str:
    """Return a cell without a first line that only watches what runs below, and without what assigns nothing."""
    first, _, rest = source.partition("\n")
    if first.startswith(IN_ITS_OWN_NAMES):
        return ""
    lines = (rest if first.startswith(WATCHING) else source).split("\n")
    return "\n".join("" if line.lstrip().startswith(TIMING) else line for line in lines)


@functools.lru_cache(maxsize=2_000)  # each comparison asks about the same cells
def _pieces(source: str, variables: frozenset[str]) -> tuple[Piece, ...]:
    return tuple(_piece(each, variables) for node in ast.parse(source).body for each in unfolded(node))


def _piece(node: ast.stmt, variables: Collection[str]) -> Piece:
    source = ast.unparse(node)
    defines = frozenset(defined_names(source))
    reads = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    # `dx += a` reads dx, and so does `dx[i] = a`, whose name is only loaded.
    reads -= bound_inside(node)
    reads |= {n.target.id for n in ast.walk(node) if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
    return Piece(0, source, defines, frozenset(makes(node, variables)), frozenset(reads))


def own_pieces(pieces: Sequence[Piece], name: str) -> tuple[Piece, ...]:
    """Return the pieces that make a d-variable, from the last one on that makes it anew."""
    own = [piece for piece in pieces if name in piece.variables]
    first = max((i for i, piece in enumerate(own) if piece.begins(name)), default=0)
    return tuple(own[first:])


def beside(pieces: Sequence[Piece], own: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return a step's pieces with the other statements of its cells, which may change it through another name.

    Left out are those that make another d-variable, and those that only say something.
    """
    cells = {piece.cell for piece in own}
    return tuple(p for p in pieces if p in own or (p.cell in cells and not p.variables and not _says(p.source)))


def needed_pieces(
    pieces: Sequence[Piece],
    own: Sequence[Piece],
    given: Collection[str],
    follow: bool = False,
    known: Collection[str] = frozenset(),
) -> tuple[Piece, ...]:
    """Return a step's own pieces with those before its last that define what it uses, again and again.

    given: the d-variables, whose values are supplied; no piece is taken for their sake. follow: take those too, so
    that the step runs end to end. known: names that are there without the answer. What else is made behind the step
    only, such as by a cell with a function that was run again, comes first.
    """
    if not own:
        return ()
    last = max(i for i, piece in enumerate(pieces) if piece in own)
    taken = {i for i, piece in enumerate(pieces) if piece in own}
    there = frozenset(known).union(*(piece.defines for piece in pieces[:last] if piece.defines - piece.uses))
    behind = [i for i in range(last + 1, len(pieces)) if not pieces[i].variables]
    wanted = frozenset().union(*(piece.uses for piece in own))
    while True:
        names = wanted if follow else wanted.difference(given)
        more = {i for i in range(last) if i not in taken and not names.isdisjoint(pieces[i].defines)}
        missing = names - there - frozenset(given)
        more |= {i for i in behind if i not in taken and not missing.isdisjoint(pieces[i].defines)}
        if not more:
            return tuple(pieces[i] for i in sorted(taken, key=lambda i: (i <= last, i)))
        taken |= more
        wanted = wanted.union(*(pieces[i].uses for i in more))


def leans(pieces: Sequence[Piece], own: Sequence[Piece], variables: Collection[str], known: Collection[str]) -> bool:
    """Return whether a step uses what other pieces made, under other names than those of d-variables.

    Such a name may hold an earlier gradient, which then is not replaced with the d-variable.
    """
    return len(needed_pieces(pieces, own, variables, known=known)) > len(own)


def bound_inside(node: ast.AST) -> set[str]:
    """Return the names that loops, comprehensions and functions in a node bind before they are read."""
    found: set[str] = set()
    for part in ast.walk(node):
        match part:
            case ast.For(target, over) | ast.comprehension(target=target, iter=over):
                read = {n.id for n in ast.walk(over) if isinstance(n, ast.Name)}
                found |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)} - read
            case ast.arguments():
                every = (*part.posonlyargs, *part.args, *part.kwonlyargs, part.vararg, part.kwarg)
                found |= {arg.arg for arg in every if arg is not None}
    return found


def _says(source: str) -> bool:
    body = ast.parse(source).body
    call = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in SAYING


def mixed(own: Sequence[Piece]) -> bool:
    """Return whether a step's pieces make another d-variable too, so that no statement tells them apart."""
    return any(len(piece.variables) > 1 for piece in own)


def _compares(node: ast.stmt, label: str) -> bool:
    """Return whether a statement calls something with this label first: `cmp("probs", dprobs, probs)`."""
    calls = (part for part in ast.walk(node) if isinstance(part, ast.Call | ast.Tuple))
    firsts = ((call.args if isinstance(call, ast.Call) else call.elts)[:1] for call in calls)
    return any(isinstance(each, ast.Constant) and each.value == label for first in firsts for each in first)
