# ruff: noqa: E501
"""Right answers to exercise 1: other ways of writing its solution cells, none of which may lose a mark.

RIGHT holds, for each solution cell, codes that may stand there alone, beside any others. WHOLE holds
notebooks in which several cells, or cells of the student's own, belong together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

RIGHT: dict[str, list[str]] = {
    "dlogprobs": [
        "dlogprobs = -F.one_hot(Yb, num_classes=vocab_size) / n",
        "dlogprobs = F.one_hot(Yb, logprobs.shape[1]).to(logprobs.dtype) * (-1.0 / n)",
        "dlogprobs = torch.zeros(n, vocab_size)\ndlogprobs[torch.arange(n), Yb] = -n**-1",
        "dlogprobs = torch.zeros_like(logprobs).scatter_(1, Yb.view(-1, 1), -1.0 / n)",
        "dlogprobs = torch.zeros_like(logprobs).scatter(1, Yb[:, None], torch.full((n, 1), -1.0 / n))",
        "dlogprobs = torch.zeros_like(logprobs).index_put_((torch.arange(n), Yb), torch.tensor(-1.0 / n))",
        "dlogprobs = torch.zeros_like(logprobs)\nfor i in range(n):\n    dlogprobs[i, Yb[i]] = -1 / n",
        "dlogprobs = torch.zeros_like(logprobs)\nfor i, y in enumerate(Yb.tolist()):\n    dlogprobs[i][y] -= 1 / n",
        "dlogprobs = (torch.arange(logprobs.shape[1]) == Yb.unsqueeze(1)) * (-1.0 / n)",
        "dlogprobs = torch.where(torch.arange(vocab_size)[None] == Yb[:, None], -1.0 / n, 0.0)",
        "dlogprobs = -torch.eye(vocab_size)[Yb] / n",
        "dlogprobs = torch.stack([-torch.eye(vocab_size)[y] / n for y in Yb])",
        "dlogprobs = torch.cat([-F.one_hot(y, vocab_size)[None] / n for y in Yb], dim=0)",
        (
            "import numpy as np\na = np.zeros(tuple(logprobs.shape))\na[np.arange(n), Yb.numpy()] = -1.0 / n\n"
            "dlogprobs = torch.from_numpy(a)"
        ),
        "dlogprobs = torch.zeros(logprobs.shape, dtype=torch.float32)\ndlogprobs[range(n), Yb] = -1.0 / n",
        "dlogprobs = -F.one_hot(Yb, vocab_size).float() / n",
        "dlogprobs = logprobs * 0\ndlogprobs[range(n), Yb] += -1.0 / n",
        "dlogprobs = torch.zeros_like(logprobs)\ndlogprobs[range(len(Yb)), Yb] = -1.0 / len(Yb)",
        "dlogprobs = torch.zeros_like(logprobs)\ndlogprobs.view(-1)[torch.arange(n) * vocab_size + Yb] = -1.0 / Yb.numel()",
        "dlogprobs = torch.tensor([[-1 / n if j == y else 0.0 for j in range(vocab_size)] for y in Yb.tolist()])",
        "dlogprobs = torch.sparse_coo_tensor(torch.stack([torch.arange(n), Yb]), -torch.ones(n) / n, logprobs.shape).to_dense()",
        "%%time\ndlogprobs = torch.zeros_like(logprobs)\ndlogprobs[range(n), Yb] = -1.0 / n",
        "dlogprobs: torch.Tensor = torch.zeros_like(logprobs)\ndlogprobs[range(n), Yb] = -1.0 / batch_size",
        "(dlogprobs := torch.zeros_like(logprobs))[range(n), Yb] = -1.0 / n",
        "dlogprobs = torch.zeros_like(logprobs)\ndlogprobs[range(n), Yb] = torch.tensor(-1.0 / n, dtype=torch.float32)",
        "mask = torch.zeros_like(logprobs, dtype=torch.bool)\nmask[range(n), Yb] = True\n"
        "dlogprobs = torch.zeros_like(logprobs).masked_fill(mask, -1.0 / n)",
    ],
    "dprobs": [
        "dprobs = dlogprobs * (1.0 / probs)",
        "dprobs = (1 / probs) * dlogprobs",
        "dprobs = dlogprobs * probs**-1",
        "dprobs = torch.div(dlogprobs, probs)",
        "dprobs = dlogprobs.clone().div_(probs)",
        "dprobs = dlogprobs * probs.reciprocal()",
        "dprobs = dlogprobs * torch.exp(-logprobs)",
        "dprobs = torch.einsum('ij,ij->ij', dlogprobs, probs.pow(-1))",
        "dprobs = torch.stack([a / p for a, p in zip(dlogprobs, probs)])",
        "dprobs = torch.empty_like(probs)\nfor i in range(probs.shape[0]):\n    dprobs[i] = dlogprobs[i] / probs[i]",
        "dprobs = torch.from_numpy(dlogprobs.numpy() / probs.numpy())",
        "with torch.no_grad():\n    dprobs = dlogprobs / probs",
        "dprobs = (lambda upstream, p: upstream / p)(dlogprobs, probs)",
        "dprobs = (dlogprobs / probs).float()",
        "print(dlogprobs.shape)\ndprobs = dlogprobs / probs\ncmp('probs', dprobs, probs)",
        "%timeit -n1 -r1 dlogprobs / probs\ndprobs = dlogprobs / probs",
        "dprobs = torch.zeros_like(probs)\nat = torch.arange(len(probs))[:, None], torch.arange(probs.shape[1])\n"
        "dprobs[at] = dlogprobs[at] / probs[at]",
        "dprobs = torch.addcdiv(torch.zeros_like(probs), dlogprobs, probs)",
        "dprobs = torch.empty_like(probs)\ntorch.true_divide(dlogprobs, probs, out=dprobs)",
    ],
    "dcounts_sum_inv": [
        "dcounts_sum_inv = (counts * dprobs).sum(dim=1, keepdim=True)",
        "dcounts_sum_inv = torch.sum(counts * dprobs, 1, keepdims=True)",
        "dcounts_sum_inv = (counts * dprobs).sum(-1)[:, None]",
        "dcounts_sum_inv = (counts * dprobs).sum(1).unsqueeze(1)",
        "dcounts_sum_inv = (counts * dprobs).sum(1).view(-1, 1)",
        "dcounts_sum_inv = (counts * dprobs).sum(1).reshape(counts_sum_inv.shape)",
        "dcounts_sum_inv = torch.einsum('ij,ij->i', counts, dprobs).unsqueeze(-1)",
        "dcounts_sum_inv = (counts * dprobs) @ torch.ones(counts.shape[1], 1, dtype=counts.dtype)",
        "dcounts_sum_inv = (counts * dprobs).mean(1, keepdim=True) * counts.shape[1]",
        "dcounts_sum_inv = torch.stack([(c * d).sum() for c, d in zip(counts, dprobs)])[:, None]",
        "dcounts_sum_inv = torch.stack([c.dot(d) for c, d in zip(counts, dprobs)]).reshape(-1, 1)",
        "dcounts_sum_inv = torch.bmm(dprobs[:, None, :], counts[:, :, None]).squeeze(2)",
        "dcounts_sum_inv = (dprobs @ counts.T).diagonal()[:, None]",
        "dcounts_sum_inv = torch.zeros_like(counts_sum_inv)\nfor j in range(counts.shape[1]):\n"
        "    dcounts_sum_inv += dprobs[:, [j]] * counts[:, [j]]",
        "dcounts_sum_inv = torch.tensor([[sum(a * b for a, b in zip(r, s))] for r, s in "
        "zip(dprobs.tolist(), counts.tolist())])",
        "dcounts_sum_inv = torch.linalg.vecdot(dprobs, counts).unsqueeze(1)",
        "dcounts_sum_inv = torch.as_tensor((dprobs.numpy() * counts.numpy()).sum(axis=1, keepdims=True))",
        "dcounts_sum_inv = (counts * dprobs).cumsum(1)[:, -1:]",
        "dcounts_sum_inv = torch.zeros(n, 1).scatter_add_(1, torch.zeros_like(counts, dtype=torch.long), counts * dprobs)",
        "dcounts_sum_inv = sum((counts * dprobs).unbind(1))[:, None]",
        "dcounts_sum_inv = (counts.float() * dprobs.float()).sum(1, keepdim=True)",
    ],
    "dcounts_path1": [
        "dcounts = counts_sum_inv * dprobs",
        "dcounts = dprobs / counts_sum",
        "dcounts = torch.einsum('ij,ik->ij', dprobs, counts_sum_inv)",
        "dcounts = dprobs.clone()\ndcounts *= counts_sum_inv",
        "dcounts = dprobs.clone().mul_(counts_sum_inv)",
        "dcounts = dprobs * counts_sum_inv.expand_as(dprobs)",
        "dcounts = torch.diag(counts_sum_inv.squeeze()) @ dprobs",
        "dcounts = (dprobs.T * counts_sum_inv.view(-1)).T",
        "dcounts = torch.stack([d * s for d, s in zip(dprobs, counts_sum_inv)])",
        "dcounts = torch.zeros_like(counts)\ndcounts += dprobs * counts_sum_inv",
        "import numpy as np\ndcounts = torch.from_numpy(np.multiply(dprobs.numpy(), counts_sum_inv.numpy()))",
        "dcounts = (dprobs * counts_sum_inv).to(torch.float32)",
        "dcounts = dprobs * counts_sum_inv.repeat(1, counts.shape[1])",
    ],
    "dcounts_sum": [
        "dcounts_sum = -dcounts_sum_inv * counts_sum_inv**2",
        "dcounts_sum = -dcounts_sum_inv / counts_sum**2",
        "dcounts_sum = (-counts_sum**-2) * dcounts_sum_inv",
        "dcounts_sum = -dcounts_sum_inv / (counts_sum * counts_sum)",
        "dcounts_sum = dcounts_sum_inv * -1 * counts_sum.pow(-2)",
        "dcounts_sum = -(dcounts_sum_inv * counts_sum_inv * counts_sum_inv)",
        "dcounts_sum = -dcounts_sum_inv.squeeze(1).mul(counts_sum_inv.squeeze(1).square()).unsqueeze(1)",
        "dcounts_sum = dcounts_sum_inv.neg().div(counts_sum).div(counts_sum)",
        "dcounts_sum = torch.tensor([[-d / s**2] for d, s in zip(dcounts_sum_inv.view(-1).tolist(), "
        "counts_sum.view(-1).tolist())])",
        "dcounts_sum = torch.einsum('ij,ij,ij->ij', -dcounts_sum_inv, counts_sum_inv, counts_sum_inv)",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot(counts_sum.numpy())\nplt.show()\n"
        "dcounts_sum = -dcounts_sum_inv * counts_sum_inv**2",
        "dcounts_sum = -1.0 * torch.reciprocal(counts_sum**2) * dcounts_sum_inv",
        "dcounts_sum = -dcounts_sum_inv.numpy() / counts_sum.numpy() ** 2\ndcounts_sum = torch.tensor(dcounts_sum)",
        "dcounts_sum = torch.addcmul(torch.zeros_like(counts_sum), dcounts_sum_inv, counts_sum_inv**2, value=-1)",
        "def square(x):\n    return x * x\n\n\ndcounts_sum = -dcounts_sum_inv * square(counts_sum_inv)",
    ],
    "dcounts_path2": [
        "dcounts += dcounts_sum",
        "dcounts = dcounts + dcounts_sum",
        "dcounts += torch.ones_like(counts) * dcounts_sum",
        "dcounts = dcounts.add(dcounts_sum.expand(-1, counts.shape[1]))",
        "dcounts.add_(dcounts_sum)",
        "dcounts = torch.stack([a + b for a, b in zip(dcounts, dcounts_sum)])",
        "for i in range(n):\n    dcounts[i] += dcounts_sum[i]",
        "dcounts = dcounts + dcounts_sum @ torch.ones(1, counts.shape[1], dtype=dcounts_sum.dtype)",
        "dcounts = torch.add(dcounts, dcounts_sum.repeat(1, vocab_size))",
        "dcounts[:] = dcounts + dcounts_sum",
        "dcounts.copy_(dcounts + dcounts_sum)",
        "dcounts = dcounts_sum.tile(1, vocab_size) + dcounts",
        "path2 = dcounts_sum.broadcast_to(counts.shape)\ndcounts = sum((dcounts, path2))\ndel path2",
        "dcounts = torch.einsum('pij->ij', torch.stack([dcounts, dcounts_sum.expand_as(dcounts).to(dcounts.dtype)]))",
        "dcounts = dprobs * counts_sum_inv + dcounts_sum",
        "dcounts = dcounts + torch.ones_like(counts).mul(dcounts_sum.float())",
    ],
    "dnorm_logits": [
        "dnorm_logits = counts * dcounts",
        "dnorm_logits = dcounts * norm_logits.exp()",
        "dnorm_logits = torch.exp(norm_logits) * dcounts",
        "dnorm_logits = dcounts.mul(counts)",
        "dnorm_logits = dcounts.clone()\ndnorm_logits *= counts",
        "dnorm_logits = torch.einsum('ij,ij->ij', dcounts, counts)",
        "dnorm_logits = torch.from_numpy(dcounts.numpy() * counts.numpy())",
        "import math\ndnorm_logits = dcounts * math.e**norm_logits",
        "dnorm_logits = torch.stack([dcounts[:, j] * counts[:, j] for j in range(counts.shape[1])], dim=1)",
        "dnorm_logits = torch.cat([(dcounts[:, j] * counts[:, j])[:, None] for j in range(counts.shape[1])], 1)",
        "dnorm_logits = (dcounts.flatten() * counts.flatten()).view(counts.shape)",
        "dnorm_logits = dcounts * torch.expm1(norm_logits).add(1)",
        "dnorm_logits = torch.addcmul(torch.zeros_like(counts), dcounts, counts)",
        "dnorm_logits = dcounts.float() * counts.float()",
        "dnorm_logits = (dcounts / counts_sum_inv) * probs",
    ],
    "dlogits_path1": [
        "dlogits = dnorm_logits",
        "dlogits = +dnorm_logits",
        "dlogits = 1 * dnorm_logits",
        "dlogits = dnorm_logits.detach().clone()",
        "dlogits = torch.ones_like(logits) * dnorm_logits",
        "dlogits = torch.zeros_like(logits)\ndlogits += dnorm_logits",
        "import copy\ndlogits = copy.deepcopy(dnorm_logits)",
        "dlogits = torch.empty_like(logits)\ndlogits.copy_(dnorm_logits)",
        "dlogits = torch.from_numpy(dnorm_logits.numpy().copy())",
        "dlogits = dnorm_logits[:]",
        "dlogits = torch.tensor(dnorm_logits.tolist())",
        "dlogits = dnorm_logits.float()",
    ],
    "dlogit_maxes": [
        "dlogit_maxes = -dnorm_logits.sum(1, keepdim=True)",
        "dlogit_maxes = (-dnorm_logits).sum(dim=-1, keepdims=True)",
        "dlogit_maxes = -torch.sum(dnorm_logits, dim=1)[:, None]",
        "dlogit_maxes = dnorm_logits.sum(1, keepdim=True).neg()",
        "dlogit_maxes = -torch.einsum('ij->i', dnorm_logits).view(n, 1)",
        "dlogit_maxes = -dnorm_logits @ torch.ones(vocab_size, 1)",
        "dlogit_maxes = torch.zeros_like(logit_maxes)\nfor j in range(dnorm_logits.shape[1]):\n"
        "    dlogit_maxes -= dnorm_logits[:, j : j + 1]",
        "dlogit_maxes = -dnorm_logits.mean(1, keepdim=True) * vocab_size",
        "dlogit_maxes = torch.stack([-row.sum() for row in dnorm_logits]).unsqueeze(1)",
        "dlogit_maxes = torch.tensor([[-sum(row)] for row in dnorm_logits.tolist()])",
        "dlogit_maxes = torch.as_tensor(-dnorm_logits.numpy().sum(1, keepdims=True))",
        "dlogit_maxes = (0 - dnorm_logits).sum_to_size(n, 1)",
        "dlogit_maxes = torch.zeros(n, 1).index_add(1, torch.zeros(vocab_size, dtype=torch.long), -dnorm_logits)",
        "dlogit_maxes = -dnorm_logits.float().sum(1, keepdim=True)",
    ],
    "dlogits_path2": [
        "dlogits += F.one_hot(logits.max(1).indices, num_classes=logits.shape[1]) * dlogit_maxes",
        "dlogits = dlogits + F.one_hot(logits.argmax(1), vocab_size) * dlogit_maxes",
        "dlogits = dlogits.scatter_add(1, logits.argmax(1, keepdim=True), dlogit_maxes.to(dlogits.dtype))",
        "dlogits = dlogits.clone()\ndlogits[range(n), logits.argmax(1)] += dlogit_maxes.squeeze(1)",
        "dlogits = dlogits.clone().index_put_((torch.arange(n), logits.argmax(1)), dlogit_maxes[:, 0].to(dlogits.dtype), "
        "accumulate=True)",
        "dlogits = dlogits + (logits == logit_maxes) * dlogit_maxes",
        "dlogits = dlogits + (logits == logits.max(1, keepdim=True).values).to(logits.dtype) * dlogit_maxes",
        "dlogits = torch.where(norm_logits == 0, dlogits + dlogit_maxes, dlogits)",
        "tmp = torch.zeros_like(logits)\ntmp[range(n), logits.argmax(1)] = 1\ndlogits = dlogits + tmp * dlogit_maxes",
        "for i, j in enumerate(logits.argmax(1).tolist()):\n    dlogits[i, j] += dlogit_maxes[i, 0]",
        "dlogits = dlogits + torch.eye(vocab_size)[logits.argmax(dim=1)] * dlogit_maxes",
        "dlogits = dlogits + torch.diag(dlogit_maxes.view(-1)) @ F.one_hot(logits.argmax(1), vocab_size).to(dlogit_maxes.dtype)",
        "dlogits = dlogits.clone()\nrow = torch.arange(dlogits.shape[0])\ncol = logits.max(1)[1]\n"
        "dlogits[row, col] = dlogits[row, col] + dlogit_maxes.flatten().to(dlogits.dtype)",
        "dlogits = dlogits + torch.zeros_like(logits).scatter_(1, logits.topk(1).indices, dlogit_maxes)",
        "a = dlogits.numpy().copy()\na[list(range(n)), logits.numpy().argmax(1)] += dlogit_maxes.numpy()[:, 0]\n"
        "dlogits = torch.from_numpy(a)",
        "dlogits = dlogits + (logits == logit_maxes).float() * dlogit_maxes",
        "dlogits = dlogits  # softmax does not see a shift, so this path adds up to zero",
        # The whole of the cross-entropy at once.
        "dlogits = F.softmax(logits, 1)\ndlogits[range(n), Yb] -= 1\ndlogits /= n",
        "dlogits = (probs - F.one_hot(Yb, vocab_size)) / n",
        "dlogits = (torch.softmax(logits, dim=-1) - torch.eye(vocab_size)[Yb]) / batch_size",
        "dlogits = logprobs.exp().index_put((torch.arange(n), Yb), torch.tensor(-1.0), accumulate=True).div(n)",
    ],
    "dh": [
        "dh = torch.matmul(dlogits, W2.T)",
        "dh = dlogits @ W2.t()",
        "dh = dlogits.mm(W2.transpose(0, 1))",
        "dh = (W2 @ dlogits.T).T",
        "dh = torch.einsum('ik,jk->ij', dlogits, W2)",
        "dh = F.linear(dlogits, W2)",
        "dh = (dlogits[:, None, :] * W2[None, :, :]).sum(2)",
        "dh = torch.stack([W2 @ row for row in dlogits])",
        "dh = torch.zeros_like(h)\nfor k in range(W2.shape[1]):\n    dh += torch.outer(dlogits[:, k], W2[:, k])",
        "dh = torch.from_numpy(dlogits.numpy() @ W2.numpy().T)",
        "dh = torch.tensordot(dlogits, W2, dims=([1], [1]))",
        "dh = torch.inner(dlogits, W2)",
        "dh = torch.addmm(torch.zeros_like(h), dlogits, W2.T)",
        "dh = sum(dlogits[:, [k]] * W2[:, k] for k in range(vocab_size))",
        "dh = dlogits.float() @ W2.float().T",
        "W = W2.T\nupstream = dlogits\ndh = upstream @ W\ndel W, upstream",
        "dh = torch.bmm(dlogits.unsqueeze(0), W2.T.unsqueeze(0)).squeeze(0)",
    ],
    "dW2": [
        "dW2 = torch.matmul(h.T, dlogits)",
        "dW2 = h.t().mm(dlogits)",
        "dW2 = (dlogits.T @ h).T",
        "dW2 = torch.einsum('ij,ik->jk', h, dlogits)",
        "dW2 = (h[:, :, None] * dlogits[:, None, :]).sum(0)",
        "dW2 = sum(torch.outer(a, b) for a, b in zip(h, dlogits))",
        "dW2 = torch.zeros_like(W2)\nfor i in range(n):\n    dW2 += h[i].unsqueeze(1) * dlogits[i]",
        "dW2 = torch.tensordot(h, dlogits, dims=([0], [0]))",
        "dW2 = torch.stack([h.T @ dlogits[:, k] for k in range(W2.shape[1])], dim=1)",
        "dW2 = torch.from_numpy(h.numpy().T @ dlogits.numpy())",
        "dW2 = torch.linalg.multi_dot([h.T, torch.eye(n), dlogits])",
        "dW2 = torch.bmm(h.unsqueeze(2), dlogits.unsqueeze(1)).mean(0) * n",
        "dW2 = F.linear(h.T, dlogits.T)",
        "dW2 = h.float().T @ dlogits.float()",
        "dW2 = torch.empty_like(W2)\ntorch.mm(h.T, dlogits, out=dW2)",
        "dW2 = h.T @ dlogits.float()",
        "dW2 = torch.baddbmm(torch.zeros_like(W2)[None], h.T[None], dlogits[None])[0]",
    ],
    "db2": [
        "db2 = dlogits.sum(dim=0)",
        "db2 = torch.sum(dlogits, 0)",
        "db2 = dlogits.sum(0, keepdim=True)",
        "db2 = dlogits.sum(0, keepdim=True).squeeze(0)",
        "db2 = torch.ones(n) @ dlogits",
        "db2 = torch.einsum('ij->j', dlogits)",
        "db2 = dlogits.mean(0) * n",
        "db2 = sum(dlogits)",
        "db2 = torch.zeros_like(b2)\nfor row in dlogits:\n    db2 += row",
        "db2 = dlogits.T.sum(-1)",
        "db2 = torch.stack([dlogits[:, k].sum() for k in range(dlogits.shape[1])])",
        "db2 = torch.from_numpy(dlogits.numpy().sum(axis=0))",
        "db2 = dlogits.sum_to_size(b2.shape)",
        "db2 = dlogits.cumsum(0)[-1]",
        "db2 = dlogits.sum(0, dtype=torch.float32)",
        "db2 = torch.zeros_like(b2).index_add_(0, torch.arange(vocab_size).repeat(n), dlogits.reshape(-1))",
        "db2 = (torch.ones(1, n) @ dlogits).flatten()",
    ],
    "dhpreact": [
        "dhpreact = (1.0 - h**2) * dh",
        "dhpreact = dh * (1 - h * h)",
        "dhpreact = dh * (1 - torch.tanh(hpreact) ** 2)",
        "dhpreact = dh / torch.cosh(hpreact) ** 2",
        "dhpreact = dh * 1 / torch.cosh(hpreact).square()",
        "dhpreact = (1 - h) * (1 + h) * dh",
        "dhpreact = dh - dh * h**2",
        "dhpreact = dh.clone()\ndhpreact *= 1 - h.pow(2)",
        "dhpreact = torch.from_numpy((1 - h.numpy() ** 2) * dh.numpy())",
        "import numpy as np\ndhpreact = torch.from_numpy((1 - np.square(h.numpy())) * dh.numpy())",
        "dhpreact = torch.einsum('ij,ij->ij', dh, 1 - h.square())",
        "s = torch.sigmoid(2 * hpreact)\ndhpreact = dh * 4 * s * (1 - s)",
        "e = torch.exp(-2 * hpreact)\ndhpreact = dh * 4 * e / (1 + e) ** 2",
        "dhpreact = torch.stack([(1 - a**2) * b for a, b in zip(h, dh)])",
        "def dtanh(y):\n    return 1 - y**2\n\n\ndhpreact = dh * dtanh(h)",
        "dhpreact = dh.float() * (1 - h.float() ** 2)",
        "dhpreact = torch.addcmul(dh, dh, h * h, value=-1)",
    ],
    "dbngain": [
        "dbngain = (bnraw * dhpreact).sum(0, keepdim=True)",
        "dbngain = (bnraw * dhpreact).sum(0)",
        "dbngain = torch.einsum('ij,ij->j', bnraw, dhpreact)",
        "dbngain = torch.einsum('ij,ij->j', bnraw, dhpreact)[None, :]",
        "dbngain = (bnraw * dhpreact).sum(0).unsqueeze(0)",
        "dbngain = (bnraw * dhpreact).mean(0, keepdim=True) * n",
        "dbngain = torch.ones(1, n) @ (bnraw * dhpreact)",
        "dbngain = (bnraw.T @ dhpreact).diagonal()[None]",
        "dbngain = torch.zeros_like(bngain)\nfor i in range(n):\n    dbngain += bnraw[i] * dhpreact[i]",
        "dbngain = torch.stack([bnraw[:, j] @ dhpreact[:, j] for j in range(bnraw.shape[1])]).view(1, -1)",
        "dbngain = torch.from_numpy((bnraw.numpy() * dhpreact.numpy()).sum(0, keepdims=True))",
        "dbngain = torch.sum(dhpreact.mul(bnraw), dim=0).reshape(bngain.shape)",
        "dbngain = (dhpreact * bnraw).float().sum(0, keepdim=True)",
        "dbngain = (dhpreact * (bndiff * bnvar_inv)).sum(0, keepdim=True)",
        "dbngain = ((hpreact - bnbias) / bngain * dhpreact).sum(0, keepdim=True)",
    ],
    "dbnraw": [
        "dbnraw = bngain * dhpreact",
        "dbnraw = dhpreact.mul(bngain)",
        "dbnraw = torch.einsum('ij,kj->ij', dhpreact, bngain)",
        "dbnraw = dhpreact @ torch.diag(bngain.squeeze())",
        "dbnraw = dhpreact.clone()\ndbnraw *= bngain",
        "dbnraw = dhpreact * bngain.expand_as(dhpreact)",
        "dbnraw = torch.stack([row * bngain[0] for row in dhpreact])",
        "dbnraw = torch.ones_like(bnraw) * bngain * dhpreact",
        "dbnraw = torch.from_numpy(dhpreact.numpy() * bngain.numpy())",
        "dbnraw = dhpreact * bngain.repeat(n, 1)",
        "dbnraw = torch.cat([dhpreact[:, j : j + 1] * bngain[0, j] for j in range(bngain.shape[1])], dim=1)",
        "dbnraw = torch.lerp(torch.zeros_like(dhpreact), dhpreact, bngain)",
        "dbnraw = (dhpreact * bngain).type(torch.float32)",
    ],
    "dbnbias": [
        "dbnbias = dhpreact.sum(0)",
        "dbnbias = dhpreact.sum(dim=0, keepdims=True)",
        "dbnbias = torch.sum(dhpreact, 0, True)",
        "dbnbias = dhpreact.sum(0)[None, :]",
        "dbnbias = torch.ones(1, n) @ dhpreact",
        "dbnbias = torch.einsum('ij->j', dhpreact)",
        "dbnbias = n * dhpreact.mean(0, keepdim=True)",
        "dbnbias = torch.zeros_like(bnbias)\nfor row in dhpreact:\n    dbnbias += row",
        "dbnbias = sum(dhpreact).reshape(1, -1)",
        "dbnbias = torch.from_numpy(dhpreact.numpy().sum(0, keepdims=True))",
        "dbnbias = torch.stack(list(dhpreact)).sum(0).view_as(bnbias)",
        "dbnbias = dhpreact.float().sum(0, keepdim=True)",
        "import functools\nimport operator\ndbnbias = functools.reduce(operator.add, dhpreact).unsqueeze(0)",
        "dbnbias = torch.zeros_like(bnbias).index_add_(0, torch.zeros(n, dtype=torch.long), dhpreact)",
        "dbnbias = dhpreact.float()\ndbnbias = torch.zeros_like(bnbias).index_add_(0, torch.zeros(n, dtype=torch.long), dbnbias)",
    ],
    "dbndiff_path1": [
        "dbndiff = bnvar_inv * dbnraw",
        "dbndiff = dbnraw.mul(bnvar_inv)",
        "dbndiff = torch.einsum('ij,kj->ij', dbnraw, bnvar_inv)",
        "dbndiff = dbnraw / (bnvar + 1e-5) ** 0.5",
        "dbndiff = dbnraw / torch.sqrt(bnvar + 1e-5)",
        "dbndiff = dbnraw * torch.rsqrt(bnvar + 1e-5)",
        "dbndiff = dbnraw.clone()\ndbndiff *= bnvar_inv",
        "dbndiff = dbnraw @ torch.diag(bnvar_inv.view(-1))",
        "dbndiff = torch.from_numpy(dbnraw.numpy() * bnvar_inv.numpy())",
        "dbndiff = torch.stack([row * bnvar_inv.flatten() for row in dbnraw])",
        "dbndiff = (dbnraw * bnvar_inv).float()",
        "dbndiff = torch.zeros_like(bndiff)\ndbndiff += bnvar_inv * dbnraw",
    ],
    "dbnvar_inv": [
        "dbnvar_inv = (bndiff * dbnraw).sum(0, keepdim=True)",
        "dbnvar_inv = (bndiff * dbnraw).sum(0)",
        "dbnvar_inv = torch.einsum('ij,ij->j', bndiff, dbnraw)[None]",
        "dbnvar_inv = (bndiff * dbnraw).sum(axis=0).view(1, -1)",
        "dbnvar_inv = torch.ones(1, n) @ (bndiff * dbnraw)",
        "dbnvar_inv = torch.diag(bndiff.T @ dbnraw).unsqueeze(0)",
        "dbnvar_inv = sum(a * b for a, b in zip(bndiff, dbnraw))",
        "dbnvar_inv = torch.from_numpy((bndiff.numpy() * dbnraw.numpy()).sum(0)).view(bnvar_inv.shape)",
        "dbnvar_inv = torch.zeros_like(bnvar_inv)\nfor i in range(n):\n    dbnvar_inv[0] += bndiff[i] * dbnraw[i]",
        "dbnvar_inv = torch.mean(bndiff * dbnraw, 0, keepdim=True) * bndiff.shape[0]",
        "dbnvar_inv = ((hprebn - bnmeani) * dbnraw).sum(0, keepdim=True)",
        "dbnvar_inv = (bndiff * dbnraw).sum(0, keepdim=True).to(dtype=torch.float32)",
        "dbnvar_inv = torch.linalg.vecdot(bndiff, dbnraw, dim=0)",
    ],
    "dbnvar": [
        "dbnvar = -0.5 * (bnvar + 1e-5) ** -1.5 * dbnvar_inv",
        "dbnvar = -0.5 * dbnvar_inv * bnvar_inv**3",
        "dbnvar = dbnvar_inv * -0.5 * bnvar_inv * bnvar_inv * bnvar_inv",
        "dbnvar = -dbnvar_inv * bnvar_inv**3 / 2",
        "dbnvar = -0.5 * dbnvar_inv / (bnvar + 1e-5) ** (3 / 2)",
        "dbnvar = -0.5 * dbnvar_inv / ((bnvar + 1e-5) * torch.sqrt(bnvar + 1e-5))",
        "dbnvar = -0.5 * dbnvar_inv * torch.rsqrt(bnvar + 1e-5) / (bnvar + 1e-5)",
        "dbnvar = dbnvar_inv * bnvar_inv.pow(3).mul(-0.5)",
        "dbnvar = (dbnvar_inv.squeeze() * -0.5 * (bnvar.squeeze() + 1e-5) ** -1.5)[None]",
        "eps = 1e-5\ndbnvar = dbnvar_inv * -((bnvar + eps) ** -1.5) / 2",
        "dbnvar = torch.from_numpy(dbnvar_inv.numpy() * -0.5 * (bnvar.numpy() + 1e-5) ** -1.5)",
        "dbnvar = torch.tensor([[-0.5 * d * (v + 1e-5) ** -1.5 for d, v in zip(dbnvar_inv[0].tolist(), bnvar[0].tolist())]])",
        "dbnvar = -0.5 * dbnvar_inv * torch.exp(-1.5 * torch.log(bnvar + 1e-5))",
        "dbnvar = (-0.5 * bnvar_inv**3 * dbnvar_inv).float()",
        "dbnvar = -0.5 * dbnvar_inv * bnvar_inv / (bnvar + 10**-5)",
        "dbnvar = dbnvar_inv * (-0.5 * (bnvar.to(torch.float32) + 1e-5) ** -1.5)",
    ],
    "dbndiff2": [
        "dbndiff2 = torch.ones_like(bndiff2) * dbnvar / (n - 1)",
        "dbndiff2 = dbnvar.expand_as(bndiff2) / (n - 1)",
        "dbndiff2 = dbnvar / (n - 1)",
        "dbndiff2 = dbnvar.squeeze() / (n - 1)",
        "dbndiff2 = dbnvar.repeat(n, 1) * (1 / (n - 1))",
        "dbndiff2 = torch.ones(n, 1) @ dbnvar / (n - 1)",
        "dbndiff2 = torch.full_like(bndiff2, 1 / (n - 1)) * dbnvar",
        "dbndiff2 = torch.zeros_like(bndiff2) + dbnvar / (n - 1)",
        "dbndiff2 = (n - 1) ** -1 * dbnvar.broadcast_to(bndiff2.shape).clone()",
        "dbndiff2 = torch.cat([dbnvar] * n) / (n - 1)",
        "dbndiff2 = torch.stack([dbnvar[0] / (n - 1) for _ in range(n)])",
        "dbndiff2 = torch.einsum('i,kj->ij', torch.ones(n) / (n - 1), dbnvar)",
        "dbndiff2 = torch.empty_like(bndiff2)\nfor i in range(n):\n    dbndiff2[i] = dbnvar / (n - 1)",
        "dbndiff2 = torch.empty_like(bndiff2).copy_(dbnvar).div_(bndiff2.shape[0] - 1)",
        "import numpy as np\ndbndiff2 = torch.from_numpy(np.ones(tuple(bndiff2.shape)) * dbnvar.numpy() / (n - 1))",
        "dbndiff2 = dbnvar.float().expand(n, -1) / (n - 1)",
        "dbndiff2 = dbnvar * torch.ones(n, 1) / (Xb.shape[0] - 1)",
        "dbndiff2 = torch.tensor(1 / (n - 1), dtype=torch.float32) * torch.ones_like(bndiff2) * dbnvar",
        "import numpy as np\ndbndiff2 = dbnvar * torch.ones_like(bndiff2) * np.float32(1 / (n - 1))",
    ],
    "dbndiff_path2": [
        "dbndiff += 2 * bndiff * dbndiff2",
        "dbndiff = dbndiff + 2 * bndiff * dbndiff2",
        "dbndiff += (2 * bndiff) * dbndiff2",
        "dbndiff = dbndiff + dbndiff2 * bndiff + bndiff * dbndiff2",
        "dbndiff = dbnraw * bnvar_inv + 2 * bndiff * dbndiff2",
        "dbndiff = torch.addcmul(dbndiff, bndiff.to(dbndiff.dtype), dbndiff2.to(dbndiff.dtype), value=2)",
        "dbndiff.add_(bndiff * dbndiff2, alpha=2)",
        "dbndiff = torch.einsum('pij->ij', torch.stack((dbndiff.to(bndiff.dtype), 2 * bndiff * dbndiff2)))",
        "dbndiff = dbndiff + 2.0 * (bndiff * dbndiff2)",
        "dbndiff = dbndiff + bndiff.mul(2).mul(dbndiff2)",
        "for i in range(n):\n    dbndiff[i] += 2 * bndiff[i] * dbndiff2[i]",
        "dbndiff = torch.from_numpy(dbndiff.numpy() + 2 * bndiff.numpy() * dbndiff2.numpy())",
        "extra = bndiff + bndiff\nextra *= dbndiff2\ndbndiff = dbndiff + extra",
        "dbndiff = (dbndiff + 2 * bndiff * dbndiff2).float()",
        "dbndiff = dbndiff + dbndiff2 * 2 * (hprebn - bnmeani)",
    ],
    "dhprebn_path1": [
        "dhprebn = dbndiff",
        "dhprebn = dbndiff * 1.0",
        "dhprebn = torch.clone(dbndiff)",
        "dhprebn = torch.zeros_like(hprebn)\ndhprebn += dbndiff",
        "dhprebn = torch.ones_like(hprebn) * dbndiff",
        "dhprebn = dbndiff + 0",
        "dhprebn = torch.from_numpy(dbndiff.numpy()).clone()",
        "dhprebn = dbndiff.view(hprebn.shape)",
        "dhprebn = dbndiff.to(torch.float32)",
        "dhprebn = torch.eye(n, dtype=dbndiff.dtype) @ dbndiff",
    ],
    "dbnmeani": [
        "dbnmeani = -dbndiff.sum(0, keepdim=True)",
        "dbnmeani = -dbndiff.sum(0)",
        "dbnmeani = (-torch.ones_like(bndiff) * dbndiff).sum(0, keepdim=True)",
        "dbnmeani = -torch.einsum('ij->j', dbndiff)[None, :]",
        "dbnmeani = -torch.ones(1, n) @ dbndiff",
        "dbnmeani = -n * dbndiff.mean(0, keepdim=True)",
        "dbnmeani = torch.zeros_like(bnmeani)\nfor row in dbndiff:\n    dbnmeani -= row",
        "dbnmeani = torch.from_numpy(-dbndiff.numpy().sum(0, keepdims=True))",
        "dbnmeani = (-1) * sum(dbndiff).unsqueeze(0)",
        "dbnmeani = torch.neg(torch.sum(dbndiff, dim=0)).view_as(bnmeani)",
        "dbnmeani = -dbndiff.float().sum(0, keepdim=True)",
        "dbnmeani = dbndiff.sum(0, keepdim=True).mul_(-1)",
        "dbnmeani = (0.0 - dbndiff).sum_to_size(bnmeani.shape)",
    ],
    "dhprebn_path2": [
        "dhprebn += dbnmeani / n",
        "dhprebn = dhprebn + dbnmeani / n",
        "dhprebn = dhprebn + 1 / n * torch.ones_like(hprebn) * dbnmeani",
        "dhprebn += torch.ones_like(hprebn) / n * dbnmeani",
        "dhprebn = dhprebn + dbnmeani.expand(n, -1) / n",
        "dhprebn = dhprebn + dbnmeani.repeat(n, 1) / n",
        "dhprebn = torch.add(dhprebn, dbnmeani, alpha=1 / n)",
        "dhprebn = torch.stack([row + dbnmeani[0] / n for row in dhprebn])",
        "dhprebn.add_(dbnmeani / n)",
        "for i in range(n):\n    dhprebn[i] += dbnmeani.squeeze() / n",
        "dhprebn = dhprebn + torch.full((n, 1), 1 / n) @ dbnmeani",
        "dhprebn = torch.from_numpy(dhprebn.numpy() + dbnmeani.numpy() / n)",
        "dhprebn = dbndiff + dbnmeani / hprebn.shape[0]",
        "dhprebn = dbndiff - dbndiff.mean(0, keepdim=True)",
        "dhprebn = (dhprebn + dbnmeani / n).float()",
        "dhprebn = dhprebn + dbnmeani * torch.tensor(1 / n).float()",
        # The whole of BatchNorm at once.
        "dhprebn = bngain * bnvar_inv / n * (n * dhpreact - dhpreact.sum(0) - n / (n - 1) * bnraw * (dhpreact * bnraw).sum(0))",
        "g_ = dhpreact * bngain\ndhprebn = bnvar_inv * (g_ - g_.mean(0) - bnraw * (g_ * bnraw).sum(0) / (n - 1))",
    ],
    "dembcat": [
        "dembcat = torch.matmul(dhprebn, W1.T)",
        "dembcat = dhprebn @ W1.transpose(1, 0)",
        "dembcat = (W1 @ dhprebn.T).T",
        "dembcat = torch.einsum('ij,kj->ik', dhprebn, W1)",
        "dembcat = F.linear(dhprebn, W1)",
        "dembcat = (dhprebn.unsqueeze(1) * W1.unsqueeze(0)).sum(-1)",
        "dembcat = torch.stack([W1 @ row for row in dhprebn])",
        "dembcat = torch.zeros_like(embcat)\nfor j in range(W1.shape[1]):\n    dembcat += dhprebn[:, [j]] * W1[:, j]",
        "dembcat = torch.from_numpy(dhprebn.numpy() @ W1.numpy().T)",
        "dembcat = dhprebn.mm(W1.t())",
        "dembcat = torch.inner(dhprebn, W1)",
        "dembcat = dhprebn.float() @ W1.T.float()",
        "dembcat = torch.tensordot(dhprebn, W1, ([1], [1]))",
    ],
    "dW1": [
        "dW1 = torch.matmul(embcat.T, dhprebn)",
        "dW1 = embcat.t() @ dhprebn",
        "dW1 = (dhprebn.T @ embcat).T",
        "dW1 = torch.einsum('ik,ij->kj', embcat, dhprebn)",
        "dW1 = emb.view(emb.shape[0], -1).T @ dhprebn",
        "dW1 = emb.reshape(n, -1).mT @ dhprebn",
        "dW1 = sum(torch.outer(a, b) for a, b in zip(embcat, dhprebn))",
        "dW1 = torch.zeros_like(W1)\nfor i in range(embcat.shape[0]):\n    dW1 += embcat[i][:, None] @ dhprebn[i][None]",
        "dW1 = (embcat[:, :, None] * dhprebn[:, None, :]).sum(0)",
        "dW1 = torch.from_numpy(embcat.numpy().T @ dhprebn.numpy())",
        "dW1 = torch.stack([(col[:, None] * dhprebn).sum(0) for col in embcat.T])",
        "dW1 = torch.cat([torch.einsum('id,ij->dj', emb[:, t], dhprebn) for t in range(block_size)])",
        "dW1 = embcat.float().T @ dhprebn",
        "dW1 = torch.addmm(torch.zeros_like(W1), embcat.T, dhprebn)",
    ],
    "db1": [
        "db1 = dhprebn.sum(dim=0)",
        "db1 = torch.sum(dhprebn, 0)",
        "db1 = dhprebn.sum(0, keepdim=True)",
        "db1 = dhprebn.sum(0, keepdim=True).view(-1)",
        "db1 = torch.ones(n) @ dhprebn",
        "db1 = torch.einsum('ij->j', dhprebn)",
        "db1 = n * dhprebn.mean(0)",
        "db1 = torch.zeros_like(b1)\nfor row in dhprebn:\n    db1 += row",
        "db1 = sum(dhprebn)",
        "db1 = torch.from_numpy(dhprebn.numpy().sum(0))",
        "db1 = torch.stack([dhprebn[:, j].sum() for j in range(dhprebn.shape[1])])",
        "db1 = dhprebn.float().sum(0)",
        "db1 = torch.tensor([sum(column) for column in zip(*dhprebn.tolist())])",
        "db1 = torch.trapezoid(dhprebn, dim=0) + (dhprebn[0] + dhprebn[-1]) / 2",
    ],
    "demb": [
        "demb = dembcat.reshape(emb.shape)",
        "demb = dembcat.view(n, block_size, n_embd)",
        "demb = dembcat.view(emb.shape[0], emb.shape[1], -1)",
        "demb = dembcat.view_as(emb)",
        "demb = dembcat.unflatten(1, emb.shape[1:])",
        "demb = torch.stack(dembcat.split(n_embd, dim=1), dim=1)",
        "demb = torch.stack(torch.chunk(dembcat, block_size, 1)).transpose(0, 1)",
        "demb = dembcat.clone().view(*emb.shape)",
        "demb = torch.from_numpy(dembcat.numpy().reshape(tuple(emb.shape)))",
        "demb = torch.empty_like(emb)\nfor t in range(block_size):\n    demb[:, t] = dembcat[:, t * n_embd : (t + 1) * n_embd]",
        "demb = dembcat.reshape(-1, block_size, n_embd)",
        "demb = dembcat.float().view(emb.shape)",
        "demb = torch.tensor(dembcat.tolist()).view(emb.size())",
        "demb = torch.cat([part.unsqueeze(1) for part in dembcat.split(emb.shape[2], 1)], 1)",
    ],
    "dC": [
        "dC = torch.zeros_like(C).index_add_(0, Xb.view(-1), demb.reshape(-1, demb.shape[2]))",
        "dC = torch.zeros_like(C)\ndC.index_put_((Xb,), demb, accumulate=True)",
        "dC = torch.zeros_like(C).index_add(0, Xb.flatten(), demb.flatten(0, 1))",
        "dC = torch.zeros_like(C).scatter_add_(0, Xb.reshape(-1, 1).expand(-1, C.shape[1]), demb.reshape(-1, C.shape[1]))",
        "dC = F.one_hot(Xb, vocab_size).view(-1, vocab_size).to(demb.dtype).T @ demb.reshape(-1, demb.shape[-1])",
        "dC = torch.einsum('ntv,ntd->vd', F.one_hot(Xb, len(C)).to(demb.dtype), demb)",
        "dC = torch.zeros_like(C)\nfor k in range(Xb.shape[0]):\n    for j in range(Xb.shape[1]):\n"
        "        ix = Xb[k, j]\n        dC[ix] += demb[k, j]",
        "dC = torch.stack([demb[Xb == v].sum(0) for v in range(vocab_size)])",
        "dC = torch.zeros_like(C)\nfor row, grads in zip(Xb.tolist(), demb):\n    for v, grad in zip(row, grads):\n"
        "        dC[v] = dC[v] + grad",
        "import numpy as np\na = np.zeros(tuple(C.shape))\nnp.add.at(a, Xb.numpy(), demb.numpy())\ndC = torch.from_numpy(a)",
        "from collections import defaultdict\nrows = defaultdict(lambda: torch.zeros(n_embd))\nfor i in range(n):\n"
        "    for j in range(block_size):\n        rows[int(Xb[i, j])] += demb[i, j]\n"
        "dC = torch.stack([rows[v] for v in range(vocab_size)])",
        "dC = torch.zeros(C.shape, dtype=torch.float32)\nfor i in range(Xb.shape[0]):\n    for j in range(Xb.shape[1]):\n"
        "        dC[Xb[i, j]] += demb[i, j]",
        "dC = torch.zeros_like(C)\nfor t in range(block_size):\n    dC.index_add_(0, Xb[:, t], demb[:, t].contiguous())",
        "dC = sum(F.one_hot(Xb[:, t], vocab_size).to(demb.dtype).T @ demb[:, t] for t in range(Xb.shape[1]))",
        "import torch.nn.functional as fn\nhot = fn.one_hot(Xb.ravel(), num_classes=C.size(0))\n"
        "dC = torch.matmul(hot.T.type_as(demb), demb.contiguous().view(-1, C.size(1)))",
        "order = Xb.view(-1).argsort()\nflat = demb.reshape(-1, n_embd)[order]\nends = torch.bincount(Xb.view(-1), "
        "minlength=vocab_size).cumsum(0)\nsums = torch.cat([torch.zeros(1, n_embd), flat.cumsum(0)])\n"
        "dC = sums[ends].diff(dim=0, prepend=torch.zeros(1, n_embd))",
        "dC = torch.zeros_like(C)\ndC.view(-1).put_((Xb[..., None] * n_embd + torch.arange(n_embd)).view(-1), demb.reshape(-1), "
        "accumulate=True)",
    ],
}


@dataclass(frozen=True)
class Whole:
    """Cells that belong together. cells: by grade_id. before, after: cells of the student's own beside one of these."""

    name: str
    cells: dict[str, str]
    before: dict[str, list[str]] = field(default_factory=dict)
    after: dict[str, list[str]] = field(default_factory=dict)


