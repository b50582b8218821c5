"""Step by step on forward passes of every kind, against oracles that know nothing of how it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch

from autograder.dojo.gradients import (
    NOISE,
    DifferentiationError,
    TiesError,
    TieWatch,
    cut_forward,
    end_to_end,
    in_dtype,
    run_forward,
    through_steps,
    vanishing,
)
from autograder.dojo.structure import tensors_in, value_at
from autograder.exercise.forward import parse_forward
from autograder.reference.cases import PUBLIC
from autograder.reference.setup import setups

Tensor = torch.Tensor


@dataclass(frozen=True)
class Pass:
    """A forward pass. starts: shapes of its parameters. marked: the tensors a student would be asked for.

    steps: for each marked tensor, by the marked tensor (or the loss) that it reaches next, that function of it
    alone, written out by hand: everything else is taken from the names after the forward pass.
    """

    forward: str
    starts: dict[str, tuple[int, ...]]
    marked: tuple[str, ...]
    steps: dict[str, dict[str, Callable[[Tensor, dict[str, Tensor]], Tensor]]]
    plain: tuple[str, ...] = ()


PASSES = {
    "attention head": Pass(
        "q = x @ Wq\nk = x @ Wk\nv = x @ Wv\nscores = q @ k.transpose(-2, -1) / q.shape[-1]**0.5\n"
        "masked = scores.masked_fill(mask, float('-inf'))\nweights = torch.softmax(masked, dim=-1)\nout = weights @ v\n"
        "loss = (out**2).mean()",
        {"x": (2, 5, 4), "Wq": (4, 3), "Wk": (4, 3), "Wv": (4, 3)},
        ("out", "weights", "v", "scores", "k", "q", "Wv", "Wk", "Wq", "x"),
        {
            "out": {"loss": lambda t, n: (t**2).mean()},
            "weights": {"out": lambda t, n: torch.einsum("bij,bjd->bid", t, n["v"])},
            "v": {"out": lambda t, n: torch.einsum("bij,bjd->bid", n["weights"], t)},
            # masked is not marked: the step goes through it.
            "scores": {
                "weights": lambda t, n: torch.exp(t) * ~n["mask"] / (torch.exp(t) * ~n["mask"]).sum(-1, keepdim=True)
            },
            "k": {"scores": lambda t, n: torch.einsum("bid,bjd->bij", n["q"], t) / 3**0.5},
            "q": {"scores": lambda t, n: torch.einsum("bid,bjd->bij", t, n["k"]) / 3**0.5},
            "Wv": {"v": lambda t, n: torch.einsum("bic,cd->bid", n["x"], t)},
            "Wk": {"k": lambda t, n: torch.einsum("bic,cd->bid", n["x"], t)},
            "Wq": {"q": lambda t, n: torch.einsum("bic,cd->bid", n["x"], t)},
            "x": {
                "v": lambda t, n: torch.einsum("bic,cd->bid", t, n["Wv"]),
                "k": lambda t, n: torch.einsum("bic,cd->bid", t, n["Wk"]),
                "q": lambda t, n: torch.einsum("bic,cd->bid", t, n["Wq"]),
            },
        },
        ("mask",),
    ),
    "LayerNorm": Pass(
        "mean = x.mean(-1, keepdim=True)\ncentred = x - mean\nvar = (centred**2).mean(-1, keepdim=True)\n"
        "inv = (var + 1e-5)**-0.5\nxhat = centred * inv\ny = gain * xhat + bias\nloss = (y * target).sum()",
        {"x": (4, 6), "gain": (6,), "bias": (6,), "target": (4, 6)},
        ("y", "gain", "bias", "xhat", "inv", "var", "centred", "mean", "x"),
        {
            "y": {"loss": lambda t, n: (t * n["target"]).sum()},
            "gain": {"y": lambda t, n: t * n["xhat"] + n["bias"]},
            "bias": {"y": lambda t, n: n["gain"] * n["xhat"] + t},
            "xhat": {"y": lambda t, n: n["gain"] * t + n["bias"]},
            "inv": {"xhat": lambda t, n: n["centred"] * t},
            "var": {"inv": lambda t, n: 1 / torch.sqrt(t + 1e-5)},
            "centred": {
                "xhat": lambda t, n: t * n["inv"],
                "var": lambda t, n: (t * t).sum(-1, keepdim=True) / 6,
            },
            "mean": {"centred": lambda t, n: n["x"] - t},
            "x": {"centred": lambda t, n: t - n["mean"], "mean": lambda t, n: t.sum(-1, keepdim=True) / 6},
        },
    ),
    "convolution by unfold": Pass(
        "columns = torch.nn.functional.unfold(image, 3, padding=1)\nflat = kernel.view(kernel.shape[0], -1) @ columns\n"
        "activated = (flat * 0.1).tanh()\nfolded = activated.view(2, 4, 5, 5)\n"
        "pooled = folded.amax((2, 3))\nloss = pooled.sum()",
        {"image": (2, 3, 5, 5), "kernel": (4, 3, 3, 3)},
        ("pooled", "folded", "activated", "flat", "columns", "kernel", "image"),
        {
            "pooled": {"loss": lambda t, n: t.sum()},
            "folded": {"pooled": lambda t, n: t.flatten(2).max(2).values},
            "activated": {"folded": lambda t, n: t.reshape(2, 4, 5, 5)},
            "flat": {"activated": lambda t, n: 2 * torch.sigmoid(0.2 * t) - 1},
            "columns": {"flat": lambda t, n: torch.einsum("oc,ncl->nol", n["kernel"].flatten(1), t)},
            "kernel": {"flat": lambda t, n: torch.einsum("oc,ncl->nol", t.flatten(1), n["columns"])},
            "image": {"columns": lambda t, n: torch.nn.functional.unfold(t, (3, 3), 1, 1, 1)},
        },
    ),
    "RNN step": Pass(
        "pre = x @ Wx + h0 @ Wh + b\nh1 = torch.tanh(pre)\npre2 = x2 @ Wx + h1 @ Wh + b\nh2 = torch.tanh(pre2)\n"
        "loss = (h1 * h2).sum()",
        {"x": (3, 2), "x2": (3, 2), "h0": (3, 4), "Wx": (2, 4), "Wh": (4, 4), "b": (4,)},
        ("h2", "pre2", "h1", "pre", "Wh", "Wx", "b", "h0"),
        {
            "h2": {"loss": lambda t, n: (n["h1"] * t).sum()},
            "pre2": {"h2": lambda t, n: torch.sinh(t) / torch.cosh(t)},
            "h1": {
                "loss": lambda t, n: (t * n["h2"]).sum(),
                "pre2": lambda t, n: n["x2"] @ n["Wx"] + t @ n["Wh"] + n["b"],
            },
            "pre": {"h1": lambda t, n: torch.sinh(t) / torch.cosh(t)},
            "Wh": {
                "pre2": lambda t, n: n["h1"] @ t,
                "pre": lambda t, n: n["h0"] @ t,
            },
            "Wx": {"pre2": lambda t, n: n["x2"] @ t, "pre": lambda t, n: n["x"] @ t},
            "b": {"pre2": lambda t, n: t.expand(3, 4), "pre": lambda t, n: t.expand(3, 4)},
            "h0": {"pre": lambda t, n: t @ n["Wh"]},
        },
    ),
    "a tensor that feeds three paths": Pass(
        "trunk = x * 2\nleft = trunk.sin()\nmiddle = trunk**3\nright = trunk.sum(0, keepdim=True)\n"
        "joined = left * middle + right\nloss = joined.mean()",
        {"x": (3, 4)},
        ("joined", "left", "middle", "right", "trunk", "x"),
        {
            "joined": {"loss": lambda t, n: t.sum() / 12},
            "left": {"joined": lambda t, n: t * n["middle"] + n["right"]},
            "middle": {"joined": lambda t, n: n["left"] * t + n["right"]},
            "right": {"joined": lambda t, n: n["left"] * n["middle"] + t},
            "trunk": {
                "left": lambda t, n: torch.sin(t),
                "middle": lambda t, n: t * t * t,
                "right": lambda t, n: torch.ones(1, 3) @ t,
            },
            "x": {"trunk": lambda t, n: t + t},
        },
    ),
    "a tensor used five times": Pass(
        "a = s * 1\nb = s + a\nc = s * b\nd = torch.exp(-s) * c\ne = s @ d.T\nloss = e.sum()",
        {"s": (2, 3)},
        ("e", "d", "c", "b", "a", "s"),
        {
            "e": {"loss": lambda t, n: t.sum()},
            "d": {"e": lambda t, n: n["s"] @ t.T},
            "c": {"d": lambda t, n: torch.exp(-n["s"]) * t},
            "b": {"c": lambda t, n: n["s"] * t},
            "a": {"b": lambda t, n: n["s"] + t},
            "s": {
                "a": lambda t, n: t.clone(),
                "b": lambda t, n: t + n["a"],
                "c": lambda t, n: t * n["b"],
                "d": lambda t, n: torch.exp(-t) * n["c"],
                "e": lambda t, n: t @ n["d"].T,
            },
        },
    ),
    "a tensor used twice in a line": Pass(
        "y = x * x + x.sum(1, keepdim=True)\nz = y @ y.T\nloss = (z * z.T).sum() / 2",
        {"x": (3, 3)},
        ("z", "y", "x"),
        {
            "z": {"loss": lambda t, n: torch.einsum("ij,ji->", t, t) / 2},
            "y": {"z": lambda t, n: torch.einsum("ik,jk->ij", t, t)},
            "x": {"y": lambda t, n: t**2 + (t @ torch.ones(3, 1))},
        },
    ),
    "a tuple kept, and an element of it": Pass(
        "best = x.max(1)\ntop = best.values\ngap = top[:, None] - x\nparts = gap.split(2, dim=1)\nfirst = parts[0]\n"
        "second = parts[1].exp()\nloss = (first.sum(1) * second.sum(1)).sum()",
        {"x": (4, 4)},
        ("second", "first", "gap", "top", "x"),
        {
            "second": {"loss": lambda t, n: (n["first"].sum(1) * t.sum(1)).sum()},
            "first": {"loss": lambda t, n: (t.sum(1) * n["second"].sum(1)).sum()},
            "gap": {"first": lambda t, n: t[:, :2], "second": lambda t, n: torch.exp(t[:, 2:])},
            "top": {"gap": lambda t, n: t.view(-1, 1) - n["x"]},
            "x": {"top": lambda t, n: t.amax(1), "gap": lambda t, n: n["top"][:, None] - t},
        },
    ),
    "tensors that nobody is asked for": Pass(
        "hidden = x @ W\nkept = hidden.relu()\nscaled = kept * 3\nlogits = scaled @ W.T\n"
        "loss = logits.logsumexp(1).sum()",
        {"x": (3, 4), "W": (4, 5)},
        ("logits", "kept", "W"),
        {
            "logits": {"loss": lambda t, n: torch.log(torch.exp(t).sum(1)).sum()},
            "kept": {"logits": lambda t, n: 3 * t @ n["W"].T},
            "W": {"logits": lambda t, n: 3 * n["kept"] @ t.T, "kept": lambda t, n: (n["x"] @ t).clamp(min=0)},
        },
    ),
}


@pytest.fixture(params=PASSES, name="example")
def _example(request: pytest.FixtureRequest) -> Pass:
    return PASSES[request.param]


@pytest.fixture(autouse=True)
def _float64():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def _names(example: Pass, seed: int = 1) -> dict[str, object]:
    generator = torch.Generator().manual_seed(seed)
    names: dict[str, object] = {"torch": torch}
    for name, shape in example.starts.items():
        names[name] = torch.randn(shape, generator=generator).requires_grad_()
    if "mask" in example.plain:
        names["mask"] = torch.triu(torch.ones(5, 5, dtype=torch.bool), diagonal=1)
    return names


def _upstream(example: Pass, shapes: dict[str, Tensor]) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return {name: torch.randn(shapes[name].shape, generator=generator) for name in example.marked}


def _numerically(function: Callable[[Tensor], Tensor], at: Tensor, upstream: Tensor) -> Tensor:
    """The vector-Jacobian product by central differences."""
    result = torch.empty_like(at)
    step = 1e-6
    for i in range(at.numel()):
        ends = []
        for sign in (1, -1):
            moved = at.clone()
            moved.view(-1)[i] += sign * step
            ends.append((function(moved) * upstream).sum())
        result.view(-1)[i] = (ends[0] - ends[1]) / (2 * step)
    return result


def test_every_path_is_the_product_of_its_own_step(example):
    """Against torch.autograd.functional.vjp of each step written by hand, and against differences."""
    names = _names(example)
    assignments = parse_forward(example.forward)
    cut = cut_forward(names, assignments, example.marked)
    upstream = _upstream(example, cut.leaves)
    gradients = through_steps(cut, upstream)
    after = {k: v.detach() for k, v in run_forward(names, assignments).items() if isinstance(v, Tensor)}
    assert gradients.paths.keys() == example.steps.keys() == set(example.marked)
    for tensor, paths in example.steps.items():
        assert gradients.paths[tensor].keys() == paths.keys(), tensor
        for target, step in paths.items():
            arriving = upstream.get(target, torch.ones(()))

            def function(t: Tensor, step: Callable[..., Tensor] = step) -> Tensor:
                return step(t, after)

            _, product = torch.autograd.functional.vjp(function, after[tensor], arriving)
            found = gradients.paths[tensor][target]
            torch.testing.assert_close(found, product, rtol=1e-10, atol=1e-12)
            torch.testing.assert_close(found, _numerically(function, after[tensor], arriving), rtol=1e-5, atol=1e-6)


def test_paths_add_up_to_the_total(example):
    cut = cut_forward(_names(example), parse_forward(example.forward), example.marked)
    gradients = through_steps(cut, _upstream(example, cut.leaves))
    for tensor in example.marked:
        total = sum(gradients.paths[tensor].values())
        assert torch.equal(gradients.total[tensor], total)
        assert gradients.total[tensor].shape == cut.leaves[tensor].shape
        assert not gradients.total[tensor].requires_grad


def test_with_the_true_gradients_upstream_the_steps_make_the_true_gradients(example):
    names, assignments = _names(example), parse_forward(example.forward)
    true = end_to_end(names, assignments, example.marked)
    steps = through_steps(cut_forward(names, assignments, example.marked), true)
    for tensor in example.marked:
        torch.testing.assert_close(steps.total[tensor], true[tensor], rtol=1e-10, atol=1e-13)


def test_end_to_end_is_what_backward_leaves(example):
    names, assignments = _names(example), parse_forward(example.forward)
    true = end_to_end(names, assignments, example.marked)
    after = run_forward(names, assignments)
    for tensor in example.marked:
        after[tensor].retain_grad()
    after["loss"].backward()
    for tensor in example.marked:
        torch.testing.assert_close(true[tensor], after[tensor].grad)


def test_the_cut_changes_no_value(example):
    names, assignments = _names(example), parse_forward(example.forward)
    cut = cut_forward(names, assignments, example.marked)
    after = run_forward(names, assignments)
    assert cut.values.keys() == {a.target for a in assignments}
    for name, value in tensors_in(cut.values):
        assert torch.equal(value, value_at(after, name)), name
        assert not value.requires_grad
        assert not value.requires_grad


def test_the_names_are_left_as_they_were(example):
    names, assignments = _names(example), parse_forward(example.forward)
    before = {name: value.clone() for name, value in names.items() if isinstance(value, Tensor)}
    end_to_end(names, assignments, example.marked)
    cut = cut_forward(names, assignments, example.marked)
    through_steps(cut, _upstream(example, cut.leaves))
    assert names.keys() == {*before, "torch"}
    assert all(torch.equal(names[name], value) for name, value in before.items())
    assert all(names[name].grad is None for name in before)


def test_the_oracle_notices_a_wrong_step():
    """That the comparison above can fail at all."""
    example = PASSES["LayerNorm"]
    cut = cut_forward(_names(example), parse_forward(example.forward), example.marked)
    upstream = _upstream(example, cut.leaves)
    found = through_steps(cut, upstream).paths["centred"]["var"]
    after = {name: value.detach() for name, value in cut.leaves.items()}

    def wrong(t: Tensor) -> Tensor:
        return (t * t).sum(-1, keepdim=True) / 5

    assert not torch.allclose(torch.autograd.functional.vjp(wrong, after["centred"], upstream["var"])[1], found)


class TestWhatCannotBeDifferentiated:
    def test_a_tensor_without_a_gradient_is_named(self):
        names = {"torch": torch, "x": torch.randn(3)}
        with pytest.raises(DifferentiationError, match="y is not a tensor that requires a gradient"):
            end_to_end(names, parse_forward("y = x * 2\nloss = y.sum()"), ("y",))

    def test_a_tensor_off_the_way_to_the_loss(self):
        names = {"torch": torch, "x": torch.randn(3, requires_grad=True)}
        with pytest.raises(DifferentiationError, match="aside has no gradient: no line on the way to loss"):
            end_to_end(names, parse_forward("y = x * 2\naside = x + 1\nloss = y.sum()"), ("y", "aside"))

    def test_a_loss_of_more_than_one_number(self):
        names = {"torch": torch, "x": torch.randn(3, requires_grad=True)}
        with pytest.raises(DifferentiationError, match=r"makes loss, a tensor of shape \(3,\); the last"):
            end_to_end(names, parse_forward("loss = x * 2"), ("x",))

    def test_a_marked_loss_has_its_own_upstream_gradient(self):
        names = {"torch": torch, "x": torch.randn(3, requires_grad=True)}
        cut = cut_forward(names, parse_forward("y = x * 2\nloss = y.sum()"), ("loss", "y"))
        gradients = through_steps(cut, {"loss": torch.tensor(5.0), "y": torch.ones(3)})
        assert gradients.total["y"].tolist() == [5.0, 5.0, 5.0]
        assert gradients.total["loss"].tolist() == 0.0


class TestVanishing:
    def _found(self, forward: str, marked: tuple[str, ...], **names: Tensor) -> frozenset[str]:
        assignments = parse_forward(forward)
        both = [
            end_to_end(in_dtype({"torch": torch, **names}, dtype), assignments, marked)
            for dtype in (torch.float64, torch.float32)
        ]
        return vanishing(*both)

    def test_what_is_there_does_not_vanish(self, example):
        names, assignments = _names(example), parse_forward(example.forward)
        single = end_to_end(in_dtype(names, torch.float32), assignments, example.marked)
        assert vanishing(end_to_end(names, assignments, example.marked), single) == frozenset()

    def test_a_shift_before_softmax(self):
        x = torch.randn(6, 5, requires_grad=True)
        b = torch.randn(6, 1, requires_grad=True)
        forward = "z = x + b\np = torch.softmax(z, 1)\nloss = (p**2).sum()"
        assert self._found(forward, ("p", "z", "b", "x"), x=x, b=b) == {"b"}

    def test_a_bias_before_a_normalisation(self):
        x, W, b = (torch.randn(shape, requires_grad=True) for shape in ((7, 3), (3, 4), (4,)))  # noqa: N806
        forward = "y = x @ W + b\nd = y - y.mean(0)\nr = d / d.std(0)\nloss = (r**3).sum()"
        assert self._found(forward, ("r", "d", "y", "W", "b"), x=x, W=W, b=b) == {"b"}

    def test_exact_zeros(self):
        x = torch.randn(4, requires_grad=True)
        assert self._found("y = x * 0\nz = x * 2\nloss = (y * z).sum() + z.sum()", ("y", "z", "x"), x=x) == frozenset()
        assert self._found("y = x * 2\nloss = (y * 0).sum()", ("y", "x"), x=x) == {"y", "x"}

    def test_a_small_gradient_is_no_zero(self):
        x = torch.randn(4, requires_grad=True)
        assert self._found("y = x * 1e-12\nloss = (y**2).sum()", ("y", "x"), x=x) == frozenset()

    def test_in_exercise_1_it_is_the_two_that_the_notebook_names(self, exercise):
        from autograder.reference.compute import compute_references

        references = compute_references(exercise, b"a secret")
        assert references.public.vanishing == {"logit_maxes", "b1"}
        assert {case.vanishing for case in references.hidden} == {frozenset({"logit_maxes", "b1"})}

    def test_noise_lies_between_what_is_there_and_what_vanishes(self, exercise):
        with setups(exercise) as setup:
            names = setup(PUBLIC)
        marked = [step.tensor for step in exercise.gradients]
        exact, rounded = (
            end_to_end(in_dtype(names, dtype), exercise.assignments, marked) for dtype in (torch.float64, torch.float32)
        )
        ratios = {name: float((exact[name] - rounded[name]).norm() / exact[name].norm()) for name in marked}
        zero = [ratios.pop(name) for name in ("logit_maxes", "b1")]
        assert 1000 * max(ratios.values()) < NOISE < min(zero) / 1000


class TestTies:
    @pytest.mark.parametrize(
        "code",
        [
            "x.max(1)",
            "x.max(dim=1).values",
            "x.max(1, keepdim=True)",
            "torch.max(x, 1)",
            "torch.max(input=x, dim=1)",
            "x.amax(1)",
            "x.amax((0, 1))",
            "x.amax(dim=-1)",
            "torch.amax(x, dim=(1,))",
            "x.max()",
            "(-x).min(1)",
            "(-x).amin()",
            "torch.min(-x)",
        ],
    )
    def test_a_maximum_that_is_reached_twice_raises(self, code):
        x = torch.tensor([[1.0, 3.0, 3.0], [2.0, 0.0, 1.0]])
        with TieWatch(), pytest.raises(TiesError):
            eval(code, {"x": x, "torch": torch})
        unequal = torch.tensor([[1.0, 3.0, 3.5], [2.0, 0.0, 1.0]])
        with TieWatch():
            eval(code, {"x": unequal, "torch": torch})

    @pytest.mark.parametrize(
        "code", ["x.sum(1)", "torch.max(x, y)", "x.min(1)", "x.argmax(1)", "x.amax(0)", "x[:1].max(0)"]
    )
    def test_what_has_no_tie_does_not(self, code):
        x = torch.tensor([[1.0, 3.0, 3.0], [2.0, 0.0, 1.0]])
        with TieWatch():
            found = eval(code, {"x": x, "y": x, "torch": torch})
        again = eval(code, {"x": x, "y": x, "torch": torch})
        assert str(found) == str(again)
