# ruff: noqa: E501
"""Right and wrong answers to the assignment `convolution`."""

from __future__ import annotations

RELU, CONVOLUTION = "1_relu_net", "2_convolution"

SIZES: dict[str, tuple[dict[str, int], ...]] = {
    RELU: (
        {"SEED": 5, "batch_size": 7, "n_inputs": 5, "n_hidden": 4},
        {"SEED": 6, "batch_size": 11, "n_inputs": 6, "n_hidden": 9},
    ),
    CONVOLUTION: (
        {"SEED": 5, "batch_size": 4, "size": 6, "n_filters": 5},
        {"SEED": 6, "batch_size": 5, "size": 10, "n_filters": 6},
    ),
}

RIGHT: dict[str, dict[str, list[str]]] = {
    RELU: {
        "dlogp": [
            "dlogp = -F.one_hot(Yb, n_classes) / n",
            "dlogp = torch.zeros_like(logp).scatter_(1, Yb[:, None], -1.0 / n)",
            "dlogp = torch.zeros_like(logp)\nfor i in range(n):\n    dlogp[i, Yb[i]] = -1 / len(Yb)",
        ],
        "dz2": [
            "dz2 = dlogp - F.softmax(z2, 1) * dlogp.sum(1, keepdim=True)",
            "p = torch.exp(logp)\ndz2 = dlogp - torch.einsum('ij,ik->ij', p, dlogp)",
            "e = z2.exp()\ndz2 = dlogp - e / e.sum(1, keepdim=True) * dlogp.sum(1)[:, None]",
            "dz2 = torch.stack([d - F.softmax(z, 0) * d.sum() for d, z in zip(dlogp, z2)])",
        ],
        "dh": ["dh = torch.einsum('ij,kj->ik', dz2, W2)", "dh = F.linear(dz2, W2)"],
        "dW2_path1": [
            "dW2 = torch.einsum('ik,ij->kj', h, dz2)",
            "dW2 = (dz2.T @ h).T",
            "dW2 = h.T @ dz2 + decay * W2 - decay * W2",
        ],
        "dW2_path2": ["dW2 = dW2 + 0.5 * decay * 2 * W2", "dW2 += W2 * decay", "dW2 = torch.add(dW2, W2, alpha=decay)"],
        "db2": ["db2 = dz2.sum(0, keepdim=True)", "db2 = torch.ones(n) @ dz2"],
        "dz1": [
            "dz1 = dh * (h > 0)",
            "dz1 = torch.where(z1 > 0, dh, 0)",
            "dz1 = dh.clone()\ndz1[z1 <= 0] = 0",
            "dz1 = dh.masked_fill(z1 < 0, 0.0)",
            "dz1 = dh * torch.sign(h)",
            "dz1 = dh * torch.heaviside(z1, torch.zeros(()))",
        ],
        "dW1_path1": [
            "dW1 = torch.einsum('ik,ij->kj', x, dz1)",
            "dW1 = sum(torch.outer(x[i], dz1[i]) for i in range(n))",
        ],
        "dW1_path2": ["dW1 = dW1 + W1 * decay", "dW1 = dW1 + decay / 2 * (W1 + W1)"],
        "db1": ["db1 = dz1.sum(dim=0)", "db1 = torch.einsum('ij->j', dz1)"],
    },
    CONVOLUTION: {
        "dlogits": [
            "dlogits = logits.softmax(1)\ndlogits[torch.arange(n), Yb] -= 1\ndlogits /= n",
            "dlogits = (torch.softmax(logits, -1) - torch.eye(n_classes)[Yb]) / len(images)",
        ],
        "dkept": ["dkept = F.linear(dlogits, W)", "dkept = torch.einsum('ij,kj->ik', dlogits, W)"],
        "dW_path1": ["dW = torch.einsum('ik,ij->kj', kept, dlogits)", "dW = (dlogits.T @ kept).T"],
        "dW_path2": ["dW = decay * W + dW", "dW = dW + 2 * W * (decay / 2)"],
        "db": ["db = dlogits.sum(dim=0)", "db = dlogits.sum(0, keepdim=True)"],
        "dflat": [
            "dflat = mask * dkept",
            "dflat = torch.where(mask > 0, dkept / (1 - drop), 0)",
            "dflat = dkept * (mask > 0) / (1 - drop)",
        ],
        "dh": ["dh = dflat.reshape(n, n_filters, half, half)", "dh = dflat.unflatten(1, h.shape[1:])"],
        "dpooled": [
            "dpooled = dh * (h > 0)",
            "dpooled = torch.where(pooled > 0, dh, torch.zeros_like(dh))",
            "dpooled = dh.clone()\ndpooled[pooled < 0] = 0",
        ],
        "dwindows": [
            "dwindows = (windows == pooled.unsqueeze(4)) * dpooled.unsqueeze(4)",
            "dwindows = torch.zeros_like(windows).scatter_(4, windows.argmax(4, keepdim=True), dpooled[..., None])",
            "best = windows.max(4, keepdim=True).values\ndwindows = torch.where(windows == best, dpooled.unsqueeze(-1), 0)",
        ],
        "dsquare": [
            "dsquare = dwindows.view(n, n_filters, half, half, pool, pool).transpose(3, 4)",
            "dsquare = torch.zeros_like(square)\nfor a in range(pool):\n    for c in range(pool):\n        dsquare[:, :, :, a, :, c] = dwindows[..., a * pool + c]",
            "dsquare = dwindows.reshape(*windows.shape[:4], pool, pool).swapaxes(3, 4).contiguous()",
        ],
        "dmaps": [
            "dmaps = dsquare.contiguous().view(maps.shape)",
            "dmaps = dsquare.flatten(2)",
            "dmaps = dsquare.reshape(n, n_filters, -1)",
        ],
        "dK_path1": [
            "dK = torch.einsum('ifp,iqp->fq', dmaps, cols)",
            "dK = sum(dmaps[i] @ cols[i].T for i in range(n))",
            "dK = dmaps.transpose(0, 1).flatten(1) @ cols.transpose(0, 1).flatten(1).T",
        ],
        "dK_path2": ["dK = dK + K * decay", "dK = torch.add(dK, K, alpha=decay)"],
        "dbk": [
            "dbk = dmaps.sum((0, 2)).unsqueeze(1)",
            "dbk = torch.einsum('ifp->f', dmaps)[:, None]",
            "dbk = dmaps.sum((0, 2), keepdim=True)[0]",
        ],
        "dcols": [
            "dcols = torch.einsum('fq,ifp->iqp', K, dmaps)",
            "dcols = torch.stack([K.T @ each for each in dmaps])",
        ],
        "dimages": [
            "dimages = F.fold(dcols, images.shape[-2:], kernel_size=k)",
            "dimages = torch.zeros_like(images)\nfor q in range(k * k):\n    for p in range(side * side):\n        dimages[:, 0, p // side + q // k, p % side + q % k] += dcols[:, q, p]",
            "dimages = torch.zeros_like(images)\nfor a in range(k):\n    for c in range(k):\n        dimages[:, 0, a:a + side, c:c + side] += dcols[:, a * k + c].view(n, side, side)",
            "dimages = F.conv_transpose2d(dmaps.reshape(n, n_filters, side, side), K.view(n_filters, 1, k, k))",
        ],
    },
}
"""Each of these may stand in its cell alone, beside any others."""

