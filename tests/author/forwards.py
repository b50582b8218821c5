"""Forward passes that courses teach, each as an author would write it: setup, then one step a line.

The number is how many solution cells `autograder new` leaves as gaps.
"""

ATTENTION = """\
import math
import torch
import torch.nn.functional as F

B = 3
T = 4
D = 6
H = 5
g = torch.Generator().manual_seed(1)
idx = torch.randint(0, 7, (B, T), generator=g)
C = torch.randn((7, D), generator=g)
P = torch.randn((T, D), generator=g)
Wq = torch.randn((D, H), generator=g)
Wk = torch.randn((D, H), generator=g)
Wv = torch.randn((D, H), generator=g)
Wo = torch.randn((H, 7), generator=g)
for p in [C, P, Wq, Wk, Wv, Wo]:
    p.requires_grad_()
tril = torch.tril(torch.ones(T, T))
target = torch.randint(0, 7, (B * T,), generator=g)

# embedding and position
x = C[idx] + P
q = x @ Wq
k = x @ Wk
v = x @ Wv
scores = q @ k.transpose(-2, -1) / math.sqrt(H)
masked = scores.masked_fill(tril == 0, float('-inf'))
att = F.softmax(masked, dim=-1)
out = att @ v
logits = out @ Wo
loss = F.cross_entropy(logits.view(B * T, -1), target)
"""

HEADS = """\
import torch

SEED = 3
B = 2
T = 4
heads = 2
size = 3
g = torch.Generator().manual_seed(SEED)
D = heads * size
x = torch.randn((B, T, D), generator=g)
Wqkv = torch.randn((D, 3 * D), generator=g, requires_grad=True)
gain = torch.randn(D, generator=g, requires_grad=True)
bias = torch.randn(D, generator=g, requires_grad=True)
goal = torch.randn((B, T, D), generator=g)

qkv = x @ Wqkv
q, k, v = qkv.chunk(3, -1)
qh = q.view(B, T, heads, size).transpose(1, 2)
kh = k.view(B, T, heads, size).transpose(1, 2)
vh = v.view(B, T, heads, size).transpose(1, 2)
att = (qh @ kh.mT * size**-0.5).softmax(-1)
oh = att @ vh
o = oh.transpose(1, 2).reshape(B, T, D)
res = x + o
mean = res.mean(-1, keepdim=True)
var = res.var(-1, keepdim=True, unbiased=False)
norm = (res - mean) * (var + 1e-5).rsqrt()
y = norm * gain + bias
loss = ((y - goal)**2).mean()
"""

RECURRENT = """\
import torch

SEED = 5
B = 3
T = 4
D = 2
H = 5
g = torch.Generator().manual_seed(SEED)
x = torch.randn((B, T, D), generator=g)
Wx = torch.randn((D, H), generator=g, requires_grad=True)
Wh = torch.randn((H, H), generator=g, requires_grad=True)
Wy = torch.randn((H, 1), generator=g, requires_grad=True)
h0 = torch.zeros((B, H))

h = h0 @ Wh
for t in range(T):
    h = torch.tanh(x[:, t] @ Wx + h @ Wh)
y = h @ Wy
loss = (y**2).mean()
"""

LSTM_CELL = """\
import torch

n = 4
d = 3
m = 5
g = torch.Generator().manual_seed(11)
x = torch.randn((n, d), generator=g)
h = torch.randn((n, m), generator=g, requires_grad=True)
c = torch.randn((n, m), generator=g, requires_grad=True)
W = torch.randn((d + m, 4 * m), generator=g, requires_grad=True)
b = torch.randn(4 * m, generator=g, requires_grad=True)

xh = torch.cat([x, h], 1)
gates = xh @ W + b
i, f, o, u = gates.split(m, dim=1)
si = i.sigmoid()
sf = torch.sigmoid(f)
so = torch.sigmoid(o)
tu = u.tanh()
c1 = sf * c + si * tu
h1 = so * c1.tanh()
loss = h1.square().sum()
"""

CONVOLUTION = """\
import torch
import torch.nn.functional as F

SEED = 8
n = 2
side = 6
k = 3  # fixed
channels = 4
g = torch.Generator().manual_seed(SEED)
x = torch.randn((n, 1, side, side), generator=g)
W = torch.randn((k * k, channels), generator=g, requires_grad=True)
b = torch.randn(channels, generator=g, requires_grad=True)
keep = (torch.rand((n, channels), generator=g) < 0.8) / 0.8
w2 = torch.randn((channels, 1), generator=g, requires_grad=True)
columns = F.unfold(x, k).transpose(1, 2)
y = torch.randn((n, 1), generator=g)

z = columns @ W + b
r = z.clamp(min=0)
pooled = r.amax(1)
dropped = pooled * keep
out = dropped @ w2
fit = ((out - y)**2).mean()
decay = 0.01 * (W**2).sum()
loss = fit + decay
"""

LOGISTIC = """\
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

torch.manual_seed(0)
n, d = 6, 3
x = torch.randn(n, d)
y = (torch.rand(n) < 0.5).to(x)
w = torch.randn(d, requires_grad=True)
b = torch.zeros((), requires_grad=True)

z = x @ w + b
loss = -(y * z.sigmoid().log() + (1 - y) * (1 - z.sigmoid()).log()).mean()
"""

IN_A_DICT = """\
import torch

SEED = 1
n = 4
d = 3
m = 5
g = torch.Generator().manual_seed(SEED)
x = torch.randn((n, d), generator=g)
params = {name: torch.randn(shape, generator=g, requires_grad=True) for name, shape in (("W", (d, m)), ("b", (m,)))}

h = torch.relu(x @ params["W"] + params["b"])
top = torch.topk(h, 2, dim=1)
best = top.values
loss = torch.logsumexp(best, 1).sum()
"""

