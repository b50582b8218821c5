"""Wrong answers, each with its true cause: made from the solution cells of any exercise, and some by hand.

A cause is the kind that the explanation must have, with words that it must say. Where one change is two causes at
once (twice one of two equal things), either may be named.
"""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from tests.explain import fused, networks
from tests.explain.fused import Made
from tests.explain.networks import Network, run


@dataclass(frozen=True)
class Mistake:
    """cells: solution cells that differ. name: the d-variable. kinds: the true cause.

    words: it must say all of them, or quote code that stands once in the answer.
    """

    network: str
    name: str
    cells: tuple[tuple[str, str], ...]
    kinds: frozenset[str]
    words: tuple[str, ...] = ()


@functools.cache
def mistakes(name: str) -> list[Mistake]:
    """All that are wrong on the network's hidden cases, each once."""
    network = networks.network(name)
    found: dict[tuple[tuple[str, str], ...], Mistake] = {}
    for cell, kinds, code, words in [*_made(network), *_by_hand(network)]:
        name = cell.partition("_path")[0]
        mistake = Mistake(network.name, name, ((cell, code),), frozenset(kinds.split()), words)
        if mistake.cells not in found and _is_wrong(network, mistake):
            found[mistake.cells] = mistake
    return list(found.values())


def _is_wrong(network: Network, mistake: Mistake) -> bool:
    """It gives a tensor, and on some hidden case another one than the truth."""
    wrong = False
    for reference in (network.references.hidden[0], network.references.hidden[-1]):
        known = reference.known
        value = run(reference, known.upstream, network.cells(dict(mistake.cells), mistake.name), mistake.name).tensor
        truth = reference.step.total[network.step(mistake.name).tensor]
        if value is None:
            return False
        try:
            serves = torch.broadcast_shapes(value.shape, truth.shape).numel() == truth.numel()
        except RuntimeError:
            serves = False
        wrong |= not serves or not torch.allclose(value.double(), truth, rtol=1e-8, atol=1e-10)
    return wrong


def _made(network: Network) -> Iterator[Made]:
    """(cell, kinds, code, words)."""
    for step in network.exercise.gradients:
        last = step.solutions[-1]
        code, name = network.answers[last], step.name
        paths = len(step.solutions) > 1
        for kinds, post in {
            "sign": "= -{d}",
            "factor path-twice": "= {d} * 2",
            "factor": "= {d} * 0.5",
            "factor ": "= 3 * {d}",
            "factor  ": "= {d} / {t}.numel()",
            "factor   ": "= {d} * {t}.shape[0]",
            "zeros": "= torch.zeros_like({d})",
            "dtype": "= {d}.to(torch.int64)",
            "dtype ": "= {d}.to(torch.float16)",
            "nonfinite": "= {d} / 0",
            "transpose": "= {d}.T",
            "wrong-axis not-summed factor": "= {d}.sum(0)",
            "wrong-axis not-summed factor ": "= {d}.sum(0, keepdim=True)",
        }.items():
            yield last, kinds, f"{code}\n{name} {post.format(d=name, t=step.tensor)}", ()
        for cell in step.solutions:
            yield from _of_a_cell(network, step.tensor, cell, paths)


