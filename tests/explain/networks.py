"""Exercises to make mistakes in: the course's own, and four forward passes that are not."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import torch

from autograder.cells.namespace import default_dtype
from autograder.dojo import compare
from autograder.dojo.explain.forward import Scene, find_routes, read_lines
from autograder.dojo.explain.reason import shown
from autograder.dojo.explain.sentences import Explanation
from autograder.exercise.notebook import Exercise, exercise_from_notebook, nbgrader_info, read_exercise
from autograder.marking.reasons import Explainer
from autograder.reference.compute import Reference, References, compute_references
from autograder.sandbox.host.received import Value
from tests import notebooks
from tests.notebooks import check, locked, solution

ROOT = Path(__file__).parents[2]

LAYERNORM = {
    "setup": "source = torch.Generator().manual_seed(SEED)\n"
    "x = torch.randn((rows, width), generator=source).requires_grad_()\n"
    "gain = torch.randn(width, generator=source).requires_grad_()\n"
    "bias = torch.randn(width, generator=source).requires_grad_()\n"
    "target = torch.randn((rows, width), generator=source)",
    "forward": "mean = x.mean(-1, keepdim=True)\ncentred = x - mean\nvar = (centred**2).mean(-1, keepdim=True)\n"
    "inv = (var + 1e-5)**-0.5\nxhat = centred * inv\ny = gain * xhat + bias\nloss = ((y - target)**2).mean()",
    "answers": {
        "dy": "dy = 2 / y.numel() * (y - target)",
        "dgain": "dgain = (dy * xhat).sum(0)",
        "dbias": "dbias = dy.sum(0)",
        "dxhat": "dxhat = dy * gain",
        "dinv": "dinv = (dxhat * centred).sum(-1, keepdim=True)",
        "dvar": "dvar = dinv * -0.5 * (var + 1e-5)**-1.5",
        "dcentred_path1": "dcentred = dxhat * inv",
        "dcentred_path2": "dcentred = dcentred + dvar * 2 * centred / x.shape[1]",
        "dmean": "dmean = -dcentred.sum(-1, keepdim=True)",
        "dx_path1": "dx = dcentred.clone()",
        "dx_path2": "dx = dx + dmean / x.shape[1] * torch.ones_like(x)",
    },
}
ATTENTION = {
    "setup": "source = torch.Generator().manual_seed(SEED)\n"
    "x = torch.randn((rows, width), generator=source).requires_grad_()\n"
    "Wq = torch.randn((width, size), generator=source).requires_grad_()\n"
    "Wk = torch.randn((width, size), generator=source).requires_grad_()\n"
    "Wv = torch.randn((width, size), generator=source).requires_grad_()",
    "forward": "q = x @ Wq\nk = x @ Wk\nv = x @ Wv\nscores = q @ k.T / size**0.5\nraised = scores.exp()\n"
    "norm = raised.sum(1, keepdim=True)\nweights = raised / norm\nout = weights @ v\nloss = (out**2).sum()",
    "answers": {
        "dout": "dout = 2 * out",
        "dweights": "dweights = dout @ v.T",
        "dv": "dv = weights.T @ dout",
        "draised_path1": "draised = dweights / norm",
        "dnorm": "dnorm = -(dweights * raised / norm**2).sum(1, keepdim=True)",
        "draised_path2": "draised = draised + dnorm",
        "dscores": "dscores = draised * raised",
        "dq": "dq = dscores @ k / size**0.5",
        "dk": "dk = dscores.T @ q / size**0.5",
        "dWq": "dWq = x.T @ dq",
        "dWk": "dWk = x.T @ dk",
        "dWv": "dWv = x.T @ dv",
        "dx_path1": "dx = dv @ Wv.T",
        "dx_path2": "dx = dx + dk @ Wk.T",
        "dx_path3": "dx = dx + dq @ Wq.T",
    },
}
RECURRENT = {
    "setup": "source = torch.Generator().manual_seed(SEED)\n"
    "first = torch.randn((rows, width), generator=source)\nsecond = torch.randn((rows, width), generator=source)\n"
    "start = torch.randn((rows, size), generator=source).requires_grad_()\n"
    "Wx = torch.randn((width, size), generator=source).requires_grad_()\n"
    "Wh = torch.randn((size, size), generator=source).requires_grad_()\n"
    "b = torch.randn(size, generator=source).requires_grad_()",
    "forward": "pre1 = first @ Wx + start @ Wh + b\nh1 = torch.tanh(pre1)\npre2 = second @ Wx + h1 @ Wh + b\n"
    "h2 = torch.sigmoid(pre2)\ngate = h1 * h2\nscaled = gate**3\n"
    "loss = scaled.sum(0).mean()",
    "answers": {
        "dscaled": "dscaled = torch.ones_like(scaled) / size",
        "dgate": "dgate = dscaled * 3 * gate**2",
        "dh2": "dh2 = dgate * h1",
        "dpre2": "dpre2 = dh2 * h2 * (1 - h2)",
        "dh1_path1": "dh1 = dgate * h2",
        "dh1_path2": "dh1 = dh1 + dpre2 @ Wh.T",
        "dpre1": "dpre1 = dh1 * (1 - h1**2)",
        "dWh_path1": "dWh = h1.T @ dpre2",
        "dWh_path2": "dWh = dWh + start.T @ dpre1",
        "dWx_path1": "dWx = second.T @ dpre2",
        "dWx_path2": "dWx = dWx + first.T @ dpre1",
        "db_path1": "db = dpre2.sum(0)",
        "db_path2": "db = db + dpre1.sum(0)",
        "dstart": "dstart = dpre1 @ Wh.T",
    },
}
FUSED = {
    "setup": "import torch.nn.functional as F\n"
    "source = torch.Generator().manual_seed(SEED)\nx = torch.randn((rows, width), generator=source).requires_grad_()\n"
    "W = torch.randn((width, size), generator=source).requires_grad_()\n"
    "gain = (torch.randn(size, generator=source) + 2).requires_grad_()\n"
    "bias = torch.randn(size, generator=source).requires_grad_()\n"
    "target = F.softmax(torch.randn((rows, size), generator=source), 1)",
    "forward": "z = x @ W\nstd = torch.sqrt(z.var(1, keepdim=True, unbiased=False) + 1e-5)\n"
    "xhat = (z - z.mean(1, keepdim=True)) / std\ny = gain * xhat + bias\n"
    "loss = -(target * (y - y.exp().sum(1, keepdim=True).log())).sum() / rows",
    "answers": {
        "dy": "dy = (F.softmax(y, 1) - target) / rows",
        "dgain": "dgain = (dy * xhat).sum(0)",
        "dbias": "dbias = dy.sum(0)",
        "dz": "dz = (dy * gain - (dy * gain).mean(1, keepdim=True) - xhat * "
        "(dy * gain * xhat).mean(1, keepdim=True)) / std",
        "dW": "dW = x.T @ dz",
        "dx": "dx = dz @ W.T",
    },
}


def made(name: str, text: dict, sizes: str = "SEED = 5\nrows = 6\nwidth = 5\nsize = 4") -> Exercise:
    """The exercise of a setup, a forward pass and answers by cell. sizes: the code of its parameters cell."""
    cells = [
        locked("imports", "import torch"),
        locked("sizes", sizes, "parameters"),
        locked("data", text["setup"]),
        locked("forward", text["forward"], "forward"),
    ]
    last = {cell.partition("_path")[0]: cell for cell in text["answers"]}
    for cell, source in text["answers"].items():
        cells.append(solution(cell, source))
        name_of = cell.partition("_path")[0]
        if last[name_of] == cell:
            cells.append(check(name_of[1:]))
    return exercise_from_notebook(notebooks.notebook(*cells), ROOT / "solutions" / f"{name}.ipynb")


@dataclass(frozen=True)
class Network:
    """An exercise with its references. answers: the solution by cell, in order."""

    name: str
    exercise: Exercise
    references: References
    explainer: Explainer
    answers: dict[str, str]

    def step(self, name: str):
        return next(step for step in self.exercise.gradients if step.name == name)

    def cells(self, changed: dict[str, str], name: str) -> list[str]:
        """The cells of a d-variable, some of them changed."""
        return [changed.get(cell, code) for cell, code in self.answers.items() if cell.partition("_path")[0] == name]

    def marked(self, changed: dict[str, str], name: str) -> Explanation | None:
        """What marking says: on hidden cases, with random upstream gradients."""
        values = [
            run(reference, reference.known.upstream, self.cells(changed, name), name)
            for reference in self.references.hidden
        ]
        if values[0].tensor is None:  # it raised
            return self.explainer.raised(self.step(name), self.cells(changed, name))
        return self.explainer.why(self.step(name), values, self.cells(changed, name))

    def in_the_notebook(self, changed: dict[str, str], name: str) -> Value:
        """The d-variable in float32, with PyTorch's own gradients for all the others."""
        end = self.references.public.end.total
        by_name = {step.name: end[step.tensor] for step in self.exercise.gradients}
        return run(self.references.public, by_name, self.cells(changed, name), name)

    def looks_right(self, changed: dict[str, str], name: str) -> bool:
        """Whether cmp calls it approximately right in the notebook."""
        truth = self.references.public.end.total[self.step(name).tensor]
        return compare(self.in_the_notebook(changed, name).tensor, truth).approximate

    def shown(self, changed: dict[str, str], name: str) -> Explanation | None:
        """What cmp says in the student's notebook: float32 and PyTorch's gradients."""
        reference, value = self.references.public, self.in_the_notebook(changed, name)
        lines = read_lines(self.exercise.forward)
        tensor = self.step(name).tensor
        routes = find_routes(lines, tensor, set(reference.end.total))
        upstream = dict(reference.end.total) | {lines[-1].target: torch.ones(())}
        by_name = {step.name: upstream[step.tensor] for step in self.exercise.gradients}
        names = {**reference.names, **reference.known.tensors, **by_name}
        source = "\n".join(self.cells(changed, name))
        return shown(value.tensor, Scene(tensor, routes, names, upstream), names, lines, source, name)