EVERY_STEP = """
dlogprobs = torch.zeros_like(logprobs)
dlogprobs[range(n), Yb] = -1.0/n
dprobs = (1.0 / probs) * dlogprobs
dcounts_sum_inv = (counts * dprobs).sum(1, keepdim=True)
dcounts = counts_sum_inv * dprobs
dcounts_sum = (-counts_sum**-2) * dcounts_sum_inv
dcounts += torch.ones_like(counts) * dcounts_sum
dnorm_logits = counts * dcounts
dlogits = dnorm_logits.clone()
dlogit_maxes = (-dnorm_logits).sum(1, keepdim=True)
dlogits += F.one_hot(logits.max(1).indices, num_classes=logits.shape[1]) * dlogit_maxes
dh = dlogits @ W2.T
dW2 = h.T @ dlogits
db2 = dlogits.sum(0)
dhpreact = (1.0 - h**2) * dh
dbngain = (bnraw * dhpreact).sum(0, keepdim=True)
dbnraw = bngain * dhpreact
dbnbias = dhpreact.sum(0, keepdim=True)
dbndiff = bnvar_inv * dbnraw
dbnvar_inv = (bndiff * dbnraw).sum(0, keepdim=True)
dbnvar = (-0.5*(bnvar + 1e-5)**-1.5) * dbnvar_inv
dbndiff2 = (1.0/(n-1))*torch.ones_like(bndiff2) * dbnvar
dbndiff += (2*bndiff) * dbndiff2
dhprebn = dbndiff.clone()
dbnmeani = (-dbndiff).sum(0)
dhprebn += 1.0/n * (torch.ones_like(hprebn) * dbnmeani)
dembcat = dhprebn @ W1.T
dW1 = embcat.T @ dhprebn
db1 = dhprebn.sum(0)
demb = dembcat.view(emb.shape)
dC = torch.zeros_like(C)
for k in range(Xb.shape[0]):
    for j in range(Xb.shape[1]):
        ix = Xb[k,j]
        dC[ix] += demb[k,j]
""".strip()