WRONG: dict[str, dict[str, list[str]]] = {
    RELU: {
        "dz2": [
            "dz2 = F.softmax(z2, 1) * (1 - F.softmax(z2, 1)) * dlogp",
            "dz2 = dlogp - logp * dlogp.sum(1, keepdim=True)",
            "dz2 = dlogp - logp.exp() * dlogp.sum(0, keepdim=True)",
            "dz2 = dlogp / z2",
        ],
        "dW2_path2": ["dW2 = dW2", "dW2 = decay * W2", "dW2 = dW2 + 2 * decay * W2", "dW2 = dW2 + decay * W2**2"],
        "dW1_path2": ["dW1 = dW1", "dW1 = dW1 + 0.1 * 0.5 * W1", "dW1 = dW1 - decay * W1"],
        "dz1": [
            "dz1 = dh * (dh > 0)",
            "dz1 = torch.relu(dh)",
            "dz1 = dh * h",
            "dz1 = dh * (z1 < 0)",
            "dz1 = dh * (1 - h**2)",
            "dz1 = dh",
            "dz1 = z1.grad",
        ],
    },
    CONVOLUTION: {
        "dW_path2": ["dW = dW", "dW = dW + 2 * decay * W"],
        "dK_path2": ["dK = dK", "dK = dK + decay * K.sum()"],
        "dflat": [
            "dflat = dkept * (mask > 0)",
            "dflat = dkept",
            "dflat = dkept * (torch.rand(mask.shape) >= drop) / (1 - drop)",
            "dflat = dkept / mask",
        ],
        "dh": ["dh = dflat.view(n, half, half, n_filters).permute(0, 3, 1, 2)"],
        "dpooled": ["dpooled = dh * (dh > 0)", "dpooled = dh * pooled", "dpooled = dh"],
        "dwindows": [
            "dwindows = dpooled.unsqueeze(4) / 4",
            "dwindows = dpooled.unsqueeze(4).expand_as(windows)",
            "dwindows = (windows == windows.max()) * dpooled.unsqueeze(4)",
            "dwindows = (windows == windows.min(4, keepdim=True).values) * dpooled.unsqueeze(4)",
            "dwindows = (windows > 0) * dpooled.unsqueeze(4)",
        ],
        "dsquare": [
            "dsquare = dwindows.reshape(square.shape)",
            "dsquare = dwindows.unflatten(4, (pool, pool)).permute(0, 1, 2, 5, 3, 4)",
            "dsquare = dwindows.unflatten(4, (pool, pool)).transpose(2, 3)",
        ],
        "dmaps": ["dmaps = dsquare.permute(0, 1, 2, 4, 3, 5).reshape(maps.shape)"],
        "dK_path1": [
            "dK = dmaps[0] @ cols[0].T",
            "dK = (dmaps @ cols.mT).mean(0)",
            "dK = dmaps.sum(0) @ cols.sum(0).T",
        ],
        "dbk": [
            "dbk = dmaps.sum((1, 2))",
            "dbk = dmaps.mean((0, 2)).unsqueeze(1)",
            "dbk = dmaps.sum(2)[0].unsqueeze(1)",
        ],
        "dimages": [
            "dimages = dcols.sum(1).view(n, 1, side, side)",
            "dimages = F.fold(dcols, (size, size), k) / F.fold(torch.ones_like(dcols), (size, size), k)",
            "dimages = torch.zeros_like(images)\nfor q in range(k * k):\n    for p in range(side * side):\n        dimages[:, 0, p // side + q // k, p % side + q % k] = dcols[:, q, p]",
            "dimages = torch.zeros_like(images)\nfor q in range(k * k):\n    for p in range(side * side):\n        dimages[:, 0, p % side + q % k, p // side + q // k] += dcols[:, q, p]",
            "dimages = F.fold(dcols, (8, 8), 3)",
        ],
    },
}
"""Beside these there are the mutations of right answers."""
