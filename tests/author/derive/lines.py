"""Forward lines by the module of their rules: each rule must give what autograd gives, in float64."""

LINES = {
    "elementwise": [
        "x + y",
        "x - b",
        "x * c",
        "x / p",
        "s * x",
        "x + s",
        "2 * x",
        "p**2",
        "p**-0.5",
        "(p + 1e-5)**-0.5",
        "p**-1",
        "p**1.5",
        "2**x",
        "x.exp()",
        "torch.log(p)",
        "torch.tanh(x)",
        "x.sigmoid()",
        "F.relu(x)",
        "x.relu()",
        "torch.relu(x)",
        "x.clamp(min=0)",
        "x.clamp(0)",
        "torch.clamp(x, -0.5, 0.5)",
        "torch.maximum(x, torch.zeros_like(x))",
        "torch.maximum(x, y)",
        "torch.where(x > 0, x, 0)",
        "torch.where(mask, x, y)",
        "x * (x > 0)",
        "p.sqrt()",
        "p.rsqrt()",
        "x.square()",
        "x.abs()",
        "x.masked_fill(mask, 0)",
        "x * x.sigmoid()",
        "F.silu(x)",
        "F.softplus(x)",
        "torch.exp(-x**2 / 2) / math.sqrt(2 * math.pi)",
        "s * s",
        "torch.sin(s) + s.cos()",
        "torch.pow(x, 3)",
        "torch.add(x, y)",
    ],
    "reductions": [
        "x.sum()",
        "x.sum(0)",
        "x.sum(1, keepdim=True)",
        "x.sum(-1, True)",
        "x.sum(dim=1, keepdims=True)",
        "q.sum((0, 1))",
        "q.mean((0, 2), keepdim=True)",
        "x.mean()",
        "x.mean(1)",
        "torch.mean(x, 0, keepdim=True)",
        "x.max()",
        "x.max(1, keepdim=True).values",
        "x.max(1).values",
        "x.max(dim=1)[0]",
        "x.min(0).values",
        "x.amax(1)",
        "x.amax(1, keepdim=True)",
        "x.topk(2, dim=1).values",
        "torch.topk(x, 2).values",
        "x.sort(1).values",
        "torch.clamp_min(x, 0)",
        "F.layer_norm(x, (5,))",
        "F.layer_norm(x, (5,), b, v + 1, 1e-3)",
        "F.layer_norm(x, x.shape, bias=y)",
        "F.layer_norm(q, (4, 6), eps=0.1)",
        "F.softmax(x, dim=-1)",
        "x.softmax(1)",
        "torch.softmax(x, 1)",
        "F.log_softmax(x, 1)",
        "x.log_softmax(0)",
        "x.logsumexp(1, keepdim=True)",
        "torch.logsumexp(x, 1)",
        "x.masked_fill(mask, float('-inf')).softmax(1)",
        "x.var(0, keepdim=True)",
        "x.var(0, unbiased=False)",
        "x.var(1)",
        "x.std(1, keepdim=True)",
        "-x[range(n), Y].mean()",
        "1 / n * x.sum(0, keepdim=True)",
        "((x - t)**2).mean()",
        "torch.einsum('ij,jk->ik', x, W)",
        "torch.einsum('bij,bkj->bik', q, k)",
        "x.cumsum(1)",
        "(x.exp() / x.exp().sum(1, keepdim=True)).log()",
        "x.pow(2).sum(1).sqrt()",
        "x.norm()",
        "x.norm(dim=1, keepdim=True)",
        "x.sum() * 2",
    ],
    "shapes": [
        "x.view(2, 10)",
        "x.reshape(-1)",
        "q.flatten(1)",
        "x.unsqueeze(1)",
        "c.squeeze(1)",
        "x.T",
        "q.mT",
        "q.transpose(0, 2)",
        "q.permute(2, 0, 1)",
        "x.t()",
        "x[idx]",
        "x[Xb]",
        "x[range(n), Y]",
        "x[torch.arange(n), Y]",
        "x[:, 0]",
        "x[:, 1:3]",
        "x[..., :2]",
        "x[None]",
        "x[mask]",
        "x[2]",
        "x.gather(1, col)",
        "torch.gather(x, dim=1, index=col)",
        "F.embedding(idx, x)",
        "torch.cat([x, y], 1)",
        "torch.cat((x, y * 2), dim=0)",
        "torch.stack([x, y], 1)",
        "x[:, :4].tril()",
        "x.chunk(2, 1)[0]",
        "x.chunk(2, 1)[1]",
        "torch.split(x, 2, dim=1)[1]",
        "x.unbind(0)[2]",
        "x.expand(3, 4, 5)",
        "c.expand_as(x)",
        "x.contiguous()",
    ],
    "products": [
        "x @ W",
        "W @ x[:3]",
        "q @ Wb",
        "q @ k.mT",
        "q @ k.transpose(-2, -1) * 6**-0.5",
        "q.matmul(k.transpose(1, 2))",
        "torch.bmm(q, k.mT)",
        "x @ v",
        "u @ x",
        "v @ v",
        "F.linear(x, V, u[:3])",
        "torch.outer(u, v)",
        "torch.dot(v, b)",
        "torch.mv(x, v)",
        "torch.nn.functional.relu(x @ W + u[:3])",
    ],
    "losses": [
        "F.cross_entropy(x, Y)",
        "F.cross_entropy(x, Y, reduction='sum')",
        "F.nll_loss(x, Y)",
        "F.mse_loss(x, t)",
        "F.mse_loss(x, y)",
        "F.binary_cross_entropy_with_logits(x, t)",
        "F.binary_cross_entropy(x.sigmoid(), t)",
    ],
}