SCRATCH_AUTOGRAD = """
leaves = [t.clone().requires_grad_() for t in (W2, b2)]
with torch.enable_grad():
    again = F.cross_entropy(h @ leaves[0] + leaves[1], Yb)
    again.backward()
print(leaves[0].grad.shape, leaves[1].grad.abs().max())
""".strip()

WHOLE: list[Whole] = [
    Whole("all in one cell", dict.fromkeys(RIGHT, "") | {"dlogprobs": EVERY_STEP}),
    Whole("all in one timed cell", dict.fromkeys(RIGHT, "") | {"dlogprobs": "%%time\n" + EVERY_STEP}),
    Whole(
        "all in one cell under no_grad",
        dict.fromkeys(RIGHT, "")
        | {"dlogprobs": "with torch.no_grad():\n" + "\n".join("    " + line for line in EVERY_STEP.splitlines())},
    ),
    Whole("all in an extra cell before", dict.fromkeys(RIGHT, ""), before={"dlogprobs": [EVERY_STEP]}),
    Whole("stubs filled after the extra cell", dict.fromkeys(RIGHT, "pass"), before={"dlogprobs": [EVERY_STEP]}),
    Whole(
        "a class with a method a step",
        {
            "dlogprobs": "dlogprobs = Back.pick(logprobs, Yb)",
            "dprobs": "dprobs = Back.log(dlogprobs, probs)",
            "dhpreact": "dhpreact = Back.tanh(dh, h)",
            "dbnbias": "dbnbias = Back.rows(dhpreact)",
            "db1": "db1 = Back.rows(dhprebn)[0]",
            "db2": "db2 = Back.rows(dlogits)",
            "dW1": "dembcat, dW1 = Back.matmul(dhprebn, embcat, W1)",
            "dW2": "_, dW2 = Back.matmul(dlogits, h, W2)",
        },
        before={
            "dlogprobs": [
                "class Back:\n"
                "    @staticmethod\n    def pick(x, y):\n        return -F.one_hot(y, x.shape[1]) / len(x)\n\n"
                "    @staticmethod\n    def log(g, x):\n        return g / x\n\n"
                "    @staticmethod\n    def tanh(g, y):\n        return g * (1 - y**2)\n\n"
                "    @staticmethod\n    def rows(g):\n        return g.sum(0, keepdim=True)\n\n"
                "    @staticmethod\n    def matmul(g, a, b):\n        return g @ b.T, a.T @ g\n"
            ]
        },
    ),
    Whole(
        "helper functions in a cell of their own, another import, a plot",
        {
            "dcounts_sum_inv": "dcounts_sum_inv = unbroadcast(dprobs * counts, counts_sum_inv)",
            "dlogit_maxes": "dlogit_maxes = unbroadcast(-dnorm_logits, logit_maxes)",
            "db2": "db2 = unbroadcast(dlogits, b2)",
            "dbngain": "dbngain = unbroadcast(dhpreact * bnraw, bngain)",
            "dbnvar_inv": "dbnvar_inv = unbroadcast(dbnraw * bndiff, bnvar_inv)",
            "dbnmeani": "dbnmeani = unbroadcast(-dbndiff, bnmeani)",
            "db1": "db1 = unbroadcast(dhprebn, b1)",
        },
        before={
            "dprobs": [
                "from dataclasses import dataclass\n\nimport matplotlib.pyplot as plt\nimport numpy as np\n\n\n"
                "def unbroadcast(grad, like):\n    while grad.dim() > like.dim():\n        grad = grad.sum(0)\n"
                "    for d, size in enumerate(like.shape):\n        if size == 1:\n"
                "            grad = grad.sum(d, keepdim=True)\n    return grad\n",
                "plt.figure()\nplt.hist(h.numpy().ravel(), 50)\nplt.title('tanh')\nplt.show()",
            ]
        },
    ),
    Whole(
        "two d-variables in one assignment",
        {"dh": "dh, dW2 = dlogits @ W2.T, h.T @ dlogits", "dW2": ""},
    ),
    Whole(
        "chained assignment for both paths' first part",
        {
            "dlogits_path1": "dlogits = first = dnorm_logits.clone()",
            "dhprebn_path1": "dhprebn = kept = dbndiff.clone()",
        },
    ),
    Whole(
        "the first path left for later",
        {
            "dcounts_path1": "dcounts = None",
            "dcounts_path2": "dcounts = dprobs * counts_sum_inv + dcounts_sum",
            "dlogits_path1": "pass",
            "dlogits_path2": "dlogits = dnorm_logits + F.one_hot(logits.argmax(1), vocab_size) * dlogit_maxes",
            "dbndiff_path1": "# see below",
            "dbndiff_path2": "dbndiff = dbnraw * bnvar_inv + 2 * bndiff * dbndiff2",
            "dhprebn_path1": "",
            "dhprebn_path2": "dhprebn = dbndiff + dbnmeani / n",
        },
    ),
    Whole(
        "paths under names of their own",
        {
            "dcounts_path1": "dcounts_1 = dprobs * counts_sum_inv\ndcounts = dcounts_1",
            "dcounts_path2": "dcounts_2 = dcounts_sum.expand_as(counts)\ndcounts = dcounts_1 + dcounts_2",
            "dbndiff_path1": "through_raw = dbnraw * bnvar_inv",
            "dbndiff_path2": "through_square = dbndiff2 * 2 * bndiff\ndbndiff = through_raw + through_square",
            "dhprebn_path1": "parts = [dbndiff]",
            "dhprebn_path2": "parts.append(dbnmeani.expand(n, -1) / n)\ndhprebn = sum(parts)",
        },
    ),
    Whole(
        "numpy throughout",
        {
            "dprobs": "dprobs = torch.from_numpy(np.divide(dlogprobs.numpy(), probs.numpy()))",
            "dcounts_sum": "dcounts_sum = torch.from_numpy(-dcounts_sum_inv.numpy() * counts_sum.numpy() ** -2.0)",
            "dW2": "dW2 = torch.tensor(np.dot(h.numpy().T, dlogits.numpy()))",
            "db2": "db2 = torch.from_numpy(np.sum(dlogits.numpy(), axis=0))",
            "dW1": "dW1 = torch.from_numpy(np.einsum('ij,ik->jk', embcat.numpy(), dhprebn.numpy()))",
        },
        before={"dlogprobs": ["import numpy as np"]},
    ),
    Whole(
        "the graph looked at, in the step's own cell",
        {
            "dhpreact": "print(h.grad_fn, type(hpreact.grad_fn))\nprint(f'{loss.grad_fn}')\nh.grad_fn\ndhpreact = dh * (1 - h**2)"
        },
    ),
    Whole(
        "autograd to compare, in the step's own cell",
        {
            "dh": "dh = dlogits @ W2.T\nwith torch.enable_grad():\n    x = h.clone().requires_grad_()\n"
            "    F.cross_entropy(x @ W2 + b2, Yb).backward()\nprint((dh - x.grad).abs().max())",
            "dW2": "with torch.enable_grad():\n    w = W2.clone().requires_grad_()\n"
            "    want = torch.autograd.grad(F.cross_entropy(h @ w + b2, Yb), w)[0]\n"
            "dW2 = h.T @ dlogits\nprint(torch.allclose(dW2, want))",
        },
    ),
    Whole(
        "commands of the shell, in steps' own cells",
        {
            "dh": "!ls\ndh = dlogits @ W2.T",
            "dW2": "files = !ls\nprint(len(files))\ndW2 = h.T @ dlogits",
            "db2": "%pip list\ndb2 = dlogits.sum(0)",
        },
    ),
    Whole(
        "what looks at frames of its own accord, in steps' own cells",
        {
            "dC": "import gc\nimport warnings\nwarnings.warn('slow')\ngc.collect()\n" + RIGHT["dC"][0],
            "dh": "import logging\nlogging.warning('here')\ndh = dlogits @ W2.T",
            "dW2": "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()\n"
            "    print(traceback.format_exc())\ndW2 = h.T @ dlogits",
            "db2": "import collections\nPoint = collections.namedtuple('Point', 'x y')\ndb2 = Point(dlogits.sum(0), 0).x",
            "dbngain": "import dataclasses\n\n\n@dataclasses.dataclass\nclass Node:\n    grad: torch.Tensor\n\n\n"
            "dbngain = Node((dhpreact * bnraw).sum(0, keepdim=True)).grad",
            "dbnraw": "import inspect\nprint(inspect.signature(torch.nn.Linear))\ndbnraw = dhpreact * bngain",
            "dbnbias": "import pdb\nimport time\nstart = time.perf_counter()\ndbnbias = dhpreact.sum(0)\nprint(time.perf_counter() - start)",
            "demb": "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()\ndemb = dembcat.view(emb.shape)",
        },
    ),
    Whole("autograd in a scratch cell to compare", {}, after={"db2": [SCRATCH_AUTOGRAD]}),
    Whole("autograd in a scratch cell before everything", {}, before={"dlogprobs": [SCRATCH_AUTOGRAD]}),
    Whole(
        "a .grad read in a scratch cell",
        {},
        after={"dprobs": ["print(probs.grad[0, :5])\nprint((dprobs - probs.grad).abs().max())"]},
    ),
    Whole(
        "cmp in cells of one's own",
        {},
        after={"dh": ["print(cmp('h', dh, h))\ncmp_all(('h', dh, h), ('W2', dlogits, W2))"], "dC": ["dC"]},
    ),
    Whole(
        "cells that raise, loop a little, and print much",
        {},
        before={"dbnraw": ["1 / 0", "for _ in range(2000):\n    print('.')", "undefined_name", "this is not Python"]},
    ),
    Whole(
        "magics and shell lines",
        {},
        before={"dprobs": ["%matplotlib inline\n%time sum(range(10))", "%%capture\nprint('hidden')", "%who"]},
    ),
    Whole(
        "names of the exercise's own modules used for other things",
        {"dbnraw": "dbnraw = dhpreact * bngain\ng = 3\np = 4\nix = 5\ni = j = k = 6"},
        before={"dprobs": ["words = fan_in = n1 = n2 = None\ncontext = 'a'"]},
    ),
    Whole(
        "temporaries deleted, others renamed",
        {
            "dW1": "upstream = dhprebn\nx = embcat\ndW1 = x.T @ upstream\ndel x, upstream",
            "dhpreact": "t = h\nlocal = 1 - t**2\ndhpreact = local * dh\ndel t, local",
        },
    ),
    Whole(
        "everything fused that can be",
        {
            "dlogits_path1": "dlogits = probs.clone()",
            "dlogits_path2": "dlogits[range(n), Yb] -= 1\ndlogits /= n",
            "dhprebn_path1": "",
            "dhprebn_path2": (
                "dhprebn = bngain * bnvar_inv / n * (n * dhpreact - dhpreact.sum(0) - "
                "n / (n - 1) * bnraw * (dhpreact * bnraw).sum(0))"
            ),
        },
    ),
    Whole(
        "float32 in every second step",
        {
            "dlogprobs": "dlogprobs = -F.one_hot(Yb, vocab_size).float() / n",
            "dcounts_path1": "dcounts = (dprobs * counts_sum_inv).float()",
            "dlogits_path1": "dlogits = dnorm_logits.float()",
            "dhpreact": "dhpreact = dh.float() * (1 - h.float() ** 2)",
            "dbndiff_path1": "dbndiff = dbnraw.float() * bnvar_inv.float()",
            "dhprebn_path1": "dhprebn = dbndiff.float()",
            "dembcat": "dembcat = dhprebn.float() @ W1.float().T",
            "dC": "dC = torch.zeros(C.shape, dtype=torch.float32)\nfor i in range(Xb.shape[0]):\n"
            "    for j in range(Xb.shape[1]):\n        dC[Xb[i, j]] += demb[i, j]",
        },
    ),
    Whole(
        "default dtype set by hand",
        {},
        before={"dlogprobs": ["torch.set_default_dtype(torch.float32)\ntorch.manual_seed(0)"]},
    ),
    Whole(
        "grad mode switched on by the student",
        {},
        before={"dlogprobs": ["torch.set_grad_enabled(True)"]},
    ),
    Whole(
        "alias where nothing is changed afterwards",
        {
            "dlogits_path1": "dlogits = dnorm_logits",
            "dlogits_path2": "dlogits += F.one_hot(logits.argmax(1), vocab_size) * dlogit_maxes",
            "dhprebn_path1": "dhprebn = dbndiff",
            "dhprebn_path2": "dhprebn += dbnmeani / n",
        },
    ),
]
