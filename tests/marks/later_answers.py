# ruff: noqa: E501
"""Right and wrong answers to exercises 2, 3 and 4, by exercise and solution cell."""

from __future__ import annotations

CROSS_ENTROPY, BATCHNORM, TRAINING = "2_cross_entropy", "3_batchnorm", "4_training"

SOFTMAX = [
    "dlogits = (F.softmax(logits, 1) - F.one_hot(Yb, logits.shape[1])) / n",
    "dlogits = (torch.softmax(logits, dim=-1) - torch.eye(logits.shape[1])[Yb]) / len(Yb)",
    "dlogits = F.log_softmax(logits, 1).exp()\ndlogits[torch.arange(n), Yb] -= 1.0\ndlogits = dlogits / n",
    "e = torch.exp(logits)\ndlogits = e / e.sum(1, keepdim=True)\ndlogits[range(n), Yb] -= 1\ndlogits *= 1 / n",
    "e = (logits - logits.max(1, keepdim=True).values).exp()\ndlogits = e / (n * e.sum(1, keepdim=True))\ndlogits[range(n), Yb] -= 1 / n",
    "p = F.softmax(logits, 1)\ny = torch.zeros_like(p).scatter_(1, Yb[:, None], 1.0)\ndlogits = torch.div(p - y, n)",
    "dlogits = torch.empty_like(logits)\nfor i in range(n):\n    dlogits[i] = F.softmax(logits[i], 0) / n\n    dlogits[i, Yb[i]] -= 1 / n",
    "dlogits = torch.stack([F.softmax(row, 0) - F.one_hot(y, len(row)) for row, y in zip(logits, Yb)]) / Xb.shape[0]",
    "dlogits = F.softmax(logits, 1).index_put((torch.arange(n), Yb), torch.tensor(-1.0), accumulate=True) / n",
    "import numpy as np\na = np.exp(logits.detach().numpy())\na /= a.sum(1, keepdims=True)\na[np.arange(n), Yb.numpy()] -= 1\ndlogits = torch.from_numpy(a / n)",
    "with torch.no_grad():\n    dlogits = torch.where(torch.arange(vocab_size) == Yb[:, None], F.softmax(logits, 1) - 1, F.softmax(logits, 1)) / n",
    "def derive(l, y):\n    d = l.softmax(1)\n    d[range(len(y)), y] -= 1\n    return d / len(y)\n\n\ndlogits = derive(logits, Yb)",
    "dlogits = (F.softmax(logits.float(), 1) - F.one_hot(Yb, logits.shape[1])) / n",
    "dlogits = torch.exp(logits - torch.logsumexp(logits, 1, keepdim=True))\ndlogits.sub_(F.one_hot(Yb, vocab_size)).div_(n)",
]