def _of_a_cell(network: Network, tensor: str, cell: str, paths: bool) -> Iterator[Made]:
    """Changes in the one expression that a cell adds."""
    code, name = network.answers[cell], f"d{tensor}"
    body = ast.parse(code).body
    if len(body) != 1 or not isinstance(body[0], ast.Assign):
        return
    value = body[0].value
    first, value = f"{name} = ", ast.unparse(value)
    if value.startswith(f"{name} + "):
        first, value = f"{name} = {name} + ", value.removeprefix(f"{name} + ")
    target = _target(network, tensor, value)
    other = (target,) if target else ()
    if paths:
        yield cell, "sign", f"{first}-({value})", other
        yield cell, "factor path-twice", f"{first}2 * ({value})", other
        yield cell, "factor", f"{first}({value}) / 2", other
        yield cell, "path-missing", f"{name} = {name}" if "+" in first else f"{name} = 0", other
        if "+" in first:
            yield cell, "path-missing", f"{name} = {value}", ()
            yield cell, "path-twice factor", f"{code}\n{code}", other
    if target is None:
        return
    # Where the derivative is a constant, what is forgotten is a sign or a factor; after a broadcast, a sum.
    yield cell, "local not-summed sign factor reshape", f"{first}d{target}", ()
    yield cell, "local sign factor", f"{first}d{target}.sum_to_size({tensor}.shape)", ()
    yield cell, "upstream", f"{first}{_renamed(value, f'd{target}', f'torch.ones_like({target})')}", other
    tree = ast.parse(value, mode="eval")
    for kinds, changed in _changes(tree):
        yield cell, kinds, f"{first}{ast.unparse(changed)}", ()
    shapes = {k: tuple(v.shape) for k, v in network.references.hidden[0].known.tensors.items()}
    for d, shape in ((f"d{step.tensor}", shapes[step.tensor]) for step in network.exercise.gradients):
        if shape == shapes[target] and d not in (f"d{target}", name):
            yield cell, "other-upstream", first + _renamed(value, f"d{target}", d), (d,)
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} & set(shapes)
    near = {name for line in network.exercise.assignments if line.target == target for name in (*line.uses, target)}
    for one in sorted(used):
        others = [name for name in shapes if name != one and shapes[name] == shapes[one] and name != "p"]
        # What stands in the line or is its result, and two from anywhere.
        for instead in [name for name in others if name in near] + [name for name in others if name not in near][:2]:
            if "@" not in value:
                kinds = "upstream" if one == f"d{target}" else "function nonfinite"
                yield cell, kinds, first + _renamed(value, one, instead), ()


def _target(network: Network, tensor: str, value: str) -> str | None:
    """The tensor whose gradient arrives in the expression."""
    names = {n.id for n in ast.walk(ast.parse(value)) if isinstance(n, ast.Name)}
    arriving = [line.target for line in network.exercise.assignments if f"d{line.target}" in names]
    return arriving[0] if len(arriving) == 1 and arriving[0] != tensor else None


