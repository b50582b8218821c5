# ruff: noqa: E501
"""Right and wrong answers to the assignment `attention`."""

from __future__ import annotations

HEAD, FUSED, HEADS = "1_one_head", "2_fused", "3_heads"

ONE = (
    {"n_embd": 7, "head_size": 5, "block_size": 4, "batch_size": 3, "SEED": 5},
    {"n_embd": 6, "head_size": 9, "block_size": 8, "batch_size": 5, "SEED": 6},
)
SIZES = {
    HEAD: ONE,
    FUSED: ONE,
    HEADS: (
        {"n_heads": 4, "head_size": 2, "block_size": 5, "batch_size": 3, "SEED": 5},
        {"n_heads": 2, "head_size": 6, "block_size": 4, "batch_size": 3, "SEED": 6},
    ),
}


def left(name: str, arrives: str, matrix: str) -> list[str]:
    """The stack in `stack @ matrix`, one matrix for all of it."""
    return [
        f"{name} = torch.matmul({arrives}, {matrix}.t())",
        f"{name} = torch.einsum('bij,mj->bim', {arrives}, {matrix})",
        f"{name} = F.linear({arrives}, {matrix})",
        f"{name} = ({matrix} @ {arrives}.transpose(1, 2)).transpose(1, 2)",
    ]


def right(name: str, stack: str, arrives: str) -> list[str]:
    """The matrix in `stack @ matrix`."""
    return [
        f"{name} = torch.einsum('bim,bij->mj', {stack}, {arrives})",
        f"{name} = ({stack}.transpose(1, 2) @ {arrives}).sum(0)",
        f"{name} = torch.tensordot({stack}, {arrives}, dims=([0, 1], [0, 1]))",
        f"{name} = sum({stack}[i].T @ {arrives}[i] for i in range(len({stack})))",
    ]


def added(name: str, arrives: str) -> list[str]:
    """A vector that was added at every position."""
    return [
        f"{name} = {arrives}.sum(dim=0).sum(dim=0)",
        f"{name} = {arrives}.flatten(0, 1).sum(0)",
        f"{name} = torch.einsum('bij->j', {arrives})",
        f"{name} = {arrives}.mean((0, 1)) * Yb.numel()",
    ]


def passed(name: str, arrives: str) -> list[str]:
    """A term of a sum, with the same shape."""
    return [f"{name} = {arrives}", f"{name} = 1.0 * {arrives}", f"{name} = torch.zeros_like({arrives}) + {arrives}"]


def path(name: str, arrives: str, matrix: str) -> list[str]:
    """A later path through a matrix product."""
    return [
        f"{name} = {name} + torch.einsum('bij,mj->bim', {arrives}, {matrix})",
        f"{name} = torch.add({name}, {arrives} @ {matrix}.t())",
        f"{name} += {arrives} @ {matrix}.T",
    ]


def looked_up(arrives: str) -> list[str]:
    """The table in `tok = E[Xb]`."""
    return [
        f"dE = torch.zeros_like(E)\ndE.index_add_(0, Xb.view(-1), {arrives}.reshape(-1, n_embd))",
        f"dE = torch.zeros_like(E).index_put_((Xb,), {arrives}, accumulate=True)",
        f"dE = F.one_hot(Xb.flatten(), len(E)).to({arrives}.dtype).T @ {arrives}.flatten(0, 1)",
        f"dE = torch.zeros(E.shape)\nfor row, grads in zip(Xb, {arrives}):\n    for i, grad in zip(row, grads):\n        dE[i] += grad",
    ]


