# ruff: noqa: E501
"""Right and wrong answers to the assignment `recurrent`."""

from __future__ import annotations

RNN, THROUGH_TIME, LSTM = "1_rnn", "2_through_time", "3_lstm"

SIZES: dict[str, tuple[dict[str, int], ...]] = {
    RNN: (
        {"SEED": 5, "batch_size": 5, "n_embd": 3, "n_hidden": 4},
        {"SEED": 6, "batch_size": 3, "n_embd": 7, "n_hidden": 6},
    ),
    THROUGH_TIME: (
        {"SEED": 5, "batch_size": 6, "n_embd": 3, "n_hidden": 4, "n_steps": 5},
        {"SEED": 6, "batch_size": 3, "n_embd": 7, "n_hidden": 6, "n_steps": 4},
    ),
    # With so many names a letter is read several times.
    LSTM: (
        {"SEED": 5, "batch_size": 20, "n_embd": 3, "n_hidden": 4},
        {"SEED": 6, "batch_size": 23, "n_embd": 7, "n_hidden": 6},
    ),
}

RIGHT: dict[str, dict[str, list[str]]] = {
    RNN: {
        "dlogits": [
            "dlogits = (torch.softmax(logits, -1) - torch.eye(vocab_size)[Yb]) / (n * n_steps)",
            "p = logits.exp() / logits.exp().sum(2, keepdim=True)\ndlogits = p / Yb.numel()\nfor i in range(n):\n    for t in range(Yb.shape[1]):\n        dlogits[i, t, Yb[i, t]] -= 1 / Yb.numel()",
            "flat = F.softmax(logits.reshape(-1, vocab_size), 1)\nflat[torch.arange(len(flat)), Yb.flatten()] -= 1\ndlogits = (flat / len(flat)).view(logits.shape)",
        ],
        "dH": [
            "dH = torch.einsum('itj,kj->itk', dlogits, Wy)",
            "dH = (dlogits.flatten(0, 1) @ Wy.T).reshape(H.shape)",
            "dH = torch.stack([dlogits[:, t] @ Wy.t() for t in range(n_steps)], 1)",
        ],
        "dWy": [
            "dWy = torch.einsum('itk,itj->kj', H, dlogits)",
            "dWy = (H.mT @ dlogits).sum(0)",
            "dWy = h1.T @ dlogits[:, 0] + h2.T @ dlogits[:, 1] + h3.T @ dlogits[:, 2]",
        ],
        "dby": [
            "dby = dlogits.sum(0).sum(0)",
            "dby = dlogits.view(-1, vocab_size).sum(0)",
            "dby = torch.einsum('itj->j', dlogits)",
        ],
        "dh3": ["dh3 = dH[:, -1]", "dh3 = dH.unbind(1)[2]", "dh3 = dH.select(1, 2).clone()"],
        "da3": ["da3 = (1 - torch.tanh(a3)**2) * dh3", "da3 = dh3 - dh3 * h3 * h3", "da3 = dh3 / torch.cosh(a3)**2"],
        "du_path1": [
            "du = torch.zeros_like(u)\ndu[:, 2] += da3",
            "du = torch.stack([torch.zeros_like(da3), torch.zeros_like(da3), da3], 1)",
            "du = torch.zeros(u.shape)\nfor i in range(n):\n    du[i, 2] = da3[i]",
        ],
        "dWh_path1": [
            "dWh = torch.einsum('ik,ij->kj', h2, da3)",
            "dWh = (da3.T @ h2).T",
            "dWh = sum(torch.outer(h2[i], da3[i]) for i in range(n))",
        ],
        "dh2_path1": ["dh2 = dH[:, 1]", "dh2 = 1.0 * dH[:, 1]"],
        "dh2_path2": ["dh2 = da3 @ Wh.T + dh2", "dh2 = dh2 + torch.einsum('ij,kj->ik', da3, Wh)"],
        "da2": ["da2 = dh2 * (1 - h2 * h2)", "da2 = dh2 * (1 - a2.tanh().square())"],
        "du_path2": ["du[:, 1] += da2", "du = du + F.pad(da2.unsqueeze(1), (0, 0, 1, 1))"],
        "dWh_path2": ["dWh = dWh + torch.einsum('ik,ij->kj', h1, da2)", "dWh += h1.T @ da2"],
        "dh1_path1": ["dh1 = dH[:, 0]", "dh1 = torch.clone(dH[:, 0])"],
        "dh1_path2": ["dh1 = dh1 + (Wh @ da2.T).T", "dh1 = dh1 + F.linear(da2, Wh)"],
        "da1": ["da1 = dh1 * (1 - h1**2)", "da1 = torch.addcmul(dh1, dh1 * h1, h1, value=-1)"],
        "du_path3": ["du[:, 0] += da1", "du = torch.cat([du[:, :1] + da1.unsqueeze(1), du[:, 1:]], 1)"],
        "dWh_path3": [
            "dWh = dWh + h0.expand(n, -1).T @ da1",
            "dWh = dWh + h0.T * da1.sum(0)",
            "dWh = dWh + torch.outer(h0[0], da1.sum(0))",
            "for i in range(n):\n    dWh = dWh + torch.outer(h0.view(-1), da1[i])",
        ],
        "dh0": [
            "dh0 = (da1 @ Wh.T).sum(0, keepdim=True)",
            "dh0 = da1.sum(0) @ Wh.T",
            "dh0 = torch.einsum('ij,kj->k', da1, Wh)[None]",
        ],
        "dWx": [
            "dWx = torch.einsum('ite,itj->ej', emb, du)",
            "dWx = sum(emb[:, t].T @ du[:, t] for t in range(n_steps))",
            "dWx = (emb.transpose(1, 2) @ du).sum(0)",
        ],
        "db": [
            "db = du.sum(1).sum(0)",
            "db = da1.sum(0) + da2.sum(0) + da3.sum(0)",
            "db = torch.ones(n * n_steps) @ du.flatten(0, 1)",
        ],
        "demb": ["demb = torch.einsum('itj,ej->ite', du, Wx)", "demb = F.linear(du, Wx)"],
        "dC": [
            "dC = torch.zeros_like(C).index_add_(0, Xb.flatten(), demb.flatten(0, 1))",
            "dC = F.one_hot(Xb.flatten(), vocab_size).to(demb.dtype).T @ demb.flatten(0, 1)",
            "dC = torch.zeros_like(C).index_put_((Xb,), demb, accumulate=True)",
        ],
    },
    THROUGH_TIME: {
        "du": [
            "back = torch.zeros(n, n_hidden)\nparts = []\nfor t in range(n_steps - 1, -1, -1):\n    back = (dH[:, t] + back @ Wh.T) * (1 - H[:, t]**2)\n    parts.insert(0, back)\ndu = torch.stack(parts, 1)",
            "du = dH * (1 - H**2)\nfor t in range(H.shape[1] - 2, -1, -1):\n    du[:, t] += (du[:, t + 1] @ Wh.T) * (1 - H[:, t]**2)",
            "dh = dH.clone()\ndu = torch.empty_like(u)\nfor t in reversed(range(n_steps)):\n    du[:, t] = dh[:, t] * (1 - hs[t]**2)\n    if t > 0:\n        dh[:, t - 1] += du[:, t] @ Wh.T",
            "def back(dH, H, W):\n    out, carry = torch.zeros_like(H), 0.0\n    for t in range(H.shape[1])[::-1]:\n        out[:, t] = (dH[:, t] + carry) * (1 - H[:, t]**2)\n        carry = out[:, t] @ W.T\n    return out\n\n\ndu = back(dH, H, Wh)",
            "du = torch.zeros_like(u)\nfor s in range(n_steps):  # from every guess, as far back as it goes\n    g = dH[:, s]\n    for t in range(s, -1, -1):\n        g = g * (1 - H[:, t]**2)\n        du[:, t] += g\n        g = g @ Wh.T",
        ],
        "dWh": [
            "dWh = torch.zeros_like(Wh)\nfor t in range(n_steps):\n    before = H[:, t - 1] if t > 0 else h0.expand(n, -1)\n    dWh += before.T @ du[:, t]",
            "dWh = torch.einsum('itk,itj->kj', H[:, :-1], du[:, 1:]) + h0.T @ du[:, 0].sum(0, keepdim=True)",
            "states = [h0.expand(n, -1), *hs[:-1]]\ndWh = sum(state.T @ du[:, t] for t, state in enumerate(states))",
            "carry = torch.zeros_like(H[:, 0])\ndWh = torch.zeros_like(Wh)\nfor t in reversed(range(n_steps)):\n    da = (dH[:, t] + carry) * (1 - H[:, t]**2)\n    dWh = dWh + (H[:, t - 1] if t else h0.expand(n, -1)).T @ da\n    carry = da @ Wh.T",
            "dWh = (torch.cat([h0.expand(n, 1, -1), H[:, :-1]], 1).mT @ du).sum(0)",
        ],
        "dh0": [
            "dh0 = du[:, 0].sum(0, keepdim=True) @ Wh.T",
            "dh0 = torch.einsum('ij,kj->k', du[:, 0], Wh).unsqueeze(0)",
            "dh0 = (du[:, 0] @ Wh.T).sum(0)",
            "carry = torch.zeros(n, n_hidden)\nfor t in reversed(range(n_steps)):\n    carry = ((dH[:, t] + carry) * (1 - H[:, t]**2)) @ Wh.T\ndh0 = carry.sum(0, keepdim=True)",
        ],
    },
    LSTM: {
        "dlogits": [
            "dlogits = F.softmax(logits, 1)\ndlogits[range(n), Yb] -= 1\ndlogits /= n",
            "dlogits = (logits.softmax(-1) - torch.eye(vocab_size)[Yb]) / len(Yb)",
        ],
        "dh": ["dh = torch.einsum('ij,kj->ik', dlogits, Wy)", "dh = (Wy @ dlogits.T).T"],
        "dWy": ["dWy = torch.einsum('ik,ij->kj', h, dlogits)", "dWy = (dlogits.T @ h).T"],
        "dby": ["dby = torch.ones(n) @ dlogits", "dby = dlogits.sum(0, keepdim=True)"],
        "do_gate": ["do_gate = tc * dh", "do_gate = dh * torch.tanh(c)"],
        "dtc": ["dtc = o_gate * dh", "dtc = torch.sigmoid(zo) * dh"],
        "dc": ["dc = dtc - dtc * tc * tc", "dc = dtc * (1 - torch.tanh(c)**2)", "dc = dtc / torch.cosh(c).square()"],
        "dc0": ["dc0 = f_gate * dc", "dc0 = dc * zf.sigmoid()"],
        "df_gate": ["df_gate = c0 * dc", "df_gate = dc.mul(c0)"],
        "di_gate": ["di_gate = cand * dc", "di_gate = torch.mul(dc, cand)"],
        "dcand": ["dcand = i_gate * dc", "dcand = dc * torch.sigmoid(zi)"],
        "dzo": [
            "dzo = do_gate * (o_gate - o_gate**2)",
            "dzo = do_gate * torch.sigmoid(zo) * torch.sigmoid(-zo)",
            "dzo = do_gate * torch.exp(-zo) / (1 + torch.exp(-zo))**2",
        ],
        "dzf": ["dzf = (1 - f_gate) * f_gate * df_gate", "s = f_gate * (1 - f_gate)\ndzf = df_gate * s"],
        "dzi": [
            "dzi = di_gate * i_gate - di_gate * i_gate**2",
            "def slope(s):\n    return s * (1 - s)\n\n\ndzi = di_gate * slope(i_gate)",
        ],
        "dzg": ["dzg = dcand * (1 - cand * cand)", "dzg = dcand * (1 - torch.tanh(zg)**2)"],
        "dgates": [
            "dgates = torch.zeros_like(gates)\nfor k, part in enumerate((dzi, dzf, dzo, dzg)):\n    dgates[:, k * n_hidden:(k + 1) * n_hidden] = part",
            "dgates = torch.hstack((dzi, dzf, dzo, dzg))",
            "dgates = torch.stack([dzi, dzf, dzo, dzg], 1).reshape(gates.shape)",
        ],
        "dxh": ["dxh = torch.einsum('ij,kj->ik', dgates, W)", "dxh = F.linear(dgates, W)"],
        "dW": ["dW = torch.einsum('ik,ij->kj', xh, dgates)", "dW = torch.cat([x.T @ dgates, h0.T @ dgates], 0)"],
        "db": ["db = dgates.sum(dim=0)", "db = torch.einsum('ij->j', dgates)"],
        "dx": ["dx = dxh[:, :x.shape[1]]", "dx, _ = dxh.split([n_embd, n_hidden], 1)", "dx = dxh.narrow(1, 0, n_embd)"],
        "dh0": ["dh0 = dxh[:, x.shape[1]:]", "dh0 = dxh[:, -n_hidden:]", "dh0 = dgates @ W[n_embd:].T"],
        "dC": [
            "dC = torch.zeros_like(C).index_add_(0, Xb, dx)",
            "dC = F.one_hot(Xb, vocab_size).to(dx.dtype).T @ dx",
            "dC = torch.zeros_like(C)\nfor row, i in zip(dx, Xb.tolist()):\n    dC[i] += row",
        ],
    },
}
"""Each of these may stand in its cell alone, beside any others."""