def _renamed(code: str, old: str, new: str) -> str:
    tree = ast.parse(code, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == old:
            node.id = new
    return ast.unparse(tree)


def _changes(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """One place changed at a time."""
    for place, node in enumerate(ast.walk(tree)):
        for kinds, new in _swaps(node):
            changed = copy.deepcopy(tree)
            old = list(ast.walk(changed))[place]
            for parent in ast.walk(changed):
                for field, child in ast.iter_fields(parent):
                    if child is old:
                        setattr(parent, field, new)
            yield kinds, changed


def _swaps(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    one = ast.Constant(1)
    match node:
        case ast.BinOp(base, ast.Pow(), power):
            # Of an odd power there may be no root, and then NaN is what is seen.
            yield "function factor nonfinite", ast.BinOp(base, ast.Pow(), ast.BinOp(power, ast.Add(), one))
            yield "function factor nonfinite", ast.BinOp(base, ast.Pow(), ast.BinOp(power, ast.Sub(), one))
            yield "function factor nonfinite", base
        case ast.BinOp(left, ast.Mult(), right):
            yield "function factor", ast.BinOp(left, ast.Div(), right)
        case ast.BinOp(left, ast.Div(), right):
            yield "function factor", ast.BinOp(left, ast.Mult(), right)
            yield "factor local function", left
        case ast.BinOp(left, ast.Sub(), right):
            yield "function sign factor", ast.BinOp(left, ast.Add(), right)
        case ast.BinOp(left, ast.Add(), ast.Constant(float(small))) if small < 1e-3:
            yield "epsilon", left
        case ast.UnaryOp(ast.USub(), operand):  # of a factor, or of an exponent
            yield "sign function", operand
        case ast.Call(ast.Attribute(base, "sum"), [axis], keywords):
            yield "factor", ast.Call(ast.Attribute(base, "mean"), [axis], keywords)
            yield "not-summed", base
            yield "wrong-axis", ast.Call(ast.Attribute(base, "sum"), [ast.Constant(0)], keywords)
            yield "wrong-axis", ast.Call(ast.Attribute(base, "sum"), [ast.Constant(1)], keywords)
            yield "wrong-axis", ast.Call(ast.Attribute(base, "sum"), [], [])
            if keywords:
                yield "keepdim", ast.Call(ast.Attribute(base, "sum"), [axis], [])
        case ast.BinOp(left, ast.MatMult(), right):
            for new in ((ast.Attribute(left, "T"), right), (left, ast.Attribute(right, "T"))):
                yield "transpose", ast.BinOp(new[0], ast.MatMult(), new[1])
        case ast.Constant(int(number)) if number > 1:
            yield "factor function nonfinite", one
        case ast.BinOp(ast.Name(), ast.Sub(), ast.Constant(1)):
            yield "factor", node.left
        case ast.Name(size) if size in ("n", "rows", "size"):
            yield "factor nonfinite", one  # in n - 1 it is a division by zero
            yield "factor", ast.BinOp(node, ast.Sub(), one)


# By hand --------------------------------------------------------------------------------------------------------------

HAND: dict[str, list[tuple[str, str, str]]] = {
    "1_manual_backprop": [
        ("dlogprobs", "factor", "dlogprobs = torch.zeros_like(logprobs)\ndlogprobs[range(n), Yb] = -1.0"),
        ("dlogprobs", "sign", "dlogprobs = torch.zeros_like(logprobs)\ndlogprobs[range(n), Yb] = 1.0 / n"),
        ("dlogprobs", "elsewhere", "dlogprobs = -torch.ones_like(logprobs) / n"),
        ("dlogprobs", "elsewhere", "dlogprobs = torch.zeros_like(logprobs)\ndlogprobs[:, Yb] = -1.0 / n"),
        (
            "dlogprobs",
            "unreached",
            "dlogprobs = torch.zeros_like(logprobs)\nfor i in range(n - 5):\n    dlogprobs[i, Yb[i]] = -1.0 / n",
        ),
        ("dlogprobs", "factor", "dlogprobs = torch.zeros_like(logprobs)\ndlogprobs[range(n), Yb] = -1.0 / (n - 1)"),
        ("dlogprobs", "factor", "dlogprobs = torch.zeros_like(logprobs)\ndlogprobs[range(n), Yb] = -1.0 / vocab_size"),
        ("dprobs", "function", "dprobs = dlogprobs * logprobs"),
        ("dprobs", "function", "dprobs = dlogprobs * probs.exp()"),
        ("dprobs", "upstream", "dprobs = 1 / probs"),
        ("dnorm_logits", "function", "dnorm_logits = dcounts * norm_logits"),
        ("dnorm_logits", "function nonfinite", "dnorm_logits = dcounts / norm_logits"),
        ("dnorm_logits", "function", "dnorm_logits = dcounts * probs"),
        ("dnorm_logits", "upstream", "dnorm_logits = counts"),
        ("dcounts_sum", "sign", "dcounts_sum = dcounts_sum_inv * counts_sum**-2"),
        ("dcounts_sum", "function", "dcounts_sum = -dcounts_sum_inv * counts_sum_inv"),
        ("dcounts_sum", "function", "dcounts_sum = dcounts_sum_inv / counts_sum"),
        ("dcounts_sum", "function", "dcounts_sum = dcounts_sum_inv * counts_sum.log()"),
        ("dcounts_sum_inv", "keepdim", "dcounts_sum_inv = (dprobs * counts).sum(1)"),
        ("dcounts_sum_inv", "not-summed", "dcounts_sum_inv = dprobs * counts"),
        ("dcounts_sum_inv", "wrong-axis", "dcounts_sum_inv = (dprobs * counts).sum(0, keepdim=True)"),
        ("dlogit_maxes", "sign", "dlogit_maxes = dnorm_logits.sum(1, keepdim=True)"),
        ("dlogit_maxes", "not-summed", "dlogit_maxes = -dnorm_logits"),
        ("dlogit_maxes", "not-summed", "dlogit_maxes = dnorm_logits"),
        ("dlogits_path2", "local", "dlogits = dlogits + dlogit_maxes"),
        (
            "dlogits_path2",
            "sign",
            "dlogits = dlogits - F.one_hot(logits.max(1).indices, logits.shape[1]) * dlogit_maxes",
        ),
        (
            "dlogits_path2",
            "function",
            "dlogits = dlogits + F.one_hot(logits.min(1).indices, logits.shape[1]) * dlogit_maxes",
        ),
        ("dhpreact", "function", "dhpreact = dh * (1 - h)"),
        ("dhpreact", "function", "dhpreact = dh * (1 + h**2)"),
        ("dhpreact", "function", "dhpreact = dh * (1 - hpreact**2)"),
        ("dhpreact", "function", "dhpreact = dh * h * (1 - h)"),
        ("dhpreact", "function", "dhpreact = dh * h**2"),
        ("dhpreact", "function", "dhpreact = dh * h"),
        ("dhpreact", "function", "dhpreact = dh / (1 - h**2)"),
        ("dhpreact", "upstream", "dhpreact = 1 - h**2"),
        ("dhpreact", "local", "dhpreact = dh.clone()"),
        ("dhpreact", "sign", "dhpreact = dh * (h**2 - 1)"),
        ("dhpreact", "other-upstream", "dhpreact = dbnraw * (1 - h**2)"),
        ("dbnvar", "epsilon", "dbnvar = dbnvar_inv * -0.5 * bnvar**-1.5"),
        ("dbnvar", "function", "dbnvar = dbnvar_inv * -0.5 * (bnvar + 1e-5)**-0.5"),
        ("dbnvar", "factor sign", "dbnvar = dbnvar_inv * (bnvar + 1e-5)**-1.5"),
        ("dbnvar", "function", "dbnvar = dbnvar_inv * -0.5 * (bnvar + 1e-5)**0.5"),
        ("dbndiff2", "factor", "dbndiff2 = dbnvar / n * torch.ones_like(bndiff2)"),
        ("dbndiff2", "factor local", "dbndiff2 = dbnvar * torch.ones_like(bndiff2)"),
        ("dbndiff_path2", "factor", "dbndiff = dbndiff + dbndiff2 * bndiff"),
        ("dbndiff_path2", "function", "dbndiff = dbndiff + 2 * dbndiff2 * bndiff2"),
        ("dbndiff_path2", "upstream", "dbndiff = dbndiff + 2 * bndiff"),
        ("dhprebn_path2", "factor local", "dhprebn = dhprebn + dbnmeani"),
        ("dhprebn_path2", "factor", "dhprebn = dhprebn + dbnmeani / (n - 1)"),
        ("dbnmeani", "sign", "dbnmeani = dbndiff.sum(0, keepdim=True)"),
        ("dbnmeani", "factor", "dbnmeani = -dbndiff.mean(0, keepdim=True)"),
        ("dbngain", "local", "dbngain = dhpreact.sum(0, keepdim=True)"),
        ("dbngain", "wrong-axis", "dbngain = (dhpreact * bnraw).sum(1, keepdim=True)"),
        ("dbngain", "wrong-axis", "dbngain = (dhpreact * bnraw).sum()"),
        ("dW2", "transpose", "dW2 = dlogits.T @ h"),
        ("dW2", "factor", "dW2 = h.T @ dlogits / n"),
        ("dW2", "upstream", "dW2 = h.T @ torch.ones_like(dlogits)"),
        ("db2", "not-summed", "db2 = dlogits"),
        ("db2", "wrong-axis", "db2 = dlogits.sum(1)"),
        ("db2", "factor", "db2 = dlogits.mean(0)"),
        ("dh", "transpose", "dh = W2 @ dlogits.T"),
        ("dh", "local", "dh = dlogits"),
        ("dh", "other-upstream", "dh = dnorm_logits @ W2.T"),
        ("demb", "reshape local", "demb = dembcat"),
        ("demb", "reshape", "demb = dembcat.view(-1, n_embd)"),
        ("dC", "overwritten", "dC = torch.zeros_like(C)\ndC[Xb] += demb"),
        ("dC", "overwritten", "dC = torch.zeros_like(C)\ndC[Xb] = demb"),
        (
            "dC",
            "overwritten",
            "dC = torch.zeros_like(C)\nfor i in range(n):\n    for j in range(3):\n        dC[Xb[i, j]] = demb[i, j]",
        ),
        ("dC", "dtype", "dC = torch.zeros_like(C).index_add_(0, Xb.view(-1), demb.view(-1, n_embd)).int()"),
    ],
    "layernorm": [
        ("dvar", "function", "dvar = dinv * -0.5 * inv"),
        ("dvar", "epsilon", "dvar = -0.5 * dinv / var**1.5"),
        ("dgain", "not-summed", "dgain = dy * xhat"),
        ("dgain", "wrong-axis", "dgain = (dy * xhat).sum(1)"),
        ("dy", "factor", "dy = (y - target) / y.numel()"),
        ("dy", "factor", "dy = 2 * (y - target)"),
        ("dy", "factor", "dy = 2 * (y - target) / y.shape[0]"),
        ("dy", "sign", "dy = 2 * (target - y) / y.numel()"),
        ("dcentred_path2", "factor", "dcentred = dcentred + dvar * 2 * centred"),
        ("dx_path2", "factor local", "dx = dx + dmean"),
        ("dmean", "not-summed", "dmean = -dcentred"),
    ],
    "attention": [
        ("dq", "factor", "dq = dscores @ k"),
        ("dq", "factor", "dq = dscores @ k / size"),
        ("dk", "transpose", "dk = dscores @ q / size**0.5"),
        ("dk", "transpose", "dk = (q.T @ dscores) / size**0.5"),
        ("dv", "transpose", "dv = weights @ dout"),
        ("dscores", "function", "dscores = draised * scores"),
        ("dscores", "function", "dscores = draised * weights"),
        ("dnorm", "not-summed", "dnorm = -(dweights * raised / norm**2)"),
        ("dnorm", "function", "dnorm = -(dweights * raised / norm).sum(1, keepdim=True)"),
        ("dnorm", "sign", "dnorm = (dweights * raised / norm**2).sum(1, keepdim=True)"),
        ("dx_path3", "path-missing", "pass"),
        ("dx_path2", "path-missing", "pass"),
    ],
    "recurrent": [
        ("dpre2", "function", "dpre2 = dh2 * (1 - h2**2)"),
        ("dpre2", "function", "dpre2 = dh2 * h2"),
        ("dpre2", "function", "dpre2 = dh2 * (1 - h2)"),
        ("dpre1", "function", "dpre1 = dh1 * h1 * (1 - h1)"),
        ("dgate", "factor", "dgate = dscaled * gate**2"),
        ("dgate", "function", "dgate = dscaled * 3 * gate"),
        ("dh1_path2", "transpose", "dh1 = dh1 + dpre2 @ Wh"),
        ("dstart", "transpose", "dstart = dpre1 @ Wh"),
        ("db_path2", "not-summed", "db = db + dpre1"),
        ("dscaled", "factor local", "dscaled = torch.ones_like(scaled)"),
        ("dscaled", "factor", "dscaled = torch.ones_like(scaled) / (size * rows)"),
    ],
}


def _by_hand(network: Network) -> Iterator[Made]:
    for cell, kinds, code in HAND.get(network.name, []):
        yield cell, kinds, code, ()
    yield from fused.BY_HAND.get(network.name, [])