LOGITS = [
    "dlogits = (F.softmax(logits, -1) - F.one_hot(Yb, vocab_size)) / (Yb.shape[0] * Yb.shape[1])",
    "dlogits = (torch.softmax(logits, dim=2) - torch.eye(vocab_size)[Yb]) / (batch_size * block_size)",
    "flat = logits.view(-1, vocab_size)\ndflat = F.softmax(flat, 1)\ndflat[range(len(flat)), Yb.view(-1)] -= 1\ndlogits = (dflat / len(flat)).view(logits.shape)",
    "e = logits.exp()\ndlogits = e / e.sum(2, keepdim=True)\nfor i in range(len(Yb)):\n    for j, c in enumerate(Yb[i]):\n        dlogits[i, j, c] -= 1\ndlogits /= Yb.numel()",
    "import numpy as np\na = np.exp(logits.detach().numpy())\na /= a.sum(2, keepdims=True)\na -= np.eye(vocab_size)[Yb.numpy()]\ndlogits = torch.from_numpy(a / Yb.numel())",
    "dlogits = (F.softmax(logits.float(), 2) - F.one_hot(Yb, vocab_size)) / Yb.numel()",
]
DV = [
    "dv = wei.mT @ dmix",
    "dv = torch.einsum('bij,bih->bjh', wei, dmix)",
    "dv = torch.bmm(wei.transpose(-2, -1), dmix)",
    "dv = torch.stack([wei[i].T @ dmix[i] for i in range(len(wei))])",
]
DQ = [
    "dq = torch.bmm(ddots, k)",
    "dq = torch.einsum('bij,bjh->bih', ddots, k)",
    "dq = (k.mT @ ddots.mT).mT",
    "dq = (ddots[..., None] * k[:, None]).sum(2)",
]
DK = [
    "dk = ddots.mT @ q",
    "dk = torch.einsum('bij,bih->bjh', ddots, q)",
    "dk = (q.transpose(1, 2) @ ddots).transpose(1, 2)",
    "dk = torch.stack([d.T @ own for d, own in zip(ddots, q)])",
]

