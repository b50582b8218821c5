"""Wrong answers to exercise 1, none of which may have full credit: mutated right ones, and some written by hand.

A mutation is a change to a right answer's syntax tree. It counts once it is shown to be wrong, on a case
that the grader does not know (see `Judge`): many changes do nothing, and those are not wrong answers.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import functools
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from autograder.exercise.forward import consumers
from tests.marks.notebooks import exercise, solutions, variable
from tests.marks.right_answers import RIGHT

MARGIN = 1e-6  # how far from the truth, relative to its largest element, a number must be to be wrong
VANISHING = frozenset({"dlogit_maxes", "db1"})  # the true gradient is zero: only other upstream gradients tell
VARIANTS = 7  # of how many right ways of writing a cell mutations are made
EACH = 110  # mutations kept of each d-variable, at most


@dataclass(frozen=True)
class Mutation:
    """One solution cell changed. kind: what was done to it."""

    kind: str
    cell: str
    code: str


# Mutations -----------------------------------------------------------------------------------------------------------

Change = Callable[[ast.AST], Iterator[tuple[str, ast.AST]]]
OPERATORS: dict[type[ast.operator], list[tuple[str, type[ast.operator]]]] = {
    ast.Add: [("sign", ast.Sub), ("operator", ast.Mult)],
    ast.Sub: [("sign", ast.Add)],
    ast.Mult: [("operator", ast.Div), ("operator", ast.Add)],
    ast.Div: [("operator", ast.Mult)],
    ast.MatMult: [("operator", ast.Mult)],
}
METHODS = {
    "sum": ["mean", "prod", "cumsum", "amax"],
    "mean": ["sum"],
    "exp": ["log", "expm1"],
    "square": ["sqrt"],
    "sqrt": ["square"],
    "rsqrt": ["sqrt"],
    "index_add_": ["index_copy_"],
    "scatter_add": ["scatter"],
    "unsqueeze": ["squeeze"],
    "argmax": ["argmin"],
    "max": ["min"],
    "zeros_like": ["ones_like"],
    "ones_like": ["zeros_like"],
    "zeros": ["ones"],
    "ones": ["zeros"],
    "add": ["sub"],
    "mul": ["div"],
    "div": ["mul"],
    "cosh": ["sinh"],
    "tanh": ["sigmoid"],
}


def _binary(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if not isinstance(node, ast.BinOp):
        return
    for kind, operator in OPERATORS.get(type(node.op), []):
        yield kind, ast.BinOp(node.left, operator(), node.right)
    if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult | ast.Pow):
        yield "operands swapped", ast.BinOp(node.right, node.op, node.left)
    yield "factor or term dropped", node.left
    yield "factor or term dropped", node.right


def _sign(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.UnaryOp(ast.USub(), operand):
            yield "sign", operand


def _constant(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Constant(bool(value)):
            yield "keepdim", ast.Constant(not value)
        case ast.Constant(int(value)):
            yield from (("constant or dim", ast.Constant(other)) for other in {0, 1, 2, -1, value + 1} - {value})
        case ast.Constant(float(value)) if value < 1e-3:
            yield "epsilon", ast.Constant(0.0)
            yield from (("epsilon", ast.Constant(value * by)) for by in (10.0, 0.1))
        case ast.Constant(float(value)):
            yield from (("constant", ast.Constant(other)) for other in {value + 1, value * 2, value / 2, 0.0} - {value})


def _exponent(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.BinOp(base, ast.Pow(), exponent):
            for change in (1, -1, 0.5):
                yield "exponent", ast.BinOp(base, ast.Pow(), ast.BinOp(exponent, ast.Add(), ast.Constant(change)))
            yield "exponent", ast.BinOp(base, ast.Pow(), ast.UnaryOp(ast.USub(), exponent))


def _size(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    n = ast.Name("n", ast.Load())
    match node:
        case ast.Name("n", ast.Load()):
            for sign in (ast.Sub(), ast.Add()):
                yield "n, n-1 or n+1", ast.BinOp(n, sign, ast.Constant(1))
            yield "another size for n", ast.Name("n_hidden", ast.Load())
            yield "another size for n", ast.Name("vocab_size", ast.Load())
            yield "another size for n", ast.Constant(1)
        case ast.BinOp(ast.Name("n"), ast.Sub(), ast.Constant(1)):
            yield "n, n-1 or n+1", n


def _call(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Call(ast.Attribute(receiver, method) as function, arguments, keywords):
            named = not (isinstance(receiver, ast.Name) and receiver.id in ("torch", "F", "np"))
            if named:
                yield f"without .{method}()", receiver
            elif arguments:
                yield f"without {method}()", arguments[0]
            for other in METHODS.get(method, []):
                yield (
                    f"{other} for {method}",
                    ast.Call(ast.Attribute(receiver, other, function.ctx), arguments, keywords),
                )
            if keywords:
                yield "keyword dropped", ast.Call(function, arguments, keywords[:-1])
            if len(arguments) > 1:
                yield "argument dropped", ast.Call(function, arguments[:-1], keywords)
                yield "operands swapped", ast.Call(function, [*arguments[:-2], arguments[-1], arguments[-2]], keywords)


def _transpose(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Attribute(inner, "T"):
            yield "transposed", inner
        case ast.Name(name, ast.Load()) if name in _shapes() and len(_shapes()[name]) == 2:
            yield "transposed", ast.Attribute(ast.Name(name, ast.Load()), "T", ast.Load())


def _other_tensor(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Name(name, ast.Load()) if name in _shapes():
            for other, shape in _shapes().items():
                if other != name and shape == _shapes()[name]:
                    yield "another tensor", ast.Name(other, ast.Load())


def _string(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Constant(str(text)) if "->" in text:
            inputs, output = text.split("->")
            yield "einsum", ast.Constant(f"{inputs}->{output[::-1]}")
            yield "einsum", ast.Constant(f"{','.join(inputs.split(',')[::-1])}->{output}")
            yield "einsum", ast.Constant(f"{inputs}->{output[:1]}")


CHANGES: tuple[Change, ...] = (
    _binary,
    _sign,
    _constant,
    _exponent,
    _size,
    _call,
    _transpose,
    _other_tensor,
    _string,
)


def _whole_value(code: str, name: str) -> Iterator[tuple[str, str]]:
    """Changes to what the cell ends with."""
    for kind, line in (
        ("sign", f"{name} = -{name}"),
        ("factor", f"{name} = {name} * 2"),
        ("factor", f"{name} = {name} / 2"),
        ("factor", f"{name} = {name} * n"),
        ("factor", f"{name} = {name} / n"),
        ("factor", f"{name} = {name} * (1 + 1e-5)"),
        ("shifted", f"{name} = {name} + 1e-4 * {name}.abs().max()"),
        ("shifted", f"{name} = {name} - {name}.mean()"),
        ("rows in another order", f"{name} = {name}.roll(1, 0)"),
        ("rows in another order", f"{name} = {name}.flip(-1)"),
        ("one element", f"{name} = {name}.clone()\n{name}.view(-1)[0] *= 1.001"),
        ("one element", f"{name} = {name}.clone()\n{name}.reshape(-1)[-1] += {name}.abs().max() * 1e-3"),
        ("transposed", f"{name} = {name}.T"),
        ("a dimension too many", f"{name} = {name}.unsqueeze(-1)"),
        ("absolute value", f"{name} = {name}.abs()"),
        ("clipped", f"{name} = {name}.clamp(-{name}.std(), {name}.std())"),
        ("rounded", f"{name} = ({name} * 1000).round() / 1000"),
        ("low precision", f"{name} = {name}.half()"),
        ("low precision", f"{name} = {name}.bfloat16().to({name}.dtype)"),
        ("integers", f"{name} = {name}.long()"),
        ("too many rows", f"{name} = torch.cat([{name}, {name}])"),
        ("half of it", f"{name} = {name}[: len({name}) // 2]"),
    ):
        yield kind, f"{code}\n{line}"


def _statements(code: str) -> Iterator[tuple[str, str]]:
    body = ast.parse(code).body
    for number, statement in enumerate(body):
        if len(body) > 1:
            yield "a line left out", ast.unparse(ast.Module(body[:number] + body[number + 1 :], []))
        yield "a line twice", ast.unparse(ast.Module([*body[: number + 1], *body[number:]], []))
        match statement:
            case ast.AugAssign(target, ast.Add(), value):
                for kind, instead in (
                    ("sign", ast.AugAssign(target, ast.Sub(), value)),
                    ("not accumulated", ast.Assign([copy.deepcopy(target)], value)),
                ):
                    yield kind, _unparse([*body[:number], instead, *body[number + 1 :]])
        for inner in ast.walk(statement):
            if isinstance(inner, ast.AugAssign) and inner is not statement:
                changed = copy.deepcopy(body)
                for node in ast.walk(changed[number]):
                    if isinstance(node, ast.AugAssign) and ast.unparse(node) == ast.unparse(inner):
                        node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Mult()
                yield "sign", _unparse(changed)


def _unparse(body: list[ast.stmt]) -> str:
    return ast.unparse(ast.fix_missing_locations(ast.Module(body, [])))


def _mutants(code: str, name: str, changes: tuple[Change, ...] = CHANGES) -> Iterator[tuple[str, str]]:
    """Every single change to the code, and what kind it is."""
    tree = ast.parse(code)
    places = [node for node in ast.walk(tree) if isinstance(node, ast.expr)]
    for number, node in enumerate(places):
        for change in changes:
            for kind, new in change(node):
                yield kind, _replaced(tree, number, new)
    yield from _statements(code)
    yield from _whole_value(code, name)


def _replaced(tree: ast.Module, number: int, new: ast.AST) -> str:
    changed = copy.deepcopy(tree)
    old = [node for node in ast.walk(changed) if isinstance(node, ast.expr)][number]

    class Replace(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return copy.deepcopy(new) if node is old else super().visit(node)

    return ast.unparse(ast.fix_missing_locations(Replace().visit(changed)))


# The judge -----------------------------------------------------------------------------------------------------------


class Judge:
    """One small case of its own: what autograd says of it, and what a step's code makes of it.

    Step by step is done here once more, without the grader's code. What counts is what the cells leave behind,
    as in a notebook: code that raises after its gradient is right is not wrong.
    """

    def __init__(self, seed: int, n: int, hidden: int, width: int, block: int, vocab: int) -> None:
        with _float64():
            generator = torch.Generator().manual_seed(seed)
            randn = functools.partial(torch.randn, generator=generator)
            self.sizes = {"n": n, "batch_size": n, "n_hidden": hidden, "n_embd": width}
            self.sizes |= {"block_size": block, "vocab_size": vocab}
            start: dict[str, Any] = {
                "C": randn(vocab, width),
                "W1": randn(width * block, hidden) * 0.3,
                "b1": randn(hidden) * 0.1,
                "W2": randn(hidden, vocab) * 0.2,
                "b2": randn(vocab) * 0.1,
                "bngain": randn(1, hidden) * 0.1 + 1,
                "bnbias": randn(1, hidden) * 0.1,
            }
            for tensor in start.values():
                tensor.requires_grad_()
            self.plain = {
                "Xb": torch.randint(vocab, (n, block), generator=generator),
                "Yb": torch.randint(vocab, (n,), generator=generator),
                "torch": torch,
                "F": F,
                **self.sizes,
            }
            names = {**self.plain, **start}
            self.lines = exercise().assignments
            for line in self.lines:
                exec(line.source, names)
                if names[line.target].requires_grad and not names[line.target].is_leaf:
                    names[line.target].retain_grad()
            names["loss"].backward()
            self.tensors = [step.tensor for step in exercise().steps]
            self.values = {**start, **{line.target: names[line.target] for line in self.lines}}
            self.true = {f"d{name}": self.values[name].grad.clone() for name in self.tensors}
            self.random = {f"d{name}": randn(self.values[name].shape) for name in self.tensors}
            self.values = {name: value.detach() for name, value in self.values.items()}
            self.stepwise = {f"d{name}": self._step(name) for name in self.tensors}
            self.before = {id(upstream): self._before(upstream) for upstream in (self.true, self.random)}

    def _before(self, upstream: Mapping[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
        """The d-variables there are before each cell of the solution, with these once each is complete."""
        cells = solutions()
        last = {variable(cell): cell for cell in cells}
        names = {**self.plain, **self.values}
        found = {}
        for cell, code in cells.items():
            found[cell] = {name: names[name].clone() for name in last if name in names}
            exec(code, names)
            if last[variable(cell)] == cell:
                names[variable(cell)] = upstream[variable(cell)].clone()
        return found

    def _step(self, tensor: str) -> torch.Tensor:
        """What reaches the tensor when every line that uses it has a random gradient arriving, line by line."""
        total = torch.zeros_like(self.values[tensor])
        for line in consumers(self.lines, tensor):
            leaf = self.values[tensor].clone().requires_grad_()
            names = {**self.plain, **self.values, tensor: leaf}
            exec(line.source, names)
            upstream = self.random.get(f"d{line.target}", torch.ones(()))
            total += torch.autograd.grad((names[line.target] * upstream).sum(), leaf)[0]
        return total

    def is_wrong(self, cells: Mapping[str, str], name: str) -> bool:
        """Whether the d-variable, made by these of its cells, is wrong both ways: true gradients and random ones."""
        by_step = self.differs(cells, name, self.random, self.stepwise[name])
        return by_step and (name in VANISHING or self.differs(cells, name, self.true, self.true[name]))

    def differs(
        self, cells: Mapping[str, str], name: str, upstream: Mapping[str, torch.Tensor], truth: torch.Tensor
    ) -> bool:
        """Whether running the cells with these upstream gradients gives anything but the truth."""
        with _float64():
            names: dict[str, Any] = {k: _copied(v) for k, v in {**self.plain, **self.values}.items()}
            for cell, code in cells.items():
                there = self.before[id(upstream)][cell]
                names |= {other: there[other].clone() for other in there if other != name}
                with contextlib.suppress(Exception):
                    exec(compile(code, cell, "exec"), names)
            return is_off(names.get(name), truth)


def is_off(found: object, truth: torch.Tensor) -> bool:
    """Whether what an answer left is anything but the truth, in any shape that broadcasts to its elements."""
    try:
        if not isinstance(found, torch.Tensor) or found.is_complex() or found.layout != torch.strided:
            return True
        if math.prod(torch.broadcast_shapes(found.shape, truth.shape)) != truth.numel():
            return True
        return not bool((found.double() - truth).abs().max() <= MARGIN * truth.abs().max())
    except Exception:
        return True


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, torch.Tensor) else value


class _float64:  # noqa: N801
    def __enter__(self) -> None:
        self._before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)

    def __exit__(self, *_: object) -> None:
        torch.set_default_dtype(self._before)


@functools.cache
def judges() -> tuple[Judge, ...]:
    # The sizes of one are in another order than those of the other.
    return Judge(5, n=11, hidden=7, width=5, block=4, vocab=13), Judge(6, n=9, hidden=17, width=8, block=3, vocab=13)


@functools.cache
def _shapes() -> dict[str, tuple[int, ...]]:
    """The shape of every tensor that a cell may name, d-variables among them."""
    judge = judges()[0]
    shapes = {name: tuple(value.shape) for name, value in judge.values.items()}
    return shapes | {f"d{name}": shapes[name] for name in judge.tensors}


def _changes_in_place(code: str) -> set[str]:
    """The names whose tensors the code changes in place: such a change is a mistake in more than one step."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Subscript(ctx=ast.Store()):
                base: ast.AST = node
            case ast.Call(ast.Attribute(base, method)) if method.endswith("_"):
                pass
            case ast.keyword("out", base):
                pass
            case ast.AugAssign(base):
                pass
            case _:
                continue
        while not isinstance(base, ast.Name) and (inner := getattr(base, "value", getattr(base, "func", None))):
            base = inner
        found |= {base.id} if isinstance(base, ast.Name) else set()
    return found


