"""The words from which a cell can be mended: parts of the forward lines, and derivatives of their functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from .forward import Route, Scene, in_float64, pulled_back

# Fused functions, with what their derivatives are made of. x: the argument, axis: the second one.
FUSED = ("softmax", "log_softmax", "logsumexp")
NORMS = ("layer_norm", "batch_norm", "group_norm", "instance_norm")  # their derivative subtracts a mean
OF_VALUE = {
    "sigmoid": ("1 - {y}",),
    "tanh": ("1 - {y} ** 2",),
    "gelu": ("{x} * torch.exp(-{x} ** 2 / 2) / (2 * torch.pi) ** 0.5", "0.5 * (1 + torch.erf({x} / 2 ** 0.5))"),
    "silu": ("{x} * torch.sigmoid({x}) * (1 - torch.sigmoid({x}))", "torch.sigmoid({x})"),
}
# Losses, with the derivative of each element, which a mean then divides. x, t: what is compared.
OF_LOSS = {
    "cross_entropy": ("F.one_hot({t}, {x}.shape[1])", "torch.softmax({x}, 1) - F.one_hot({t}, {x}.shape[1])"),
    "nll_loss": ("-F.one_hot({t}, {x}.shape[1])",),
    "binary_cross_entropy_with_logits": ("torch.sigmoid({x})", "torch.sigmoid({x}) - {t}"),
    "binary_cross_entropy": ("(1 - {t}) / (1 - {x}) - {t} / {x}",),
    "mse_loss": ("{x} - {t}",),
    "l1_loss": ("torch.sign({x} - {t})",),
    "huber_loss": ("({x} - {t}).clamp(-{delta}, {delta})",),
    "smooth_l1_loss": ("(({x} - {t}) / {beta}).clamp(-1, 1)",),
}
OF_FUSED = ("torch.softmax({x}, {axis})", "({x}).exp()", "({x}).exp().sum({axis}, keepdim=True)")


@dataclass(frozen=True)
class Slope:
    """A function of one value in the lines of a route.

    text: as it is written. source: the same over `_x`. at: its argument.
    """

    text: str
    source: str
    at: str


def slopes_of(scene: Scene) -> dict[str, Slope]:
    """Return the functions of one value in the scene's lines, by names for their derivatives."""
    return _slopes(scene.routes, scene.tensor)


@lru_cache(maxsize=100)
def _slopes(routes: tuple[Route, ...], tensor: str) -> dict[str, Slope]:
    found = []
    for route in routes:
        if len(route.lines) == 1:
            body = route.lines[0].source.partition("=")[2].strip()
            found.append(Slope(route.lines[0].source, _with_x(body, tensor), tensor))
            # Within a sum or a mean, the function of each element.
            for node in ast.walk(ast.parse(body, mode="eval").body):
                if isinstance(node, ast.BinOp | ast.UnaryOp) and ast.unparse(node) != body:
                    text = ast.unparse(node)
                    found += [Slope(text, _with_x(text, tensor), tensor)] if _reads(node, tensor) else []
        for line in route.lines:
            for node in ast.walk(ast.parse(line.source)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    base = node.func.value
                    inner = node.args[0] if node.args and ast.unparse(base) in ("torch", "F") else base
                    text, at = ast.unparse(node), ast.unparse(inner)
                    if inner is base:
                        node.func.value = ast.Name("_x", ast.Load())
                    else:
                        node.args[0] = ast.Name("_x", ast.Load())
                    found.append(Slope(text, ast.unparse(node), at))
    return {f"_slope{number}": slope for number, slope in enumerate(found)}


def _reads(node: ast.AST, name: str) -> bool:
    return any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node))


def _with_x(source: str, name: str) -> str:
    tree = ast.parse(source, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name:
            node.id = "_x"
    return ast.unparse(tree)


def derivatives(scene: Scene) -> dict[str, Any]:
    """Return the derivatives of the scene's functions by the names of slopes_of, where they are elementwise."""
    given = {key: in_float64(value) for key, value in scene.names.items()}
    found: dict[str, Any] = {}
    for name, slope in slopes_of(scene).items():
        try:
            x = in_float64(eval(slope.at, dict(given))).clone().requires_grad_()  # a line of the exercise
            with torch.enable_grad():
                y = eval(slope.source, {**given, "_x": x})
                # PyTorch frees the graph after each use.
                ones = pulled_back(eval(slope.source, {**given, "_x": x}), x, torch.ones_like(y))
                slanted = torch.linspace(1, 2, y.numel(), dtype=torch.float64).reshape(y.shape)
                there = pulled_back(y, x, slanted)
        except Exception:  # no function of one value
            continue
        if y.shape != x.shape or ones is None or there is None or not torch.allclose(there, ones * slanted):
            continue
        # What is the same everywhere is a number, and no derivative to speak of; what is known already has a name.
        same = [other for other in found.values() if other.shape == ones.shape and torch.allclose(other, ones)]
        if not same and (len(found) == 0 or ones.numel() == 1 or float(ones.max() - ones.min()) > 1e-9):
            found[name] = ones.detach()
    return found


def texts_of(scene: Scene) -> list[str]:
    """Return the parts of the scene's lines, sizes of their tensors and sums of what arrives, as they are written."""
    found: list[str] = []
    for route in scene.routes:
        for line in route.lines:
            values = [part.value for part in ast.walk(ast.parse(line.source)) if isinstance(part, ast.Assign)]
            parts = [node for value in values for node in ast.walk(value) if isinstance(node, ast.expr)]
            found += [ast.unparse(node) for node in reversed(parts) if not _is_trivial(node)]
            found += [
                text
                for node in parts
                for text in (*_of_fused(node, line.target, scene.tensor), *_of_function(node, line.target))
            ]
        for name in (scene.tensor, route.target):
            value = scene.names[name]
            found += [f"{name}.shape[{axis}]" for axis in range(value.dim()) if value.shape[axis] > 1]
            found += [f"{name}.numel()"] if value.dim() > 1 else []
        out = scene.names[route.target]
        norm = any(name in line.source for line in route.lines for name in NORMS)
        for how in ("sum", "mean") if norm else ("sum",):
            found += [f"d{route.target}.{how}({axis}, keepdim=True)" for axis in range(out.dim()) if out.dim() > 1]
    return found


def _is_trivial(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Constant) and node.value in (0, 1))