def names():
    """The values that the lines read."""
    import math

    import torch

    g = torch.Generator().manual_seed(1)

    def draw(*shape):
        return torch.randn(shape, generator=g, dtype=torch.float64).requires_grad_()

    found = {name: draw(*shape) for name, shape in SHAPES.items()}
    return found | {
        "torch": torch,
        "F": torch.nn.functional,
        "math": math,
        "p": draw(4, 5).detach().exp().requires_grad_(),
        "idx": torch.tensor([0, 2, 2, 1]),
        "Y": torch.tensor([0, 4, 2, 1]),
        "col": torch.tensor([[0], [4], [2], [1]]),
        "Xb": torch.tensor([[0, 1], [3, 3], [2, 0]]),
        "mask": torch.rand((4, 5), generator=g) > 0.5,
        "t": torch.rand((4, 5), generator=g, dtype=torch.float64),
        "n": 4,
    }


SHAPES = {
    **{"x": (4, 5), "y": (4, 5), "W": (5, 3), "V": (3, 5), "b": (5,), "c": (4, 1), "s": (), "v": (5,), "u": (4,)},
    **{"q": (2, 4, 6), "k": (2, 4, 6), "Wb": (6, 3)},
}


def check(text):
    """Hold what is derived of a line, for each tensor that it reads, against autograd."""
    import torch

    from autograder.author.derive.line import derive_line
    from autograder.exercise.lines import read

    values = names()
    (line,) = read(f"o = {text}")
    exec(line.source, values)
    out = values["o"]
    upstream = values["do"] = torch.randn(out.shape, dtype=torch.float64)
    marked = [
        n for n, v in values.items() if n != "o" and isinstance(v, torch.Tensor) and v.is_leaf and v.requires_grad
    ]
    seen = 0
    for tensor in marked:
        truth = torch.autograd.grad(out, values[tensor], upstream, retain_graph=True, allow_unused=True)[0]
        if truth is None:
            continue
        statements, expression = derive_line(line, tensor, marked, values, "do")
        plain = {n: v.detach() if isinstance(v, torch.Tensor) else v for n, v in values.items()}
        exec("\n".join([*statements, f"found = {expression}"]), plain)
        torch.testing.assert_close(plain["found"].double(), truth)
        seen += 1
    assert seen