def with_its_other_paths(cell: str, code: str) -> dict[str, str]:
    """All cells of the d-variable, this one as given and the others as in the solution, in order."""
    name = variable(cell)
    return {c: code if c == cell else source for c, source in solutions().items() if variable(c) == name}


@functools.cache
def mutations() -> tuple[Mutation, ...]:
    """Wrong answers made from right ones: distinct, proved wrong, at most EACH for a d-variable."""
    found: dict[str, dict[str, Mutation]] = {}
    source = random.Random(3)
    for cell, solution in solutions().items():
        usable = [
            code for code in RIGHT[cell] if not code.startswith("%") and "print" not in code and "np." not in code
        ]
        usable = [code for code in usable if "import" not in code and ".numpy" not in code and "float" not in code]
        own = found.setdefault(variable(cell), {})
        for code in (solution, *source.sample(usable, min(VARIANTS, len(usable)))):
            for kind, mutant in _mutants(code, variable(cell)):
                if not _changes_in_place(mutant) & (_shapes().keys() - {variable(cell)}):
                    own.setdefault(mutant, Mutation(kind, cell, mutant))
    kept = []
    for name, candidates in found.items():
        # In turns, so that of every kind there are some.
        order = list(candidates.values())
        source.shuffle(order)
        turns: Counter[str] = Counter()
        turn = {}
        for mutation in order:
            turn[mutation.code] = turns[mutation.kind]
            turns[mutation.kind] += 1
        order.sort(key=lambda mutation: turn[mutation.code])
        wrong = (
            mutation
            for mutation in order
            if all(judge.is_wrong(with_its_other_paths(mutation.cell, mutation.code), name) for judge in judges())
        )
        kept += list(itertools.islice(wrong, EACH))
    return tuple(kept)