def _of_function(node: ast.expr, target: str) -> Iterator[str]:
    """Yield the parts of a function's derivative: of its value where that has a name, else the terms of a product."""
    match node:
        case ast.Call(ast.Attribute(base, name), args) if name in OF_VALUE:
            x = args[0] if args and ast.unparse(base) in ("torch", "F") else base
            yield from (text.format(x=_bracketed(x), y=target) for text in OF_VALUE[name])


def product_rules(scene: Scene) -> list[tuple[str, str]]:
    """Return the two terms of the derivative of each fused function of the lines that is a product, as texts."""
    found = []
    for line in (line for route in scene.routes for line in route.lines):
        for node in ast.walk(ast.parse(line.source)):
            match node:
                case ast.Call(ast.Attribute(ast.Name("F"), "gelu" | "silu")):
                    one, other = (ast.unparse(ast.parse(text)) for text in _of_function(node, line.target))
                    found.append((one, other))
    return found


def _of_fused(node: ast.expr, target: str, tensor: str) -> Iterator[str]:
    """Yield what the derivative of a fused function, or of a loss, is made of."""
    match node:
        case ast.Call(ast.Attribute(base, name), args, keywords) if name in FUSED:
            module = ast.unparse(base) in ("torch", "F")
            x, rest = ast.unparse(args[0] if module else base), args[1:] if module else args
            axis = next((ast.unparse(k.value) for k in keywords if k.arg == "dim"), "1")
            axis = ast.unparse(rest[0]) if rest else axis
            if name == "softmax":
                yield f"d{target} - (d{target} * {target}).sum({axis}, keepdim=True)"
            for text in OF_FUSED:
                yield text.format(x=x, axis=axis)
        case ast.Call(ast.Attribute(ast.Name("F"), name), [x, t, *_], keywords) if name in OF_LOSS:
            named = {"delta": "1.0", "beta": "1.0", **{str(k.arg): ast.unparse(k.value) for k in keywords}}
            parts = [text.format(x=_bracketed(x), t=_bracketed(t), **named) for text in OF_LOSS[name]]
            if "label_smoothing" in named:
                share, hot = named["label_smoothing"], f"(1 - {named['label_smoothing']}) * {parts[0]}"
                uniform = f"{share} / {ast.unparse(x)}.shape[1]"
                parts += [uniform, f"{hot} + {uniform}", f"torch.softmax({ast.unparse(x)}, 1) - {hot} - {uniform}"]
            yield f"{_bracketed(x)}.shape[0]"
            yield from parts
            yield from (text.format(x=ast.unparse(x), axis=1) for text in OF_FUSED if name == "cross_entropy")
        case ast.Call(ast.Attribute(_, "pad"), [_, ast.Tuple(pads)]):  # what lies between them
            pairs = [(ast.unparse(low), ast.unparse(high)) for low, high in zip(pads[::2], pads[1::2], strict=False)]
            yield f"d{target}[..., {', '.join(f'{low}:-{high}' for low, high in reversed(pairs))}]"
        case ast.Call(ast.Attribute(ast.Subscript() as base, "mean"), []):  # of the places that it picks
            yield f"{ast.unparse(base)}.numel()"
        case ast.Call(ast.Attribute(base, "normalize"), [x, *_]) if ast.unparse(base) in ("F", "torch.nn.functional"):
            axis = next((ast.unparse(k.value) for k in node.keywords if k.arg == "dim"), "1")
            yield f"d{target} - {target} * (d{target} * {target}).sum({axis}, keepdim=True)"
            yield f"{_bracketed(x)}.norm(dim={axis}, keepdim=True)"
        case ast.Call(ast.Attribute(base, "mean"), [ast.Tuple(axes)]):
            yield " * ".join(f"{_bracketed(base)}.shape[{ast.unparse(axis)}]" for axis in axes)
        case ast.Subscript(base, ast.Tuple([ast.Call(), ast.Name(t)])):  # the place that each row picks
            x = _bracketed(base)
            yield f"F.one_hot({t}, {x}.shape[1])"
            yield f"torch.softmax({tensor}, 1) - F.one_hot({t}, {x}.shape[1])"


def _bracketed(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Call | ast.Subscript) else f"({ast.unparse(node)})"