SCALARS = """\
import torch

SEED = 2
g = torch.Generator().manual_seed(SEED)
a = torch.randn((), generator=g, requires_grad=True)
b = torch.randn((), generator=g, requires_grad=True)
c = torch.randn((), generator=g, requires_grad=True)

e = a * b
d = e + c
f = d.tanh()
loss = f * a
"""

CONTRASTIVE = """\
import torch

SEED = 2
n = 5
d = 4
g = torch.Generator().manual_seed(SEED)
one = torch.randn((n, d), generator=g, requires_grad=True)
two = torch.randn((n, d), generator=g, requires_grad=True)

length = (one**2).sum(1, keepdim=True).sqrt()
unit = one / length
other = two / two.norm(dim=1, keepdim=True)
similar = torch.einsum('id,jd->ij', unit, other)
picked = similar.log_softmax(1).gather(1, torch.arange(n)[:, None])
loss = -picked.mean()
"""

KALEIDOSCOPE = """\
import torch

SEED = 6
n = 4
d = 6
g = torch.Generator().manual_seed(SEED)
x = torch.randn((n, d), generator=g, requires_grad=True)
y = torch.rand((n, d), generator=g, requires_grad=True)

s = torch.stack([x, y], 1)
t = torch.where(s > 0, s, 0.1 * s)
u = t.permute(1, 0, 2).flatten(1)
v = u.cumsum(1).unsqueeze(0).expand(3, 2, n * d)
w = v.max(2).values + v.min(dim=2)[0]
z = torch.exp(-w.abs() / 10) + w.std(1, keepdim=True)
loss = z.sum()
"""

LSTM = """\
import torch

SEED = 5
B = 3
T = 4
D = 2
H = 5
g = torch.Generator().manual_seed(SEED)
x = torch.randn((B, T, D), generator=g)
W = torch.randn((D + H, 4 * H), generator=g, requires_grad=True)
b = torch.randn(4 * H, generator=g, requires_grad=True)
h0 = torch.randn((B, H), generator=g, requires_grad=True)
c0 = torch.randn((B, H), generator=g, requires_grad=True)
Wy = torch.randn((H, 1), generator=g, requires_grad=True)
goal = torch.randn((B, T, 1), generator=g)

h, c = h0, c0
hs = []
for t in range(T):
    gates = torch.cat([x[:, t], h], 1) @ W + b
    i, f, o, n = gates.chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * n.tanh()
    h = o.sigmoid() * torch.tanh(c)
    hs.append(h)
hidden = torch.stack(hs, 1)
y = hidden @ Wy
loss = ((y - goal)**2).mean()
"""

LANGUAGE_MODEL = """\
import torch
import torch.nn.functional as F

SEED = 5
B = 3
T = 4
D = 2
H = 5
V = 6
g = torch.Generator().manual_seed(SEED)
idx = torch.randint(0, V, (B, T), generator=g)
goal = torch.randint(0, V, (B, T), generator=g)
C = torch.randn((V, D), generator=g, requires_grad=True)
Wx = torch.randn((D, H), generator=g, requires_grad=True)
Wh = torch.randn((H, H), generator=g, requires_grad=True)
b = torch.randn(H, generator=g, requires_grad=True)
Wy = torch.randn((H, V), generator=g, requires_grad=True)

x = C[idx]
h = torch.zeros((B, H))
total = torch.zeros(())
for xt, target in zip(x.unbind(1), goal.unbind(1)):
    h = torch.tanh(xt @ Wx + h @ Wh + b)
    total += F.cross_entropy(h @ Wy, target)
loss = total / T
"""

RESIDUAL_LAYERS = """\
import torch

SEED = 5
n = 3
L = 3
D = 4
g = torch.Generator().manual_seed(SEED)
x = torch.randn((n, D), generator=g)
E = torch.randn((D, D), generator=g, requires_grad=True)
W = torch.randn((L, D, D), generator=g, requires_grad=True)
b = torch.randn((L, D), generator=g, requires_grad=True)

e = x @ E
h = e
for layer in range(L):
    a = torch.relu(h @ W[layer] + b[layer])
    h = h + a
loss = (h**2).mean()
"""

LIST_OF_LAYERS = """\
import torch

SEED = 5
n = 3
D = 4
g = torch.Generator().manual_seed(SEED)
x = torch.randn((n, D), generator=g)
Ws = [torch.randn((D, D), generator=g, requires_grad=True) for _ in range(3)]
bs = [torch.randn(D, generator=g, requires_grad=True) for _ in range(3)]

h = x
for W, b in zip(Ws, bs):
    h = torch.tanh(h @ W + b)
loss = (h**2).mean()
"""

FORWARDS = {
    "attention": (ATTENTION, 0),
    "heads": (HEADS, 0),
    "recurrent": (RECURRENT, 0),
    "lstm": (LSTM, 0),
    "language_model": (LANGUAGE_MODEL, 1),
    "residual_layers": (RESIDUAL_LAYERS, 0),
    "list_of_layers": (LIST_OF_LAYERS, 0),
    "lstm_cell": (LSTM_CELL, 0),
    "convolution": (CONVOLUTION, 0),
    "logistic": (LOGISTIC, 0),
    "in_a_dict": (IN_A_DICT, 0),
    "scalars": (SCALARS, 0),
    "contrastive": (CONTRASTIVE, 0),
    "kaleidoscope": (KALEIDOSCOPE, 0),
}