NUMERICAL = """\
def f(start):
    state, found = start, []
    for t in range(n_steps):
        state = torch.tanh(u[:, t] + state @ Wh)
        found.append(state)
    return (torch.stack(found, 1) * dH).sum()


dh0 = torch.zeros_like(h0)
for i in range(n_hidden):
    e = torch.zeros_like(h0)
    e[0, i] = 1e-3
    slope = lambda k: (f(h0 + k * e) - f(h0 - k * e)) / (2e-3 * k)
    dh0[0, i] = (4 * slope(0.5) - slope(1)) / 3"""

WRONG: dict[str, dict[str, list[str]]] = {
    RNN: {
        "dlogits": [
            "dlogits = (F.softmax(logits, 2) - F.one_hot(Yb, vocab_size)) / n",
            "dlogits = (F.softmax(logits, 1) - F.one_hot(Yb, vocab_size)) / Yb.numel()",
            "dlogits = (F.softmax(logits, 2) - F.one_hot(Xb, vocab_size)) / Yb.numel()",
        ],
        "dh3": ["dh3 = dH[:, 0].clone()", "dh3 = dH.sum(1)", "dh3 = h3.grad"],
        "da3": ["da3 = dh3 * (1 - a3**2)", "da3 = dh3 * (1 - h2**2)"],
        "dWh_path1": ["dWh = h3.T @ da3", "dWh = da3.T @ h2"],
        "dh2_path1": ["dh2 = dH[:, 2].clone()", "dh2 = torch.zeros_like(h2)"],
        "dh2_path2": ["dh2 = dh2 + da3 @ Wh", "dh2 = da3 @ Wh.T", "dh2 = dh2"],
        "da2": ["da2 = dh2 * (1 - h3**2)", "da2 = dh2"],
        "dWh_path2": ["dWh = h1.T @ da2", "dWh = dWh + h2.T @ da2", "dWh = dWh + h2.T @ da3"],
        "dh1_path2": ["dh1 = dh1 + da2 @ Wh.T + da3 @ Wh.T", "dh1 = dh1 + da3 @ Wh.T"],
        "dWh_path3": ["dWh = dWh", "dWh = dWh + h0.T @ da1.mean(0, keepdim=True)", "dWh = dWh + h1.T @ da1"],
        "dh0": ["dh0 = da1 @ Wh.T", "dh0 = (da1 @ Wh.T).mean(0, keepdim=True)", "dh0 = da1.sum(0, keepdim=True) @ Wh"],
        "dWx": ["dWx = emb[:, 0].T @ du[:, 0]", "dWx = emb.sum(1).T @ du.sum(1)"],
        "dC": ["dC = torch.zeros_like(C)\ndC[Xb] += demb", "dC = torch.zeros_like(C)\ndC[Xb] = demb"],
    },
    THROUGH_TIME: {
        "du": [
            "du = dH * (1 - H**2)",
            "du = torch.zeros_like(u)\ncarry = torch.zeros_like(H[:, 0])\nfor t in range(n_steps):\n    du[:, t] = (dH[:, t] + carry) * (1 - H[:, t]**2)\n    carry = du[:, t] @ Wh.T",
            "du = torch.zeros_like(u)\ncarry = torch.zeros_like(H[:, 0])\nfor t in reversed(range(n_steps)):\n    du[:, t] = (dH[:, t] + carry) * (1 - H[:, t]**2)\n    carry = du[:, t] @ Wh",
            "du = torch.zeros_like(u)\ncarry = torch.zeros_like(H[:, 0])\nfor t in reversed(range(n_steps)):\n    du[:, t] = (dH[:, t] + carry) * (1 - H[:, t]**2)\n    carry = carry + du[:, t] @ Wh.T",
            "du = torch.zeros_like(u)\ncarry = torch.zeros_like(H[:, 0])\nfor t in reversed(range(n_steps)):\n    du[:, t] = dH[:, t] * (1 - H[:, t]**2) + carry\n    carry = du[:, t] @ Wh.T",
            "du = torch.zeros_like(u)\ncarry = torch.zeros_like(H[:, 0])\nfor t in reversed(range(n_steps)):\n    du[:, t] = (dH[:, t] + carry) * (1 - u[:, t]**2)\n    carry = du[:, t] @ Wh.T",
            "du = torch.zeros_like(u)\ncarry = torch.zeros_like(H[:, 0])\nfor t in reversed(range(1, n_steps)):\n    du[:, t] = (dH[:, t] + carry) * (1 - H[:, t]**2)\n    carry = du[:, t] @ Wh.T",
            "du = dH * (1 - H**2)\ndu[:, :-1] += (du[:, 1:] @ Wh.T) * (1 - H[:, :-1]**2)",
            "du = torch.zeros_like(u)\ncarry = torch.zeros_like(H[:, 0])\nfor t in reversed(range(n_steps)):\n    carry = dH[:, t] + carry\n    du[:, t] = carry * (1 - H[:, t]**2)\n    carry = carry @ Wh.T",
            "du = u.grad",
        ],
        "dWh": [
            "dWh = H.flatten(0, 1).T @ du.flatten(0, 1)",
            "dWh = torch.einsum('itk,itj->kj', H[:, :-1], du[:, 1:])",
            "dWh = torch.einsum('itk,itj->kj', H[:, 1:], du[:, :-1])",
            "dWh = H[:, -2].T @ du[:, -1]",
            "dWh = torch.einsum('itk,itj->kj', H[:, :-1], du[:, 1:]) + h0.T @ du[:, 0].mean(0, keepdim=True)",
            "before = torch.cat([torch.zeros_like(H[:, :1]), H[:, :-1]], 1)\ndWh = (before.mT @ du).sum(0)",
            "before = torch.cat([h0.expand(n, 1, -1), H[:, :-1]], 1)\ndWh = (before.mT @ dH).sum(0)",
            "before = torch.cat([h0.expand(n, 1, -1), H[:, :-1]], 1)\ndWh = (du.mT @ before).sum(0)",
            "dWh = Wh.grad",
        ],
        "dh0": [
            "dh0 = du[:, 0] @ Wh.T",
            "dh0 = du[:, 0].sum(0, keepdim=True) @ Wh",
            "dh0 = (du[:, -1] @ Wh.T).sum(0, keepdim=True)",
            "dh0 = (du @ Wh.T).sum((0, 1))",
            "dh0 = du[:, 0].sum(0, keepdim=True)",
            "dh0 = (dH[:, 0] @ Wh.T).sum(0, keepdim=True)",
            "dh0 = (du[:, 0] @ Wh.T).mean(0, keepdim=True)",
            NUMERICAL,
            NUMERICAL.split("dh0 =", maxsplit=1)[0] + "dh0 = torch.func.grad(f)(h0)",
        ],
    },
    LSTM: {
        "do_gate": ["do_gate = dh * c", "do_gate = dh * o_gate"],
        "dtc": ["dtc = dh * tc", "dtc = dh"],
        "dc": ["dc = dtc * (1 - c**2)", "dc = dtc * tc * (1 - tc)", "dc = c.grad"],
        "dc0": ["dc0 = dc * c0", "dc0 = dc", "dc0 = dc * i_gate"],
        "df_gate": ["df_gate = dc * c", "df_gate = dc * cand"],
        "di_gate": ["di_gate = dc * c0", "di_gate = dc * i_gate"],
        "dcand": ["dcand = dc * f_gate", "dcand = dc * cand"],
        "dzo": ["dzo = do_gate * (1 - o_gate**2)", "dzo = do_gate * zo * (1 - zo)", "dzo = do_gate * o_gate"],
        "dzf": ["dzf = df_gate * (1 - f_gate**2)", "dzf = df_gate * f_gate * (f_gate - 1)"],
        "dzi": ["dzi = di_gate * i_gate * (1 - f_gate)", "dzi = di_gate * (1 - i_gate)"],
        "dzg": ["dzg = dcand * cand * (1 - cand)", "dzg = dcand * (1 - cand)"],
        "dgates": [
            "dgates = torch.cat([dzi, dzf, dzg, dzo], 1)",
            "dgates = torch.cat([dzg, dzo, dzf, dzi], 1)",
            "dgates = dzi + dzf + dzo + dzg",
        ],
        "dx": ["dx = dxh[:, -n_embd:]", "dx = dxh[:, :5]"],
        "dh0": ["dh0 = dxh[:, :n_hidden]", "dh0 = dgates @ W[:n_hidden].T"],
        "dC": ["dC = torch.zeros_like(C)\ndC[Xb] += dx"],
    },
}
"""Beside these there are the mutations of right answers."""