RIGHT: dict[str, dict[str, list[str]]] = {
    HEAD: {
        "dlogits": LOGITS,
        "dy": left("dy", "dlogits", "W"),
        "dW": right("dW", "y", "dlogits"),
        "db": added("db", "dlogits"),
        "dlngain": [
            "dlngain = torch.einsum('bij,bij->j', dy, lnraw)",
            "dlngain = (dy.flatten(0, 1) * lnraw.flatten(0, 1)).sum(0)",
            "dlngain = torch.sum(lnraw * dy, dim=(0, 1))",
        ],
        "dlnraw": ["dlnraw = lngain * dy", "dlnraw = dy * lngain[None, None, :]", "dlnraw = dy @ torch.diag(lngain)"],
        "dlnbias": added("dlnbias", "dy"),
        "dlndiff_path1": ["dlndiff = lninv * dlnraw", "dlndiff = dlnraw / (lnvar + 1e-5).sqrt()"],
        "dlninv": [
            "dlninv = torch.einsum('bij,bij->bi', dlnraw, lndiff)[..., None]",
            "dlninv = (dlnraw * lndiff).sum(-1).unsqueeze(-1)",
            "dlninv = (lndiff * dlnraw).mean(2, keepdim=True) * n_embd",
        ],
        "dlnvar": [
            "dlnvar = -0.5 * dlninv * lninv**3",
            "dlnvar = -dlninv / (2 * (lnvar + 1e-5) * torch.sqrt(lnvar + 1e-5))",
            "dlnvar = dlninv * -(lnvar + 1e-5).pow(-1.5) / 2",
        ],
        "dlndiff_path2": [
            "dlndiff = dlndiff + 2 / n_embd * lndiff * dlnvar",
            "dlndiff += dlnvar * lndiff * 2 / res.shape[-1]",
            "dlndiff = torch.add(dlndiff, dlnvar * lndiff / n_embd, alpha=2)",
        ],
        "dres_path1": passed("dres", "dlndiff"),
        "dlnmean": [
            "dlnmean = (-dlndiff).sum(2, keepdim=True)",
            "dlnmean = -(dlndiff @ torch.ones(n_embd, 1))",
            "dlnmean = -torch.einsum('bij->bi', dlndiff).unsqueeze(2)",
        ],
        "dres_path2": [
            "dres = dres + torch.ones_like(res) * dlnmean / n_embd",
            "dres = dres + (dlnmean / res.shape[2]).expand(res.shape)",
        ],
        "dx_path1": passed("dx", "dres"),
        "dproj": passed("dproj", "dres"),
        "dmix": left("dmix", "dproj", "Wo"),
        "dWo": right("dWo", "mix", "dproj"),
        "dwei": [
            "dwei = dmix @ v.mT",
            "dwei = torch.einsum('bih,bjh->bij', dmix, v)",
            "dwei = (dmix[:, :, None] * v[:, None]).sum(3)",
            "dwei = torch.stack([dmix[i] @ v[i].T for i in range(len(v))])",
        ],
        "dv": DV,
        "dmass_path1": ["dmass = dwei * mass_sum**-1", "dmass = torch.div(dwei, mass_sum)"],
        "dmass_sum": [
            "dmass_sum = (dwei * -mass / (mass_sum * mass_sum)).sum(2, keepdim=True)",
            "dmass_sum = -(dwei * wei).sum(-1, keepdim=True) / mass_sum",
            "dmass_sum = -torch.einsum('bij,bij->bi', dwei, wei)[:, :, None] / mass_sum",
        ],
        "dmass_path2": [
            "dmass = dmass + dmass_sum * torch.ones_like(mass)",
            "dmass = dmass + dmass_sum.expand(-1, -1, block_size)",
            "dmass += dmass_sum",
        ],
        "dcausal": ["dcausal = mass * dmass", "dcausal = dmass * torch.exp(causal)"],
        "dscaled": [
            "dscaled = torch.where(later, 0.0, dcausal)",
            "dscaled = dcausal * ~later",
            "dscaled = dcausal.tril()",
            "dscaled = dcausal.clone()\ndscaled[:, later] = 0",
            "dscaled = torch.zeros_like(scaled)\nfor i in range(block_size):\n    dscaled[:, i, :i + 1] = dcausal[:, i, :i + 1]",
            # exp has made these zero already, so it is right from end to end.
            "dscaled = dcausal.clone()",
        ],
        "ddots": [
            "ddots = dscaled / head_size**0.5",
            "ddots = dscaled / q.shape[-1] ** 0.5",
            "ddots = dscaled * k.shape[2] ** -0.5",
        ],
        "dq": DQ,
        "dk": DK,
        "dx_path2": path("dx", "dv", "Wv"),
        "dWv": right("dWv", "x", "dv"),
        "dx_path3": path("dx", "dk", "Wk"),
        "dWk": right("dWk", "x", "dk"),
        "dx_path4": path("dx", "dq", "Wq"),
        "dWq": right("dWq", "x", "dq"),
        "dtok": passed("dtok", "dx"),
        "dP": ["dP = torch.einsum('bij->ij', dx)", "dP = sum(dx)", "dP = dx.mean(0) * batch_size"],
        "dE": looked_up("dtok"),
    },
    FUSED: {
        "dv": DV,
        "ddots": [
            "dwei = dmix @ v.mT\nddots = wei * (dwei - (wei * dwei).sum(2, keepdim=True)) / head_size**0.5",
            "dwei = torch.einsum('bih,bjh->bij', dmix, v)\nd = torch.einsum('bih,bih->bi', dmix, mix)\nddots = wei * (dwei - d[..., None]) * head_size**-0.5",
            "ddots = wei * (dmix @ v.transpose(1, 2) - (dmix * mix).sum(-1, keepdim=True)) / k.shape[-1] ** 0.5",
            "ddots = (dmix @ v.mT) * wei\nddots = (ddots - wei * ddots.sum(2, keepdim=True)) * head_size**-0.5",
            "ddots = torch.empty_like(dots)\nfor b_ in range(len(dots)):\n    for i in range(dots.shape[1]):\n        a = wei[b_, i]\n        jacobian = torch.diag(a) - torch.outer(a, a)\n        ddots[b_, i] = jacobian @ (v[b_] @ dmix[b_, i]) * head_size**-0.5",
            "centred = v[:, None] - mix[:, :, None]\nddots = wei * (dmix[:, :, None] * centred).sum(3) * head_size**-0.5",
            "dwei = dmix @ v.transpose(1, 2)\nds = wei * dwei\nds -= wei * ds.sum(2, keepdim=True)\nddots = ds.masked_fill(later, 0) * head_size**-0.5",
            "import numpy as np\na, d = wei.detach().numpy(), dmix.numpy() @ v.detach().numpy().transpose(0, 2, 1)\nddots = torch.from_numpy(a * (d - (a * d).sum(2, keepdims=True)) / np.sqrt(head_size))",
            "d = dmix.float() @ v.float().mT\nddots = wei.float() * (d - (wei.float() * d).sum(2, keepdim=True)) * head_size**-0.5",
        ],
        "dq": DQ,
        "dk": DK,
    },
    HEADS: {
        "dlogits": LOGITS,
        "dres": left("dres", "dlogits", "W"),
        "dW": right("dW", "res", "dlogits"),
        "db": added("db", "dlogits"),
        "dx_path1": passed("dx", "dres"),
        "dmix": left("dmix", "dres", "Wo"),
        "dWo": right("dWo", "mix", "dres"),
        "dmixh": [
            "dmixh = dmix.reshape(batch_size, block_size, n_heads, -1).transpose(1, 2)",
            "dmixh = dmix.unflatten(2, (n_heads, head_size)).permute(0, 2, 1, 3)",
            "dmixh = torch.stack(dmix.chunk(n_heads, 2), 1)",
            "dmixh = torch.empty_like(mixh)\nfor i in range(n_heads):\n    dmixh[:, i] = dmix[:, :, i * head_size:(i + 1) * head_size]",
        ],
        "dwei": ["dwei = dmixh @ vh.mT", "dwei = torch.einsum('bnih,bnjh->bnij', dmixh, vh)"],
        "dvh": ["dvh = wei.mT @ dmixh", "dvh = torch.einsum('bnij,bnih->bnjh', wei, dmixh)"],
        "ddots": [
            "ddots = wei * (dwei - (dwei * wei).sum(-1, keepdim=True)) / head_size**0.5",
            "ddots = wei * (dwei - (dmixh * mixh).sum(3, keepdim=True)) * head_size**-0.5",
            "ddots = (wei * (dwei - (wei * dwei).sum(3, keepdim=True))).masked_fill(later, 0) * qh.shape[-1] ** -0.5",
            "ds = wei * dwei\nddots = (ds - wei * ds.sum(3, keepdim=True)) * (n_embd / n_heads) ** -0.5",
        ],
        "dqh": ["dqh = torch.einsum('bnij,bnjh->bnih', ddots, kh)", "dqh = torch.matmul(ddots, kh)"],
        "dkh": ["dkh = ddots.mT @ qh", "dkh = (qh.transpose(2, 3) @ ddots).transpose(2, 3)"],
        **{
            f"d{name}": [
                f"d{name} = d{name}h.transpose(1, 2).flatten(2)",
                f"d{name} = torch.cat(d{name}h.unbind(1), 2)",
                f"d{name} = d{name}h.permute(0, 2, 1, 3).contiguous().view({name}.shape)",
            ]
            for name in "vkq"
        },
        "dqkv": [
            "dqkv = torch.cat((dq, dk, dv), dim=-1)",
            "dqkv = torch.zeros_like(qkv)\ndqkv[..., :n_embd] = dq\ndqkv[..., n_embd:2 * n_embd] = dk\ndqkv[..., 2 * n_embd:] = dv",
            "dqkv = torch.stack([dq, dk, dv], 2).flatten(2)",
            "dqkv = F.pad(dq, (0, 2 * n_embd)) + F.pad(dk, (n_embd, n_embd)) + F.pad(dv, (2 * n_embd, 0))",
        ],
        "dx_path2": path("dx", "dqkv", "Wqkv"),
        "dWqkv": right("dWqkv", "x", "dqkv"),
        "dP": ["dP = torch.einsum('bij->ij', dx)", "dP = sum(dx)", "dP = dx.mean(0) * batch_size"],
        "dE": looked_up("dx"),
    },
}