RIGHT: dict[str, dict[str, list[str]]] = {
    CROSS_ENTROPY: {"dlogits": [*SOFTMAX, "dlogits = probs.clone()\ndlogits[range(n), Yb] -= 1\ndlogits /= n"]},
    BATCHNORM: {
        "dhprebn": [
            "dhprebn = bngain * bnvar_inv * (dhpreact - dhpreact.mean(0) - bnraw * (dhpreact * bnraw).sum(0) / (n - 1))",
            "dhprebn = bngain * bnvar_inv / n * (n * dhpreact - dhpreact.sum(0, keepdim=True) - bnraw * n / (n - 1) * (dhpreact * bnraw).sum(0, keepdim=True))",
            "draw = bngain * dhpreact\ndvar = -0.5 * bnvar_inv**2 * (draw * bnraw).sum(0, keepdim=True)\ndmean = -bnvar_inv * draw.sum(0, keepdim=True)\ndhprebn = draw * bnvar_inv + dvar * 2 / (n - 1) * bndiff + dmean / n",
            "draw = bngain * dhpreact\ndvar = (draw * bndiff).sum(0) * -0.5 * (bnvar + 1e-5)**-1.5\ndhprebn = draw * bnvar_inv + 2 * dvar * bndiff / (n - 1)\ndhprebn -= dhprebn.mean(0)",
            "g = torch.einsum('ij,ij->j', dhpreact, bnraw)\ndhprebn = (bngain * bnvar_inv) * (dhpreact - dhpreact.sum(0) / n - torch.outer(torch.ones(n), g) * bnraw / (n - 1))",
            "std = (hprebn.var(0, keepdim=True) + 1e-5).sqrt()\nr = (hprebn - hprebn.mean(0)) / std\ndhprebn = bngain / std * (dhpreact - dhpreact.mean(0) - r * (dhpreact * r).mean(0) * n / (n - 1))",
            "dhprebn = torch.empty_like(hprebn)\nfor j in range(hprebn.shape[1]):\n    y, r = dhpreact[:, j], bnraw[:, j]\n    dhprebn[:, j] = bngain[0, j] * bnvar_inv[0, j] * (y - y.mean() - r * (y @ r) / (n - 1))",
            "J = torch.eye(n) - 1 / n\ndhprebn = J @ (dhpreact * bngain * bnvar_inv) - bngain * bnvar_inv * bnraw * (dhpreact * bnraw).sum(0) / (n - 1)",
            "dhprebn = dhpreact.clone()\ndhprebn -= dhprebn.mean(0, keepdim=True)\ndhprebn -= bnraw * (dhpreact * bnraw).sum(0, keepdim=True) / (n - 1)\ndhprebn *= bngain * bnvar_inv",
            "with torch.no_grad():\n    dhprebn = bngain * bnvar_inv / n * (n * dhpreact - dhpreact.sum(0) - n / (n - 1) * bnraw * (dhpreact * bnraw).sum(0))",
            "d = dhpreact.float()\ndhprebn = bngain * bnvar_inv / n * (n * d - d.sum(0) - n / (n - 1) * bnraw * (d * bnraw).sum(0))",
            "dhpreact *= bngain\ndhprebn = bnvar_inv * (dhpreact - dhpreact.mean(0) - bnraw * (dhpreact * bnraw).sum(0) / (n - 1))",
            "upstream = dhpreact\n\n\ndef back(d, r):\n    return d - d.mean(0) - r * (d * r).sum(0) / (len(d) - 1)\n\n\ndhprebn = back(upstream, bnraw) * bngain * bnvar_inv",
        ]
    },
    TRAINING: {
        "dlogits": SOFTMAX,
        "dh": [
            "dh = torch.mm(dlogits, W2.t())",
            "dh = torch.einsum('ij,kj->ik', dlogits, W2)",
            "dh = (W2 @ dlogits.T).T",
        ],
        "dW2": ["dW2 = torch.einsum('ij,ik->jk', h, dlogits)", "dW2 = (dlogits.T @ h).T", "dW2 = h.t().mm(dlogits)"],
        "db2": ["db2 = dlogits.sum(0, keepdim=True)", "db2 = torch.ones(n) @ dlogits", "db2 = dlogits.mean(0) * n"],
        "dhpreact": [
            "dhpreact = dh * (1 - h * h)",
            "dhpreact = dh - dh * h.square()",
            "dhpreact = dh / torch.cosh(hpreact) ** 2",
        ],
        "dbngain": [
            "dbngain = (dhpreact * bnraw).sum(0)",
            "dbngain = torch.einsum('ij,ij->j', dhpreact, bnraw)[None]",
            "dbngain = torch.sum(bnraw * dhpreact, dim=0, keepdim=True)",
        ],
        "dbnbias": [
            "dbnbias = dhpreact.sum(0)",
            "dbnbias = torch.ones(1, n) @ dhpreact",
            "dbnbias = dhpreact.mean(0, True) * n",
        ],
        "dhprebn": [
            "dhprebn = bngain * bnvar_inv / n * (n * dhpreact - dhpreact.sum(0) - n / (n - 1) * bnraw * (dhpreact * bnraw).sum(0))",
            "dhprebn = bngain * bnvar_inv * (dhpreact - dbnbias / n - bnraw * dbngain / (n - 1))",
            "d = dhpreact - dhpreact.mean(0) - bnraw * (dhpreact * bnraw).sum(0) / (n - 1)\ndhprebn = d * bngain * bnvar_inv",
        ],
        "dembcat": [
            "dembcat = torch.einsum('ij,kj->ik', dhprebn, W1)",
            "dembcat = dhprebn.mm(W1.t())",
            "dembcat = (W1 @ dhprebn.T).T",
        ],
        "dW1": [
            "dW1 = torch.einsum('ij,ik->jk', embcat, dhprebn)",
            "dW1 = emb.flatten(1).T @ dhprebn",
            "dW1 = (dhprebn.T @ embcat).T",
        ],
        "db1": ["db1 = dhprebn.sum(dim=0)", "db1 = torch.ones(n) @ dhprebn", "db1 = dhprebn.sum(0, keepdim=True)"],
        "demb": [
            "demb = dembcat.reshape(emb.shape)",
            "demb = dembcat.view(n, block_size, n_embd)",
            "demb = dembcat.unflatten(1, emb.shape[1:])",
        ],
        "dC": [
            "dC = torch.zeros_like(C)\ndC.index_add_(0, Xb.view(-1), demb.view(-1, n_embd))",
            "dC = torch.zeros_like(C)\nfor i in range(n):\n    for j in range(block_size):\n        dC[Xb[i, j]] += demb[i, j]",
            "dC = F.one_hot(Xb.flatten(), len(C)).to(demb.dtype).T @ demb.flatten(0, 1)",
            "dC = torch.zeros_like(C).index_put_((Xb,), demb, accumulate=True)",
        ],
        "update": [
            "def update(parameters, grads, lr):\n    for p, grad in zip(parameters, grads):\n        p.add_(grad, alpha=-lr)",
            "def update(parameters, grads, lr):\n    for p, grad in zip(parameters, grads):\n        p.data += -lr * grad",
            "def update(parameters, grads, lr):\n    for i in range(len(parameters)):\n        parameters[i] -= grads[i] * lr",
            "def update(parameters, grads, lr):\n    with torch.no_grad():\n        for p, grad in zip(parameters, grads, strict=True):\n            p.copy_(p - lr * grad)",
            "def update(parameters, grads, lr):\n    torch._foreach_add_(parameters, grads, alpha=-lr)",
            "def update(parameters, grads, lr):\n    for p, grad in zip(parameters, grads):\n        grad *= lr\n        p -= grad",
            "def update(parameters, grads, lr):\n    C, W1, b1, W2, b2, bngain, bnbias = parameters\n    dC, dW1, db1, dW2, db2, dbngain, dbnbias = grads\n    C -= lr * dC\n    W1 -= lr * dW1\n    b1 -= lr * db1\n    W2 -= lr * dW2\n    b2 -= lr * db2\n    bngain -= lr * dbngain\n    bnbias -= lr * dbnbias",
            "update = lambda parameters, grads, lr: [p.sub_(lr * g) for p, g in zip(parameters, grads)]",
            "def update(parameters, grads, lr):\n    for p, grad in zip(parameters, grads):\n        p[...] = p - (lr * grad).float()",
            "def update(parameters, grads, lr):\n    optimizer = torch.optim.SGD(parameters, lr=lr)\n    for p, grad in zip(parameters, grads):\n        p.grad = grad\n    optimizer.step()",
        ],
    },
}
"""Each of these may stand in its cell alone, beside any others."""

