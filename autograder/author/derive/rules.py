"""The table of rules: by the name of the operation, the function that derives it. What is not here is a gap."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping

from autograder.author.derive import elementwise, losses, products, reductions, shapes
from autograder.author.derive.expression import Operation, Scene

Rule = Callable[[Scene, Operation, ast.expr], Iterator[tuple[ast.expr, ast.expr]]]

RULES: Mapping[str, Rule] = {
    "add": elementwise.add,
    "sub": elementwise.sub,
    "mul": elementwise.mul,
    "div": elementwise.div,
    "pow": elementwise.power,
    "neg": elementwise.neg,
    "clamp": elementwise.clamp,
    "maximum": elementwise.maximum,
    "minimum": elementwise.maximum,
    "where": elementwise.where,
    "masked_fill": elementwise.masked_fill,
    "tril": elementwise.triangle,
    "triu": elementwise.triangle,
    **dict.fromkeys(elementwise.SLOPES, elementwise.function),
    "sum": reductions.reduction,
    "mean": reductions.reduction,
    "var": reductions.variance,
    "std": reductions.variance,
    "max": reductions.extreme,
    "min": reductions.extreme,
    "amax": reductions.extreme,
    "amin": reductions.extreme,
    "chosen": reductions.chosen,
    "softmax": reductions.softmax,
    "log_softmax": reductions.softmax,
    "layer_norm": reductions.layer_norm,
    "logsumexp": reductions.logsumexp,
    "norm": reductions.norm,
    "cumsum": reductions.cumsum,
    "matmul": products.matmul,
    "linear": products.linear,
    "outer": products.outer,
    "einsum": products.einsum,
    "reshape": shapes.reshape,
    "clone": shapes.clone,
    "T": shapes.transpose,
    "mT": shapes.transpose,
    "transpose": shapes.transpose,
    "permute": shapes.transpose,
    "expand": shapes.expand,
    "expand_as": shapes.expand,
    "unfold": shapes.unfold,
    "index": shapes.index,
    "gather": shapes.gather,
    "embedding": shapes.gather,
    "cat": shapes.cat,
    "stack": shapes.cat,
    "part": shapes.part,
    **dict.fromkeys(losses.SLOPES, losses.loss),
}