def run(reference: Reference, upstream: dict[str, torch.Tensor], cells: list[str], name: str) -> Value:
    """What the d-variable holds after its cells, with these gradients for all the others."""
    kept = {key: _copied(value) for key, value in {**reference.names, **reference.known.tensors}.items()}
    names = kept | {other: gradient.clone() for other, gradient in upstream.items() if other != name}
    with default_dtype(reference.case.dtype):
        for source in cells:
            try:
                exec(source, names)
            except Exception:
                return Value("undefined")
    found = names.get(name)
    return Value("tensor", found.detach().clone()) if isinstance(found, torch.Tensor) else Value("none")


def _copied(value: object) -> object:
    return value.detach().clone() if isinstance(value, torch.Tensor) and value.numel() < 100_000 else value


def _answers(exercise: Exercise) -> dict[str, str]:
    return {
        name: "\n".join(line for line in cell.source.splitlines() if not line.startswith("### "))
        for name, cell in exercise.cells.items()
        if nbgrader_info(cell).get("solution")
    }


COURSE = tuple(sorted(path.stem for path in (ROOT / "solutions" / "backprop").glob("*.ipynb")))
OTHERS = {"layernorm": LAYERNORM, "attention": ATTENTION, "recurrent": RECURRENT, "fused": FUSED}
NAMES = (*COURSE, *OTHERS)


@functools.cache
def network(name: str) -> Network:
    """One of NAMES, with its references."""
    path = ROOT / "solutions" / "backprop" / f"{name}.ipynb"
    exercise = made(name, OTHERS[name]) if name in OTHERS else read_exercise(path)
    references = compute_references(exercise, b"the secret of the explanations")
    return Network(name, exercise, references, Explainer(exercise, references), _answers(exercise))