WRONG_LOGITS = [
    "dlogits = F.softmax(logits, 2) - F.one_hot(Yb, vocab_size)",
    "dlogits = (F.softmax(logits, 2) - F.one_hot(Yb, vocab_size)) / batch_size",
    "dlogits = (F.softmax(logits, 2) - F.one_hot(Yb, vocab_size)) / block_size",
    "dlogits = (F.softmax(logits, 1) - F.one_hot(Yb, vocab_size)) / Yb.numel()",
    "dlogits = (F.softmax(logits, 2) - F.one_hot(Xb, vocab_size)) / Yb.numel()",
    "dlogits = (F.softmax(logits, 2) - F.one_hot(Yb, vocab_size)) / 24",
    "dlogits = logits.grad",
]
WRONG_DK = [
    "dk = ddots @ q",
    "dk = ddots.transpose(1, 2) @ k",
    "dk = dq",
    "dk = ddots.transpose(0, 1) @ q",
    "dk = k.grad",
]

WRONG: dict[str, dict[str, list[str]]] = {
    HEAD: {
        "dlogits": WRONG_LOGITS,
        "dW": [
            "dW = y.transpose(1, 2) @ dlogits",
            "dW = (y.transpose(1, 2) @ dlogits).mean(0)",
            "dW = y[0].T @ dlogits[0]",
            "dW = y.view(n_embd, -1) @ dlogits.flatten(0, 1)",
        ],
        "db": ["db = dlogits.sum(0)", "db = dlogits.sum(1)", "db = dlogits.mean((0, 1))", "db = dlogits.sum((1, 2))"],
        "dlninv": ["dlninv = (dlnraw * lndiff).sum(1, keepdim=True)", "dlninv = (dlnraw * lndiff).sum(2)"],
        "dlnvar": ["dlnvar = dlninv * -0.5 * lnvar**-1.5", "dlnvar = dlninv * -0.5 * (lnvar + 1e-5)**-0.5"],
        "dlndiff_path2": [
            "dlndiff = dlndiff + dlnvar * 2 * lndiff / (n_embd - 1)",
            "dlndiff = dlnvar * 2 * lndiff / n_embd",
            "dlndiff = dlndiff + dlnvar * 2 * lndiff / 10",
        ],
        "dres_path2": ["dres = dres + dlnmean", "dres = dres", "dres = dlnmean / n_embd"],
        "dlnmean": ["dlnmean = -dlndiff.sum(0, keepdim=True)", "dlnmean = torch.zeros_like(lnmean)"],
        "dwei": [
            "dwei = dmix @ v",
            "dwei = v @ dmix.transpose(1, 2)",
            "dwei = dmix @ k.transpose(1, 2)",
            "dwei = (dmix @ v.transpose(1, 2)).sum(0)",
        ],
        "dv": ["dv = wei @ dmix", "dv = wei.transpose(1, 2) @ mix", "dv = v.grad"],
        "dmass_sum": [
            "dmass_sum = (dwei * mass / mass_sum**2).sum(2, keepdim=True)",
            "dmass_sum = -(dwei * mass / mass_sum).sum(2, keepdim=True)",
            "dmass_sum = -(dwei / mass_sum**2).sum(2, keepdim=True)",
        ],
        "dmass_path2": ["dmass = dmass", "dmass = dmass - dmass_sum", "dmass = dmass + dmass_sum * mass"],
        "dcausal": ["dcausal = dmass", "dcausal = dmass * causal", "dcausal = dmass * wei"],
        "dscaled": [
            "dscaled = dcausal.masked_fill(~later, 0.0)",
            "dscaled = dcausal.triu()",
            "dscaled = dcausal.tril(-1)",
            "dscaled = dcausal.masked_fill(later, -torch.inf)",
        ],
        "ddots": [
            "ddots = dscaled",
            "ddots = dscaled * head_size**0.5",
            "ddots = dscaled * 8**-0.5",
            "ddots = dscaled / head_size",
        ],
        "dq": ["dq = ddots @ q", "dq = ddots.transpose(1, 2) @ k", "dq = ddots @ v"],
        "dk": WRONG_DK,
        "dx_path2": ["dx = dv @ Wv.T", "dx = dx", "dx = dx + dv @ Wk.T"],
        "dx_path4": ["dx = dx", "dx = dx + dk @ Wq.T"],
        "dP": ["dP = dx.sum(1)", "dP = dx.mean(0)", "dP = dx[0]"],
        "dE": [
            "dE = torch.zeros_like(E)\ndE[Xb] += dtok",
            "dE = torch.zeros_like(E)\ndE[Xb] = dtok",
            "dE = torch.zeros_like(E)\nfor i in range(4):\n    for j in range(6):\n        dE[Xb[i, j]] += dtok[i, j]",
            "dE = torch.zeros_like(E).index_put_((Yb,), dtok, accumulate=True)",
        ],
    },
    FUSED: {
        "dv": ["dv = wei @ dmix", "dv = wei.transpose(1, 2) @ mix", "dv = v.grad"],
        "ddots": [
            "ddots = head_size**-0.5 * wei * (dmix @ v.transpose(1, 2))",
            "ddots = wei * (dmix @ v.transpose(1, 2) - (dmix * mix).sum(2, keepdim=True))",
            "ddots = head_size**-0.5 * (dmix @ v.transpose(1, 2) - (dmix * mix).sum(2, keepdim=True))",
            "ddots = head_size**-0.5 * wei * (dmix @ v.transpose(1, 2) + (dmix * mix).sum(2, keepdim=True))",
            "ddots = head_size**-0.5 * wei * (dmix @ v.transpose(1, 2) - (dmix * mix).sum(1, keepdim=True))",
            "ddots = head_size**-0.5 * wei * (dmix @ v.transpose(1, 2) - (dmix * mix).mean(2, keepdim=True))",
            "ddots = head_size**-0.5 * wei * (dmix @ v.transpose(1, 2) - (dmix * v).sum(2, keepdim=True))",
            "dwei = dmix @ v.transpose(1, 2)\nddots = head_size**-0.5 * wei * (dwei - dwei.mean(2, keepdim=True))",
            "dwei = dmix @ v.transpose(1, 2)\nddots = head_size**-0.5 * wei * (dwei - dwei.sum(2, keepdim=True))",
            "dwei = dmix @ v.transpose(1, 2)\nddots = head_size**-0.5 * wei * (1 - wei) * dwei",
            "dwei = dmix @ v.transpose(1, 2)\nddots = head_size**-0.5 * wei * (dwei - (wei * dwei).sum(1, keepdim=True))",
            "ddots = 8**-0.5 * wei * (dmix @ v.transpose(1, 2) - (dmix * mix).sum(2, keepdim=True))",
            "ddots = dots.grad",
            "with torch.enable_grad():\n    s = dots.detach().clone().requires_grad_()\n    m = F.softmax((s * head_size**-0.5).masked_fill(later, -torch.inf), 2) @ v.detach()\nddots, = torch.autograd.grad(m, s, dmix)",
            "ddots = torch.ops.aten._softmax_backward_data(dmix @ v.mT, wei, 2, wei.dtype) * head_size**-0.5",
            "ddots = torch.func.vjp(lambda s: F.softmax((s * head_size**-0.5).masked_fill(later, -torch.inf), 2) @ v.detach(), dots.detach())[1](dmix)[0]",
        ],
        "dq": ["dq = ddots @ q", "dq = ddots.transpose(1, 2) @ k", "dq = q.grad"],
        "dk": WRONG_DK,
    },
    HEADS: {
        "dlogits": WRONG_LOGITS,
        "dmix": ["dmix = dres @ Wo", "dmix = dres"],
        "dWo": ["dWo = dres.flatten(0, 1).T @ mix.flatten(0, 1)", "dWo = mix.transpose(1, 2) @ dres"],
        "dmixh": [
            "dmixh = dmix.view(batch_size, n_heads, block_size, head_size)",
            "dmixh = dmix.reshape(mixh.shape)",
            "dmixh = dmix.view(batch_size, block_size, head_size, n_heads).permute(0, 3, 1, 2)",
            "dmixh = dmix.view(7, 6, 4, 5).transpose(1, 2)",
        ],
        "dwei": [
            "dwei = dmixh @ kh.transpose(2, 3)",
            "dwei = dmixh.transpose(1, 2) @ vh.transpose(1, 2)",
            "dwei = vh @ dmixh.mT",
        ],
        "ddots": [
            "ddots = n_embd**-0.5 * wei * (dwei - (wei * dwei).sum(3, keepdim=True))",
            "ddots = head_size**-0.5 * wei * (dwei - (wei * dwei).sum(2, keepdim=True))",
            "ddots = 5**-0.5 * wei * (dwei - (wei * dwei).sum(3, keepdim=True))",
        ],
        "dkh": ["dkh = ddots @ qh", "dkh = ddots.transpose(1, 2) @ qh"],
        **{
            f"d{name}": [
                f"d{name} = d{name}h.reshape({name}.shape)",
                f"d{name} = d{name}h.permute(0, 2, 3, 1).reshape({name}.shape)",
            ]
            for name in "vkq"
        },
        "dqkv": [
            "dqkv = torch.cat([dv, dk, dq], 2)",
            "dqkv = torch.cat([dq, dk, dv], 1)",
            "dqkv = dq + dk + dv",
            "dqkv = torch.stack([dq, dk, dv], 3).flatten(2)",
        ],
        "dx_path2": ["dx = dqkv @ Wqkv.T", "dx = dx"],
        "dE": ["dE = torch.zeros_like(E)\ndE[Xb] += dx"],
    },
}
"""Beside these there are the mutations of right answers."""