HEAD = "def update(parameters, grads, lr):\n    "
EACH = HEAD + "for p, grad in zip(parameters, grads):\n        "

WRONG: dict[str, dict[str, list[str]]] = {
    CROSS_ENTROPY: {
        "dlogits": [
            "dlogits = F.softmax(logits, 1) / n",
            "dlogits = F.softmax(logits, 0)\ndlogits[range(n), Yb] -= 1\ndlogits /= n",
            "dlogits = F.softmax(logits, 1) - F.one_hot(Yb, vocab_size)",
            "dlogits = (F.one_hot(Yb, vocab_size) - F.softmax(logits, 1)) / n",
            "dlogits = F.softmax(logits, 1)\ndlogits[:, Yb] -= 1\ndlogits /= n",
            "dlogits = F.softmax(logits, 1)\ndlogits[range(n), Yb] = -1\ndlogits /= n",
            "dlogits = F.softmax(logits, 1) / n\ndlogits[range(n), Yb] -= 1",
            "dlogits = (F.log_softmax(logits, 1) - F.one_hot(Yb, vocab_size)) / n",
            "dlogits = (torch.sigmoid(logits) - F.one_hot(Yb, vocab_size)) / n",
            "dlogits = (F.softmax(logits, 1) - F.one_hot(Yb, vocab_size)) / vocab_size",
            "dlogits = (F.softmax(logits, 1) - F.one_hot(logits.argmax(1), vocab_size)) / n",
            "dlogits = torch.zeros_like(logits)\ndlogits[range(n), Yb] = -1 / n",
            "dlogits = dlogprobs = torch.zeros_like(logits)",
            "dlogits = logits.grad",
            "with torch.enable_grad():\n    x = logits.detach().clone().requires_grad_()\n    F.cross_entropy(x, Yb).backward()\ndlogits = x.grad",
            "with torch.enable_grad():\n    x = logits.detach().clone().requires_grad_()\n    dlogits, = torch.autograd.grad(F.cross_entropy(x, Yb), x)",
            "dlogits = torch.func.grad(F.cross_entropy)(logits.detach(), Yb)",
        ]
    },
    BATCHNORM: {
        "dhprebn": [
            "dhprebn = bngain * bnvar_inv / n * (n * dhpreact - dhpreact.sum(0) - bnraw * (dhpreact * bnraw).sum(0))",
            "dhprebn = bngain * bnvar_inv * dhpreact",
            "dhprebn = bngain * bnvar_inv * (dhpreact - dhpreact.mean(0))",
            "dhprebn = bngain * bnvar_inv / n * (n * dhpreact - n / (n - 1) * bnraw * (dhpreact * bnraw).sum(0))",
            "dhprebn = bnvar_inv / n * (n * dhpreact - dhpreact.sum(0) - n / (n - 1) * bnraw * (dhpreact * bnraw).sum(0))",
            "dhprebn = bngain / n * (n * dhpreact - dhpreact.sum(0) - n / (n - 1) * bnraw * (dhpreact * bnraw).sum(0))",
            "dhprebn = bngain * bnvar_inv / n * (n * dhpreact - dhpreact.sum(0) - (n - 1) / n * bnraw * (dhpreact * bnraw).sum(0))",
            "dhprebn = bngain * bnvar_inv / (n - 1) * (n * dhpreact - dhpreact.sum(0) - n / (n - 1) * bnraw * (dhpreact * bnraw).sum(0))",
            "dhprebn = bngain * bnvar_inv / n * (n * dhpreact + dhpreact.sum(0) - n / (n - 1) * bnraw * (dhpreact * bnraw).sum(0))",
            "dhprebn = bngain * bnvar_inv / n * (n * dhpreact - dhpreact.sum(0) - n / (n - 1) * bndiff * (dhpreact * bndiff).sum(0))",
            "dhprebn = bngain * bnvar_inv / n * (n * dhpreact - dhpreact.sum(1, keepdim=True) - n / (n - 1) * bnraw * (dhpreact * bnraw).sum(0))",
            "dhprebn = bngain * bnvar_inv / n * (n * dhpreact - dhpreact.sum(0) - n / (n - 1) * bnraw * dhpreact * bnraw)",
            "r = bndiff * bnvar**-0.5\ndhprebn = bngain * bnvar**-0.5 / n * (n * dhpreact - dhpreact.sum(0) - n / (n - 1) * r * (dhpreact * r).sum(0))",
            "std = hprebn.std(0, unbiased=False)\nr = (hprebn - hprebn.mean(0)) / std\ndhprebn = bngain / std * (dhpreact - dhpreact.mean(0) - r * (dhpreact * r).mean(0))",
            "dhprebn = hprebn.grad",
            "dhprebn = dhpreact",
            "with torch.enable_grad():\n    x = hprebn.detach().clone().requires_grad_()\n    y = bngain * (x - x.mean(0)) / (x.var(0) + 1e-5).sqrt() + bnbias\n    dhprebn, = torch.autograd.grad(y, x, dhpreact)",
            "_, pull = torch.func.vjp(lambda x: bngain * (x - x.mean(0)) / (x.var(0) + 1e-5).sqrt() + bnbias, hprebn.detach())\n(dhprebn,) = pull(dhpreact)",
        ]
    },
    TRAINING: {
        "update": [
            EACH + "p += lr * grad",
            EACH + "p -= grad",
            EACH + "p -= 0.1 * grad",
            EACH + "p -= 0.01 * grad",
            EACH + "p = p - lr * grad",
            EACH + "p -= lr * p",
            EACH + "p -= lr * grad.sign()",
            EACH + "p -= lr * grad / n",
            EACH + "p -= lr * grad.clamp(-0.01, 0.01)",
            EACH + "p -= lr * (grad + 1e-4 * p)",
            EACH + "p -= lr * grad / grad.norm()",
            EACH + "p -= lr * grad * grad",
            EACH + "p -= lr * grad\n        p -= lr * grad",
            EACH + "p -= lr**2 * grad",
            EACH + "p *= 1 - lr * grad",
            EACH + "p.copy_(-lr * grad)",
            EACH + "p -= lr * grad\n        break",
            EACH + "return p - lr * grad",
            HEAD + "return [p - lr * grad for p, grad in zip(parameters, grads)]",
            HEAD + "for p, grad in zip(parameters[1:], grads[1:]):\n        p -= lr * grad",
            HEAD + "for p, grad in zip(parameters[:-1], grads[:-1]):\n        p -= lr * grad",
            HEAD + "for p, grad in zip(parameters, grads[::-1]):\n        p -= lr * grad",
            HEAD + "for p in parameters:\n        p -= lr * p.grad",
            HEAD + "pass",
            "update = None",
            EACH + "p -= lr * grad.mean()",
            EACH + "p -= lr * grad if p.dim() > 1 else 0",
            "def update(parameters, lr, grads):\n    for p, grad in zip(parameters, grads):\n        p -= lr * grad",
            "def update(parameters, grads, lr):\n    global C, W1\n    for p, grad in zip([C, W1, b1, W2, b2, bngain, bnbias], grads):\n        p -= lr * grad",
        ]
    },
}
"""Beside these there are the mutations of right answers."""
