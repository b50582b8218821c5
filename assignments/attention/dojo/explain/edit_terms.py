"""Changes of signs, terms and factors: what is wrong, too many or missing in a sum or a product."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product

import torch

from .cell import StudentCell
from .edit import (
    Edit,
    binary,
    call_on,
    factors_of,
    is_ordered,
    minus,
    once_and_everywhere,
    owner_of,
    product_of,
    quoted,
    terms_of,
    within_product,
)
from .evaluate import Original
from .fit import serves
from .forward import Tensor
from .words import product_rules

POWERS = (2, 3, -1, 1.5, -1.5, 0.5, -0.5)
NUMBERS = ("2", "0.5", "3", "2 ** 0.5")
ONE_FOR_ALL = ("sum", "mean", "prod", "amax", "amin", "max", "min")


def signs(cell: StudentCell) -> Iterator[Edit]:
    """Yield a sign that is wrong, of a term or of the whole."""
    for node in cell.nodes:
        match node:  # 1 - sigmoid(x) is sigmoid(-x) too, but that is not how a derivative is written
            case ast.Call(ast.Attribute(_, "sigmoid")):
                rest = binary(ast.Constant(1), ast.Sub(), Original(node))
                said = f"{quoted(node)} stands where `1 - {ast.unparse(node)}` belongs"
                yield Edit("function", said, {node: rest})
    for node in cell.nodes:
        match node:
            case ast.BinOp(left, ast.Add() | ast.Sub() as op, right):
                other: ast.operator = ast.Sub() if isinstance(op, ast.Add) else ast.Add()
                said = f"the sign of {quoted(right)} is wrong"
                if isinstance(right, ast.Constant):
                    said = (
                        f"{quoted(node)} stands where {quoted(binary(left, other, right))} belongs: the sign is wrong"
                    )
                yield Edit("sign", said, {node: binary(left, other, right)})
                said = f"the sign of {quoted(left)} is wrong"
                turned = (
                    binary(right, ast.Sub(), left) if isinstance(op, ast.Add) else minus(binary(left, other, right))
                )
                yield Edit("sign", said, {node: turned})
            case ast.UnaryOp(ast.USub(), operand):
                said = f"the sign is wrong: the minus of {quoted(node)} does not belong there"
                yield Edit("sign", said, {node: operand})
    for node in cell.nodes:
        compared = isinstance(cell.parents.get(node), ast.Compare) or is_ordered(node, cell) or _is_raised(node, cell)
        counts = isinstance(cell.values[node], Tensor) and not cell.values[node].is_floating_point()
        if not compared and not counts and not _shares_factors(node, cell) and not isinstance(node, ast.UnaryOp):
            yield Edit("sign", f"the sign of {quoted(node)} is wrong", {node: minus(node)})


def _is_raised(node: ast.expr, cell: StudentCell) -> bool:
    """Return whether an exponential is taken of a node: with the other sign, it is the inverse that is meant."""
    call = call_on(node, cell)
    return call is not None and _is_exp(call)


def _is_exp(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith("exp")


def surplus_terms(cell: StudentCell) -> Iterator[Edit]:
    """Yield a term that is added and does not belong there."""
    for node in cell.nodes:
        match node:
            case ast.BinOp(left, ast.Add() | ast.Sub() as op, right):
                if not isinstance(cell.values[node], Tensor):
                    said = f"{quoted(node)} stands where {quoted(left)} belongs"
                    yield Edit("factor", said, {node: left})
                    continue
                verb = "added" if isinstance(op, ast.Add) else "subtracted"
                yield Edit("added", _too_much(right, verb, cell), {node: left})
                rest = right if isinstance(op, ast.Add) else ast.UnaryOp(ast.USub(), right)
                yield Edit("added", _too_much(left, "added", cell), {node: rest})
                if isinstance(op, ast.Sub) and isinstance(left, ast.Constant) and left.value == 1:
                    yield Edit("function", f"{quoted(node)} stands where {quoted(right)} belongs", {node: right})


def _too_much(term: ast.expr, verb: str, cell: StudentCell) -> str:
    if len(cell.same.get(ast.unparse(term), ())) > 1 and verb == "added":
        return f"{quoted(term)} is added twice: it is counted once too often"
    shown = quoted(term if verb == "added" else f"- {ast.unparse(term)}")
    return f"the term {shown} is added, and does not belong there"


def surplus_factors(cell: StudentCell) -> Iterator[Edit]:
    """Yield a factor, a divisor, a power or a function that does not belong there."""
    for nodes in once_and_everywhere(cell):
        first = nodes[0]
        match first:
            case ast.Call(ast.Attribute(_, name)):
                inner = owner_of(first)
                if inner is not None and inner in cell.values and name not in (*ONE_FOR_ALL, "clone", "zeros_like"):
                    said = f"`{name}` does not belong there: {quoted(inner)} is needed as it is"
                    if name in _made_by(cell, inner):
                        said = f"`{name}` is taken twice: {quoted(inner)} is its result already, and needed as it is"
                    kind = "transpose" if name in ("transpose", "permute", "t") else "function"
                    yield Edit(kind, said, {node: owner_of(node) for node in nodes if isinstance(node, ast.Call)})
            case ast.BinOp(left, ast.Mult(), right):
                for kept, factor in (("left", right), ("right", left)):
                    said = f"the factor {quoted(factor)} does not belong there"
                    kind = "function" if isinstance(cell.values.get(factor), Tensor) else "factor"
                    yield Edit(kind, said, {node: getattr(node, kept) for node in nodes})
            case ast.BinOp(left, ast.Div(), right):
                said = f"{quoted(first)} is divided by {quoted(right)}, a factor that does not belong there"
                kind = "function" if isinstance(cell.values.get(right), Tensor) else "factor"
                yield Edit(kind, said, {node: getattr(node, "left") for node in nodes})  # noqa: B009
                said = f"the factor {quoted(left)} does not belong there"
                kind = "function" if isinstance(cell.values.get(left), Tensor) else "factor"
                yield Edit(kind, said, {first: binary(ast.Constant(1), ast.Div(), right)})
            case ast.BinOp(_, ast.Pow(), right):
                said = f"the power {quoted('**' + ast.unparse(right))} of {quoted(first)} does not belong there"
                yield Edit("function", said, {node: getattr(node, "left") for node in nodes})  # noqa: B009


def _made_by(cell: StudentCell, node: ast.expr) -> frozenset[str]:
    """Return the functions that are called in the lines which make the value of a node."""
    value = cell.values.get(node)
    names: set[str] = set()
    for line in (line for route in cell.trial.scene.routes for line in route.lines):
        made = cell.trial.names.get(line.target)
        if not isinstance(value, Tensor) or not isinstance(made, Tensor) or value.dtype != made.dtype:
            continue
        if value.shape == made.shape and value.equal(made):
            calls = (part.func for part in ast.walk(ast.parse(line.source)) if isinstance(part, ast.Call))
            names |= {func.attr for func in calls if isinstance(func, ast.Attribute)}
    return frozenset(names)


def missing_numbers(cell: StudentCell) -> Iterator[Edit]:
    """Yield a constant of the lines that all of the cell's value lacks, or one of the terms that make it up."""
    made = [top.value for top in reversed(cell.body) if isinstance(top, ast.Assign | ast.AugAssign)]
    terms = [*made[:1], *(term for value in made for term, _ in terms_of(value) if term is not made[0])]
    terms = [term for term in terms if ast.unparse(term) != cell.name]  # what earlier paths gave
    constants = [(text, tree) for text, (tree, value) in cell.known.items() if _is_constant(tree)]
    operations = ((ast.Mult(), "multiplied"), (ast.Div(), "divided"))
    for (op, words), term, (text, tree) in product(operations, terms, constants):
        said = f"{quoted(term)} must be {words} by `{text}`: this factor is missing"
        yield Edit("factor", said, {term: binary(Original(term), op, tree)})


def _is_constant(tree: ast.expr) -> bool:
    number = tree.operand if isinstance(tree, ast.UnaryOp) else tree
    return isinstance(number, ast.Constant) and isinstance(number.value, int | float)


def product_rule(cell: StudentCell) -> Iterator[Edit]:
    """Yield the term of a product rule that is missing beside the other one, in the derivative of a fused function."""
    for one, other in product_rules(cell.trial.scene):
        for term, missing in ((one, other), (other, one)):
            if term in cell.known and missing in cell.known:
                value, (tree, _) = cell.known[term][1], cell.known[missing]
                for node in cell.nodes:
                    held = cell.values[node]
                    if not isinstance(held, Tensor) or (held.shape, held.dtype) != (value.shape, value.dtype):
                        continue
                    if torch.allclose(held, value):
                        said = f"{quoted(node)} is one term of the product rule: the other, {quoted(tree)}, is missing"
                        yield Edit("path-missing", said, {node: binary(Original(node), ast.Add(), tree)}, False)


def missing_powers(cell: StudentCell) -> Iterator[Edit]:
    """Yield a power that is missing."""
    for power in POWERS:
        for nodes in once_and_everywhere(cell):
            if not isinstance(cell.values[nodes[0]], Tensor) or is_ordered(nodes[0], cell):
                continue
            if _is_exp(nodes[0]):  # of a multiple, rather
                continue
            what = "must be squared" if power == 2 else f"must be taken to the power {power}"
            changes = {node: binary(Original(node), ast.Pow(), ast.Constant(power)) for node in nodes}
            yield Edit("function", f"{quoted(nodes[0])} {what}", changes, power == 2)


def missing_factors(cell: StudentCell) -> Iterator[Edit]:
    """Yield a factor that is missing, first of the whole and then of its parts."""
    for node, text, tree, number in _without_a_factor(cell):
        arrives = text in cell.arriving
        said = f"{quoted(node)} must be multiplied by {cell.words(tree)}: this factor is missing"
        if arrives:
            said = f"`{text}`, the gradient that arrives, is missing as a factor of {quoted(node)}"
        kind = "upstream" if arrives else "factor" if number else "function"
        yield Edit(kind, said, {node: binary(Original(node), ast.Mult(), tree)}, number or arrives)


def missing_divisors(cell: StudentCell) -> Iterator[Edit]:
    """Yield a divisor that is missing; a tensor is one less often than a sum is forgotten."""
    for node, text, tree, number in _without_a_factor(cell):
        if text not in cell.arriving:
            said = f"{quoted(node)} must be divided by {cell.words(tree)}: this factor is missing"
            kind = "factor" if number else "function"
            yield Edit(kind, said, {node: binary(Original(node), ast.Div(), tree)}, number)


def _without_a_factor(cell: StudentCell) -> Iterator[tuple[ast.expr, str, ast.expr, bool]]:
    """Yield each node with each factor that it may lack: (node, text, factor, whether that is a plain number)."""
    bessel = [f"{text[:-4]} / ({text})" for text in cell.known if text.endswith(" - 1") and text[:-4].isidentifier()]
    extra = [(text, ast.parse(text, mode="eval").body, 1.0) for text in (*NUMBERS, *bessel)]
    slopes = [(cell.words(tree), tree, cell.trial.names[tree.id]) for tree in cell.slopes]
    words = [*((text, tree, value) for text, (tree, value) in cell.known.items()), *slopes, *extra]
    for node in cell.nodes:
        branch = isinstance(node, ast.Constant) and isinstance(cell.parents.get(node), ast.Call)  # of torch.where
        if (isinstance(node, ast.Constant) and not branch) or is_ordered(node, cell):
            continue
        for text, tree, value in words:
            number = not isinstance(value, Tensor)
            if not _shares_factors(node, cell, number):
                yield node, text, tree, number


def missing_terms(cell: StudentCell) -> Iterator[Edit]:
    """Yield a term that is missing beside another one of its shape."""
    for node in cell.nodes:
        value = cell.values[node]
        if isinstance(node, ast.Constant) or not isinstance(value, Tensor):
            continue
        for tree, other in cell.known.values():
            is_sum = isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add | ast.Sub)
            # What arrives, summed or averaged, is subtracted from each element by what a norm or a softmax does.
            wide = isinstance(tree, ast.Call) and isinstance(other, Tensor) and serves(other, value)
            fits = isinstance(other, Tensor) and (other.shape == value.shape or (wide and other.dim() == value.dim()))
            if fits and other.dim() and not is_sum:
                for op, sign in ((ast.Sub(), "-"), (ast.Add(), "+")):
                    said = f"the term `{sign} {ast.unparse(tree)}` is missing behind {quoted(node)}"
                    yield Edit("function", said, {node: binary(Original(node), op, tree)}, False)


def _shares_factors(node: ast.expr, cell: StudentCell, number: bool = True) -> bool:
    """Return whether a factor of this node is one of its parent too, which comes first. number: the factor is one."""
    parent = cell.parents.get(node)
    products = ast.Mult | ast.Div | ast.MatMult if number else ast.Mult | ast.Div
    return isinstance(parent, ast.UnaryOp) or (isinstance(parent, ast.BinOp) and isinstance(parent.op, products))


def shares(cell: StudentCell) -> Iterator[Edit]:
    """Yield a division by a size, as of a mean, where shares that the line has for each place belong."""
    known = [pair for text, pair in cell.known.items() if text not in cell.arriving]
    tensors = [tree for tree, value in known if isinstance(value, Tensor) and value.dim()]
    for node in cell.nodes:
        match node:
            case ast.BinOp(left, ast.Div(), right) if type(cell.values.get(right)) is int and _arrives(left, cell):
                for tree in (*cell.slopes, *tensors):
                    said = f"{quoted(left)} is divided by {quoted(right)}, as of a mean: "
                    said += f"multiply it by {cell.words(tree)} instead"
                    yield Edit("function", said, {node: binary(left, ast.Mult(), tree)}, False)


def _arrives(node: ast.expr, cell: StudentCell) -> bool:
    """Return whether a gradient that arrives is in a node."""
    return any(isinstance(part, ast.Name) and part.id in cell.arriving for part in ast.walk(node))


def wrong_factors(cell: StudentCell) -> Iterator[Edit]:
    """Yield some factors of a product that stand where a derivative, or another part of the line, belongs.

    Several factors are replaced by one; a single one is left to edit_names.replaced.
    """
    for node in cell.nodes:
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult | ast.Div) or within_product(node, cell):
            continue
        factors = factors_of(node)
        own = [pair for pair in factors if ast.unparse(pair[0]) not in cell.arriving]
        for size in range(len(own), 1, -1):
            for start in range(len(own) - size + 1):
                some = own[start : start + size]
                rest = [pair for pair in factors if pair not in some]
                for tree in (*cell.slopes, *(tree for tree, _ in cell.known.values())):
                    changes = {node: product_of([*rest, (tree, True)])}
                    said = f"{quoted(product_of(some))} stands where {cell.words(tree)} belongs"
                    yield Edit("function", said, changes, False)
