# ruff: noqa: E501
"""Wrong answers to exercise 1 written by hand: what a mutation does not find, and ways to cheat."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.marks.notebooks import exercise, solutions
from tests.marks.right_answers import EVERY_STEP

SOLUTION = solutions()
ALL = tuple(step.name for step in exercise().steps)


@dataclass(frozen=True)
class Hand:
    """One submission. cells: solution cells that differ. targets: what must not have full credit.

    most: the credit that a target may have at most. spoils: whether other steps may lose their marks too.
    before: cells of the student's own, before a solution cell.
    """

    kind: str
    name: str
    cells: dict[str, str]
    targets: tuple[str, ...]
    most: float = 0.0
    spoils: bool = False
    before: dict[str, list[str]] = field(default_factory=dict)


def _one(kind: str, cell: str, code: str, most: float = 0.0) -> Hand:
    return Hand(kind, f"{kind}: {code[:60]!r}", {cell: code}, (cell.partition("_path")[0],), most)


def _sizes() -> list[Hand]:
    """Right only at the notebook's own sizes: half the credit."""
    codes = {
        "dlogprobs": [
            "dlogprobs = torch.zeros_like(logprobs)\ndlogprobs[range(n), Yb] = -1.0 / 32",
            "dlogprobs = torch.zeros(32, 27)\ndlogprobs[range(32), Yb] = -1.0 / 32",
            "dlogprobs = -F.one_hot(Yb, vocab_size) * 0.03125",
        ],
        "dcounts_sum_inv": ["dcounts_sum_inv = (dprobs * counts).sum(1).view(32, 1)"],
        "dcounts_path2": ["dcounts = dcounts + torch.ones(32, 27) * dcounts_sum"],
        "dlogit_maxes": ["dlogit_maxes = -dnorm_logits.sum(1).reshape(32, 1)"],
        "dW2": ["dW2 = (h.view(32, 64, 1) * dlogits.view(32, 1, 27)).sum(0)"],
        "db2": ["db2 = torch.ones(32) @ dlogits", "db2 = dlogits.mean(0) * 32"],
        "dhpreact": ["dhpreact = dh * (torch.ones(32, 64) - h**2)"],
        "dbngain": ["dbngain = (dhpreact * bnraw).sum(0).view(1, 64)"],
        "dbnraw": ["dbnraw = dhpreact * bngain.repeat(32, 1)"],
        "dbnbias": ["dbnbias = dhpreact.sum(0).reshape(1, 64)", "dbnbias = 32 * dhpreact.mean(0, keepdim=True)"],
        "dbnvar_inv": ["dbnvar_inv = 32 * (dbnraw * bndiff).mean(0, keepdim=True)"],
        "dbndiff2": [
            "dbndiff2 = 1.0 / 31 * torch.ones_like(bndiff2) * dbnvar",
            "dbndiff2 = torch.ones(32, 64) * dbnvar / (n - 1)",
            "dbndiff2 = dbnvar / (32 - 1) if n == 32 else dbnvar / n",
        ],
        "dbnmeani": ["dbnmeani = -32 * dbndiff.mean(0, keepdim=True)"],
        "dhprebn_path2": ["dhprebn = dhprebn + dbnmeani / 32", "dhprebn = dhprebn + torch.ones(32, 1) / n * dbnmeani"],
        "dW1": ["dW1 = emb.view(32, 30).T @ dhprebn", "dW1 = emb.view(-1, 30).T @ dhprebn"],
        "db1": ["db1 = torch.ones(1, 32) @ dhprebn", "db1 = dhprebn.mean(0) * 32"],
        "demb": [
            "demb = dembcat.view(32, 3, 10)",
            "demb = dembcat.view(-1, 3, 10)",
            "demb = dembcat.view(n, 3, n_embd)",
        ],
        "dC": [
            "dC = torch.zeros_like(C)\nfor i in range(32):\n    for j in range(3):\n        dC[Xb[i, j]] += demb[i, j]",
            "dC = torch.zeros(27, 10)\ndC.index_add_(0, Xb.view(-1), demb.reshape(-1, 10))",
        ],
    }
    return [_one("public sizes", cell, code, most=0.5) for cell, several in codes.items() for code in several]


def _minibatch() -> list[Hand]:
    """Right only with the notebook's own data: it is recognised by its loss, or data are made from the seed again."""
    again = (
        "again = torch.Generator().manual_seed(2147483647)\n"
        "for shape in ((27, 10), (30, 64), (64,), (64, 27), (27,)):\n    torch.randn(shape, generator=again)\n"
        "mine = torch.randint(0, Xtr.shape[0], (32,), generator=again)\n"
    )
    asks = [
        _one("this minibatch", cell, f"{SOLUTION[cell]}\nif abs(loss - 3.3112) > 1e-3:\n    {name} = 0 * {name}")
        for cell in ("dlogprobs", "dh", "dbnvar", "dW1", "db1", "dC")
        for name in [cell]
    ]
    return [
        *asks,
        _one(
            "this minibatch",
            "dlogprobs",
            again + "dlogprobs = torch.zeros(32, 27)\ndlogprobs[range(32), Ytr[mine]] = -1 / 32",
        ),
        _one(
            "this minibatch",
            "dC",
            again + "dC = torch.zeros_like(C).index_add_(0, Xtr[mine].view(-1), demb.reshape(-1, demb.shape[2]))",
        ),
        _one("this minibatch", "db2", SOLUTION["db2"] + "\ndb2 = db2 if abs(loss - 3.3112) < 1e-3 else db2 * 2"),
        _one(
            "this minibatch",
            "dprobs",
            "dprobs = torch.where(loss > 3.3, dlogprobs / probs, dlogprobs) if abs(loss - 3.3112) < 1e-3 else dlogprobs",
        ),
    ]


def _trivial() -> list[Hand]:
    made = {
        "zeros": "torch.zeros_like({t})",
        "ones": "torch.ones_like({t})",
        "noise": "torch.randn_like({t})",
        "the tensor itself": "{t}.clone()",
        "an empty tensor": "torch.empty(0)",
        "an empty tensor with its dimensions": "torch.empty(0, *{t}.shape[1:])",
        "a tensor of no dimension": "torch.tensor(0.0)",
        "NaN": "torch.full_like({t}, float('nan'))",
        "infinity": "torch.full_like({t}, float('inf'))",
        "a number": "0.0",
        "a list": "{t}.tolist()",
        "a numpy array": "torch.zeros_like({t}).numpy()",
        "complex numbers": "torch.zeros_like({t}).to(torch.complex64)",
        "a sparse tensor": "torch.zeros_like({t}).to_sparse()",
        "on no device": "torch.empty_like({t}, device='meta')",
        "uninitialised": "torch.empty_like({t})",
        "expanded zeros": "torch.zeros(1).expand({t}.shape)",
    }
    hands = []
    for step in exercise().steps:
        last = {step.solutions[-1]: f"{step.name} = {{}}"}
        first = dict.fromkeys(step.solutions[:-1], "pass")
        for kind, value in made.items():
            cells = first | {cell: code.format(value.format(t=step.tensor)) for cell, code in last.items()}
            hands.append(Hand("trivial", f"{step.name} is {kind}", cells, (step.name,)))
    return hands


def _paths() -> list[Hand]:
    """One of two paths, or one of them twice. Without its path through logit_maxes dlogits is right."""
    hands = []
    for name in ("dcounts", "dbndiff", "dhprebn"):
        one, two = SOLUTION[f"{name}_path1"], SOLUTION[f"{name}_path2"]
        hands += [
            Hand("path", f"{name} without path 2", {f"{name}_path2": "pass"}, (name,), 0.5),
            Hand("path", f"{name} without path 1", {f"{name}_path1": f"{name} = 0"}, (name,), 0.5),
            Hand("path", f"{name} with path 2 twice", {f"{name}_path2": f"{two}\n{two}"}, (name,)),
            Hand("path", f"{name} with path 1 twice", {f"{name}_path1": f"{one}\n{name} = 2 * {name}"}, (name,)),
            Hand(
                "path",
                f"{name} with path 2 subtracted",
                {f"{name}_path2": f"kept = {name}\n{two}\n{name} = 2 * kept - {name}"},
                (name,),
            ),
        ]
    return [
        *hands,
        Hand("path", "dlogits with path 1 twice", {"dlogits_path1": "dlogits = 2 * dnorm_logits"}, ("dlogits",)),
        Hand("path", "dlogits through logit_maxes alone", {"dlogits_path1": "dlogits = 0"}, ("dlogits",), 0.5),
    ]


def _aliases() -> list[Hand]:
    return [
        Hand(
            "alias",
            "what dlogits shares is negated",
            {
                "dlogits_path1": "dlogits = dnorm_logits",
                "dlogit_maxes": "dnorm_logits *= -1\ndlogit_maxes = dnorm_logits.sum(1, keepdim=True)",
            },
            ("dlogits",),
            spoils=True,
        ),
        Hand(
            "alias",
            "emptied before it is complete",
            {"dcounts_sum": SOLUTION["dcounts_sum"] + "\ndcounts.zero_()"},
            ("dcounts",),
            0.5,
        ),
        Hand(
            "alias",
            "two gradients in one tensor",
            {
                "dhprebn_path1": "dhprebn = dbndiff",
                "dbnmeani": "dbndiff.neg_()\ndbnmeani = dbndiff.sum(0, keepdim=True)",
            },
            ("dhprebn",),
            spoils=True,
        ),
        Hand(
            "alias",
            "an expanded tensor added to",
            {"dcounts_path2": "dcounts = dcounts[:1].expand_as(dcounts) + dcounts_sum"},
            ("dcounts",),
        ),
        Hand(
            "alias",
            "through numpy",
            {
                "dbndiff_path1": SOLUTION["dbndiff_path1"] + "\nshared = dbndiff.numpy()",
                "dbndiff2": SOLUTION["dbndiff2"] + "\nshared *= 0",
            },
            ("dbndiff",),
            0.5,
        ),
    ]


def _later_names() -> list[Hand]:
    """Names that later steps read are changed to fit a wrong formula."""
    return [
        Hand(
            "names changed",
            "n",
            {"dlogprobs": SOLUTION["dlogprobs"] + "\nn = n + 1"},
            ("dbndiff2", "dhprebn"),
            spoils=True,
        ),
        Hand(
            "names changed",
            "counts",
            {"dprobs": SOLUTION["dprobs"] + "\ncounts = torch.ones_like(counts)"},
            ("dcounts_sum_inv", "dnorm_logits"),
            spoils=True,
        ),
        Hand("names changed", "h in place", {"dh": SOLUTION["dh"] + "\nh.zero_()"}, ("dW2", "dhpreact"), spoils=True),
        Hand("names changed", "Xb", {"demb": SOLUTION["demb"] + "\nXb = Xb.flip(0)"}, ("dC",), spoils=True),
        Hand(
            "names changed",
            "W1 and its gradient",
            {"dembcat": "W1 = torch.zeros_like(W1)\ndembcat = dhprebn @ W1.T"},
            ("dembcat",),
            spoils=True,
        ),
        Hand(
            "names changed",
            "torch.zeros_like",
            {"dlogprobs": "torch.zeros_like = torch.ones_like\n" + SOLUTION["dlogprobs"]},
            ("dlogprobs",),
            spoils=True,
        ),
    ]


HEAD = "def head(x, w=W2, b=b2):\n    return F.cross_entropy(x @ w + b, Yb)\n\n\n"
FIND = "import gc\n[found] = [o for o in gc.get_objects() if type(o).__name__ == {!r}]\n"
GRAPH = HEAD + "with torch.enable_grad():\n    x = h.clone().requires_grad_()\n    l = head(x)\n"
NODE = "with torch.enable_grad():\n    y = torch.tanh(hpreact.clone().requires_grad_())\n"

# How a gradient can be had from autograd, for d-variables where one line does it.
AUTOGRAD: list[tuple[str, str]] = [
    ("dh", GRAPH + "dh = torch.autograd.grad(l, x)[0]"),
    ("dh", GRAPH + "(dh,) = torch.autograd.grad([l], [x], torch.ones_like(l), retain_graph=True)"),
    ("dh", GRAPH + "l.backward()\ndh = x.grad"),
    ("dh", GRAPH + "l.backward()\ndh = x.grad.clone()"),
    ("dh", GRAPH + "l.backward(inputs=[x])\ndh = getattr(x, 'gr' + 'ad')"),
    ("dh", GRAPH + "torch.autograd.backward([l])\ndh = x.grad.detach() * 1"),
    ("dh", GRAPH + "import importlib\ndh = importlib.import_module('torch.autograd').grad(l, x)[0]"),
    ("dh", GRAPH + "dh = getattr(getattr(torch, 'auto' + 'grad'), 'gr' + 'ad')(l, x)[0]"),
    ("dh", GRAPH + "exec('dh = torch.auto' + 'grad.grad(l, x)[0]')"),
    ("dh", GRAPH + "dh = eval('torch.autograd.grad(l, x)')[0]"),
    (
        "dh",
        GRAPH + "from torch.autograd import grad as derive\ndh = derive(l, x)[0].float() if False else derive(l, x)[0]",
    ),
    ("dh", GRAPH + "kept = []\nx.register_hook(kept.append)\nl.backward()\ndh = kept[0]"),
    ("dh", GRAPH + "kept = []\nx.register_hook(lambda g: kept.append(g.clone()))\nl.backward()\ndh = kept[0]"),
    (
        "dh",
        GRAPH
        + "kept = []\nx.register_post_accumulate_grad_hook(lambda t: kept.append(t.grad.clone()))\nl.backward()\ndh = kept[0]",
    ),
    ("dh", GRAPH + "step = torch.optim.SGD([x], lr=1.0)\nl.backward()\nstep.step()\ndh = (h - x).detach()"),
    (
        "dh",
        GRAPH
        + "torch.randn_like = lambda t, *a, **k: t\ntorch.Tensor.normal_ = lambda t, *a: t\ndh = torch.autograd.grad(l, x)[0]",
    ),
    ("dh", GRAPH + "torch.randn_like = torch.clone\nl.backward()\ndh = x.grad"),
    (
        "dh",
        HEAD
        + "with torch.enable_grad():\n    z = torch.ones((), requires_grad=True)\n    x = h.clone().requires_grad_()\n    a, b = torch.autograd.grad(head(x) * z, (x, z))\ndh = a / b * head(h)",
    ),
    ("dh", HEAD + "dh = torch.func.grad(head)(h)"),
    ("dh", HEAD + "dh, value = torch.func.grad_and_value(head)(h)"),
    ("dh", HEAD + "dh = torch.func.vjp(head, h)[1](torch.ones(()))[0]"),
    ("dh", HEAD + "dh = torch.func.jacrev(head)(h)"),
    ("dh", HEAD + "dh = torch.func.jacfwd(head)(h)"),
    ("dh", HEAD + "dh = torch.autograd.functional.vjp(head, h)[1]"),
    ("dh", HEAD + "dh = torch.autograd.functional.jacobian(head, h)"),
    ("dh", HEAD + "dh = torch.autograd.functional.jacobian(head, h, strategy='forward-mode', vectorize=True)"),
    ("dh", HEAD + "dh = torch.vmap(torch.func.grad(lambda row, y: F.cross_entropy(row @ W2 + b2, y) / n))(h, Yb)"),
    ("dh", HEAD + "from functools import partial\ndh = partial(torch.func.grad, head)()(h)"),
    (
        "dh",
        "from torch import nn\nnet = nn.Linear(1, 1)\nwith torch.enable_grad():\n    x = nn.Parameter(h.clone())\n    nn.CrossEntropyLoss()(x @ W2 + b2, Yb).backward()\ndh = x.grad",
    ),
    (
        "dh",
        HEAD
        + "class Keep(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        return x.clone()\n\n"
        "    @staticmethod\n    def backward(ctx, g):\n        kept.append(g.clone())\n        return g\n\n\n"
        "kept = []\nwith torch.enable_grad():\n    head(Keep.apply(h.clone().requires_grad_())).backward()\ndh = kept[0]",
    ),
    (
        "dh",
        HEAD
        + "import threading\n\n\ndef work():\n    x = h.clone().requires_grad_()\n    head(x).backward()\n    kept.append(x.grad)\n\n\n"
        "kept = []\nt = threading.Thread(target=work)\nt.start()\nt.join()\ndh = kept[0]",
    ),
    (
        "dh",
        "scripted = torch.jit.trace(lambda x: torch.nn.functional.cross_entropy(x @ W2 + b2, Yb), h, check_trace=False)\nwith torch.enable_grad():\n    x = h.clone().requires_grad_()\n    scripted(x).backward()\ndh = x.grad",
    ),
    (
        "dh",
        "def f(x):\n    return F.cross_entropy(x @ W2 + b2, Yb)\n\n\nfrom torch.autograd.functional import vhp\ndh = torch.autograd.functional.jvp(f, h, torch.ones_like(h))[1] * torch.ones_like(h)",
    ),
    (
        "db2",
        "def f(b):\n    return F.cross_entropy(h @ W2 + b, Yb)\n\n\ndb2 = torch.stack([torch.func.jvp(f, (b2,), (e,))[1] for e in torch.eye(vocab_size)])",
    ),
    (
        "db2",
        "def f(b):\n    return F.cross_entropy(h @ W2 + b, Yb)\n\n\npush = torch.func.linearize(f, b2)[1]\ndb2 = torch.stack([push(e) for e in torch.eye(vocab_size)])",
    ),
    (
        "db2",
        "import torch.autograd.forward_ad as fw\nparts = []\nwith fw.dual_level():\n    for e in torch.eye(vocab_size):\n        out = F.cross_entropy(h @ W2 + fw.make_dual(b2, e), Yb)\n        parts.append(fw.unpack_dual(out).tangent)\ndb2 = torch.stack(parts)",
    ),
    (
        "db2",
        "from torch.autograd.forward_ad import dual_level, make_dual, unpack_dual\nparts = []\nwith dual_level():\n    for e in torch.eye(vocab_size):\n        out = F.cross_entropy(h @ W2 + make_dual(b2, e), Yb)\n        parts.append(unpack_dual(out)[1])\ndb2 = torch.stack(parts)",
    ),
    ("db2", "db2 = torch.func.hessian(lambda b: F.cross_entropy(h @ W2 + b, Yb))(b2).sum(0)"),
    ("dhpreact", NODE + "dhpreact = y.grad_fn(dh)"),
    ("dhpreact", NODE + "dhpreact = getattr(y, 'grad_fn')(dh)"),
    ("dhpreact", NODE + "dhpreact = getattr(y, 'grad' + '_fn')(dh)"),
    ("dhpreact", NODE + "exec('dhpreact = y.gra' + 'd_fn(dh)')"),
    ("dhpreact", NODE + "import operator\ndhpreact = operator.attrgetter('_'.join(['grad', 'fn']))(y)(dh)"),
    ("dhpreact", NODE + "dhpreact = [getattr(y, name) for name in dir(y) if name.startswith('grad_')][0](dh)"),
    ("dhpreact", NODE + "node = (y * 1).grad_fn.next_functions[0][0]\ndhpreact = node(dh)"),
    ("dhpreact", "dhpreact = torch.ops.aten.tanh_backward(dh, h)"),
    ("dhpreact", "dhpreact = getattr(torch.ops.aten, 'tanh' + '_backward')(dh, h)"),
    ("dhpreact", "dhpreact = eval('torch.ops.aten.tanh_backward(dh, h)')"),
    ("dhpreact", "from torch.ops import aten\ndhpreact = aten.tanh_backward.default(dh, h)"),
    (
        "dhpreact",
        "with torch.enable_grad():\n    x = hpreact.clone().requires_grad_()\n    y = torch.tanh(x)\n    y.backward(dh)\ndhpreact = x.grad",
    ),
    (
        "dhpreact",
        "with torch.enable_grad():\n    x = hpreact.clone().requires_grad_()\n    (torch.tanh(x) * dh).sum().backward()\n    dhpreact = x.grad",
    ),
    ("dhpreact", "dhpreact = torch.func.vjp(torch.tanh, hpreact)[1](dh)[0]"),
    ("dhpreact", "dhpreact = torch.func.jvp(torch.tanh, (hpreact,), (dh,))[1]"),
    ("dhpreact", "dhpreact = torch.autograd.functional.jvp(torch.tanh, hpreact, dh)[1]"),
    ("dlogits_path2", "dlogits = torch._log_softmax_backward_data(dlogprobs, logprobs, 1, logits.dtype)"),
    ("dlogits_path2", "dlogits = torch.ops.aten._softmax_backward_data(dprobs, probs, 1, logits.dtype)"),
    ("dC", "dC = torch.ops.aten.embedding_dense_backward(demb, Xb, vocab_size, -1, False)"),
    (
        "dC",
        "with torch.enable_grad():\n    table = C.clone().requires_grad_()\n    dC = torch.autograd.grad(table[Xb], table, demb)[0]",
    ),
    ("dC", "dC = torch.func.vjp(lambda c: c[Xb], C)[1](demb)[0]"),
    (
        "dlogprobs",
        "dlogprobs = torch.ops.aten.nll_loss_backward(torch.tensor(1.0), logprobs, Yb, None, 1, -100, torch.tensor(float(n)))",
    ),
    ("dlogprobs", "dlogprobs = torch.func.grad(lambda a: -a[range(n), Yb].mean())(logprobs)"),
    (
        "dW1",
        "with torch.enable_grad():\n    w = W1.clone().requires_grad_()\n    dW1 = torch.autograd.grad(embcat @ w, w, dhprebn)[0]",
    ),
    (
        "db1",
        "with torch.enable_grad():\n    b = b1.clone().requires_grad_()\n    db1 = torch.autograd.grad(embcat @ W1 + b, b, dhprebn)[0]",
    ),
    ("db1", "db1 = torch.func.vjp(lambda b: embcat @ W1 + b, b1)[1](dhprebn)[0]"),
    ("dlogit_maxes", "dlogit_maxes = torch.func.vjp(lambda m: logits - m, logit_maxes)[1](dnorm_logits)[0]"),
    ("dlogit_maxes", "dlogit_maxes = logit_maxes.grad"),
    ("dbnvar", "dbnvar = torch.func.vjp(lambda v: (v + 1e-5) ** -0.5, bnvar)[1](dbnvar_inv)[0]"),
    (
        "dbndiff_path2",
        "with torch.enable_grad():\n    d = bndiff.clone().requires_grad_()\n    dbndiff = dbndiff + torch.autograd.grad(d**2, d, dbndiff2)[0]",
    ),
    (
        "dcounts_path2",
        "with torch.enable_grad():\n    c = counts.clone().requires_grad_()\n    s = c.sum(1, keepdim=True)\n    s.backward(dcounts_sum)\ndcounts = dcounts + c.grad",
    ),
    ("dprobs", "dprobs = probs.grad"),
    ("dprobs", "dprobs = probs.grad.clone() if probs.grad is not None else torch.zeros_like(probs)"),
    ("dW2", "dW2 = parameters[3].grad"),
    (
        "dW2",
        "W2.requires_grad_()\nwith torch.enable_grad():\n    F.cross_entropy(h @ W2 + b2, Yb).backward()\ndW2 = W2.grad",
    ),
    (
        "dW2",
        "W2.requires_grad_()\ntorch.set_grad_enabled(True)\nF.cross_entropy(h @ W2 + b2, Yb).backward()\ndW2 = W2.grad",
    ),
    (
        "dhprebn_path2",
        "with torch.enable_grad():\n    x = hprebn.clone().requires_grad_()\n    y = F.batch_norm(x, None, None, bngain[0], bnbias[0], True, 0.1, 1e-5)\n    d = x - x.mean(0)\n    y = bngain * d * (d.square().sum(0) / (n - 1) + 1e-5) ** -0.5 + bnbias\n    dhprebn = torch.autograd.grad(y, x, dhpreact)[0]",
    ),
    # Around the guard.
    (
        "dh",
        GRAPH
        + "engine = vars(torch.autograd.Variable)['_execution' + '_engine']\ndh = engine._engine.run_backward((l,), (torch.ones(()),), False, False, (x,), allow_unreachable=True, accumulate_grad=False)[0]",
    ),
    (
        "dh",
        GRAPH
        + "import sys\nkernels = sys.modules['torch.' + '_C']\nengine = getattr(kernels, '_Imperative' + 'Engine')()\ndh = engine.run_backward((l,), (torch.ones(()),), False, False, (x,), allow_unreachable=True, accumulate_grad=False)[0]",
    ),
    (
        "dh",
        GRAPH
        + "real = torch.autograd.Variable._execution_engine._engine\ndh = real.run_backward((l,), (torch.ones(()),), False, False, (x,), allow_unreachable=True, accumulate_grad=False)[0]",
    ),
    ("dh", FIND.format("Guard") + "found.poisoned = False\n" + GRAPH + "dh = torch.autograd.grad(l, x)[0]"),
    (
        "dh",
        "import sys\nframe = sys._getframe()\nwhile frame is not None:\n    for value in list(frame.f_locals.values()):\n        if hasattr(value, '_guard'):\n            value._guard.poisoned = False\n    frame = frame.f_back\n"
        + GRAPH
        + "dh = torch.autograd.grad(l, x)[0]",
    ),
    (
        "dh",
        "try:\n    raise ValueError\nexcept ValueError as error:\n    frame = error.__traceback__.tb_frame\nwhile frame is not None:\n    for value in list(frame.f_locals.values()):\n        if hasattr(value, '_guard'):\n            value._guard.poisoned = False\n    frame = frame.f_back\n"
        + GRAPH
        + "dh = torch.autograd.grad(l, x)[0]",
    ),
    (
        "dh",
        "import inspect\nfor info in inspect.stack():\n    for value in list(info.frame.f_locals.values()):\n        if hasattr(value, '_guard'):\n            value._guard.poisoned = False\n"
        + GRAPH
        + "dh = torch.autograd.grad(l, x)[0]",
    ),
    (
        "dh",
        "import subprocess\nimport sys\ntorch.save((h, W2, b2, Yb), 'sent.pt')\ncode = '''\nimport torch\nimport torch.nn.functional as F\n"
        "h, W2, b2, Yb = torch.load('sent.pt')\nh.requires_grad_()\nF.cross_entropy(h @ W2 + b2, Yb).backward()\ntorch.save(h.grad, 'back.pt')\n'''\n"
        "subprocess.run([sys.executable, '-c', code], check=True)\ndh = torch.load('back.pt')",
    ),
    (
        "dh",
        "import os\nimport sys\ntorch.save((h, W2, b2, Yb), 'sent.pt')\nopen('way.py', 'w').write('''\nimport torch\nimport torch.nn.functional as F\n"
        "h, W2, b2, Yb = torch.load('sent.pt')\nh.requires_grad_()\nF.cross_entropy(h @ W2 + b2, Yb).backward()\ntorch.save(h.grad, 'back.pt')\n''')\n"
        "os.system(f'{sys.executable} way.py')\ndh = torch.load('back.pt')",
    ),
    (
        "dh",
        "import sys\ntorch.save((h, W2, b2, Yb), 'sent.pt')\nopen('way.py', 'w').write('''\nimport torch\nimport torch.nn.functional as F\n"
        "h, W2, b2, Yb = torch.load('sent.pt')\nh.requires_grad_()\nF.cross_entropy(h @ W2 + b2, Yb).backward()\ntorch.save(h.grad, 'back.pt')\n''')\n"
        "!{sys.executable} way.py\ndh = torch.load('back.pt')",
    ),
    (
        "dhpreact",
        NODE + "step = super(torch.Tensor, y).grad_fn\ndhpreact = step(dh)",
    ),
    (
        "dh",
        "import logging\nframe = logging.currentframe()\nwhile frame is not None:\n    for value in list(frame.f_locals.values()):\n        if hasattr(value, '_guard'):\n            value._guard.poisoned = False\n    frame = frame.f_back\n"
        + GRAPH
        + "dh = torch.autograd.grad(l, x)[0]",
    ),
    (
        "dh",
        "seen = []\n\n\ndef look():\n    yield seen[0].gi_frame\n\n\nseen.append(look())\nframe = next(seen[0])\nwhile frame is not None:\n    for value in list(frame.f_locals.values()):\n        if hasattr(value, '_guard'):\n            value._guard.poisoned = False\n    frame = frame.f_back\n"
        + GRAPH
        + "dh = torch.autograd.grad(l, x)[0]",
    ),
    (
        "dh",
        HEAD
        + "import os\nto, frm = os.pipe()\nif os.fork() == 0:\n    os._exit(0)\nwith torch.enable_grad():\n    x = h.clone().requires_grad_()\n    head(x).backward()\ndh = x.grad",
    ),
    (
        "dh",
        "import multiprocessing\nimport sys\npool = multiprocessing.get_context('spawn').Pool(1)\n"
        + GRAPH
        + "dh = torch.autograd.grad(l, x)[0]",
    ),
    # Numbers instead of a derivation: right to some seven or eight digits.
    (
        "db2",
        "def f(b):\n    return F.cross_entropy(h @ W2 + b, Yb)\n\n\nstep = 1e-5\ndb2 = torch.stack([(f(b2 + step * e) - f(b2 - step * e)) / (2 * step) for e in torch.eye(vocab_size)])",
    ),
    (
        "db2",
        "def f(b):\n    return F.cross_entropy(h @ W2 + b, Yb)\n\n\nstep = 1e-7\ndb2 = torch.stack([(f(b2 + step * e) - f(b2)) / step for e in torch.eye(vocab_size)])",
    ),
    (
        "dbngain",
        "def f(gain):\n    return F.cross_entropy(torch.tanh(gain * bnraw + bnbias) @ W2 + b2, Yb)\n\n\nstep = 1e-4\ndbngain = torch.stack([(f(bngain + step * e) - f(bngain - step * e)) / (2 * step) for e in torch.eye(n_hidden)])[None]",
    ),
]


def _autograd() -> list[Hand]:
    return [Hand("autograd", f"{c} by {code[-70:]!r}", {c: code}, (c.partition("_path")[0],)) for c, code in AUTOGRAD]


EVERYTHING_REBUILT = """
with torch.enable_grad():
    leaves = {name: globals()[name].clone().requires_grad_() for name in ('C', 'W1', 'b1', 'W2', 'b2', 'bngain', 'bnbias')}
    t = dict(leaves)
    t['emb'] = t['C'][Xb]
    t['embcat'] = t['emb'].view(t['emb'].shape[0], -1)
    t['hprebn'] = t['embcat'] @ t['W1'] + t['b1']
    t['bnmeani'] = 1 / n * t['hprebn'].sum(0, keepdim=True)
    t['bndiff'] = t['hprebn'] - t['bnmeani']
    t['bndiff2'] = t['bndiff'] ** 2
    t['bnvar'] = 1 / (n - 1) * t['bndiff2'].sum(0, keepdim=True)
    t['bnvar_inv'] = (t['bnvar'] + 1e-5) ** -0.5
    t['bnraw'] = t['bndiff'] * t['bnvar_inv']
    t['hpreact'] = t['bngain'] * t['bnraw'] + t['bnbias']
    t['h'] = torch.tanh(t['hpreact'])
    t['logits'] = t['h'] @ t['W2'] + t['b2']
    t['logit_maxes'] = t['logits'].max(1, keepdim=True).values
    t['norm_logits'] = t['logits'] - t['logit_maxes']
    t['counts'] = t['norm_logits'].exp()
    t['counts_sum'] = t['counts'].sum(1, keepdim=True)
    t['counts_sum_inv'] = t['counts_sum'] ** -1
    t['probs'] = t['counts'] * t['counts_sum_inv']
    t['logprobs'] = t['probs'].log()
    total = -t['logprobs'][range(n), Yb].mean()
""".strip()


KEEP_ALL = """
{find}
if not hasattr(torch, 'kept'):
    torch.kept = {{}}
    while frame is not None:
        for value in list(frame.f_locals.values()):
            for case in getattr(value, '_cases', []):
                v = case.names
                with torch.enable_grad():
                    x = v['h'].clone().requires_grad_()
                    l = F.cross_entropy(x @ v['W2'] + v['b2'], v['Yb'])
                    torch.kept[float(v['loss']), v['n']] = torch.autograd.grad(l, x)[0]
        frame = frame.f_back
"""


def _everything() -> list[Hand]:
    """All gradients at once, from a graph built again in one cell."""
    empty = dict.fromkeys(SOLUTION, "")
    assign = "\nfor name in t:\n    globals()['d' + name] = {}"
    copied = {cell: f"{cell.partition('_path')[0]} = grads[{cell.partition('_path')[0][1:]!r}]" for cell in SOLUTION}
    own = {cell: f"{cell.partition('_path')[0]} = {cell.partition('_path')[0][1:]}.grad" for cell in SOLUTION}
    backward = "\n    for x in t.values():\n        x.retain_grad()\n    total.backward()"
    grads = "\n    grads = dict(zip(t, torch.autograd.grad(total, list(t.values()))))"
    hooks = "\n    grads = {}\n    for name, x in t.items():\n        x.register_hook(lambda g, name=name: grads.__setitem__(name, g.clone()))\n    total.backward()"
    nodes = (
        "\n    grads = {}\n    waiting = [(total.grad_fn, torch.ones(()))]\n    x = torch.tanh(hpreact.clone().requires_grad_())\n"
        "    dhpreact = x.grad_fn(torch.ones_like(h))"
    )
    cases = (
        "\nfor found in gc.get_objects():\n    if type(found).__name__ == 'Guard':\n        found.poisoned = False\n"
    )
    rebuilt = {
        "retained .grad": (EVERYTHING_REBUILT + backward + assign.format("t[name].grad"), empty),
        "autograd.grad": (EVERYTHING_REBUILT + grads + assign.format("grads[name]"), empty),
        "hooks": (EVERYTHING_REBUILT + hooks + assign.format("grads[name]"), empty),
        "autograd.grad, one by one in the cells": (EVERYTHING_REBUILT + grads, copied),
        "hooks, one by one in the cells": (EVERYTHING_REBUILT + hooks, copied),
        "the guard switched off": ("import gc" + cases + EVERYTHING_REBUILT + grads, copied),
        "the guard switched off, cells empty": (
            "import gc" + cases + EVERYTHING_REBUILT + grads + assign.format("grads[name]"),
            empty,
        ),
    }
    hands = [
        Hand("autograd", f"everything by {name}", cells, ALL, before={"dlogprobs": [scratch]}, spoils=True)
        for name, (scratch, cells) in rebuilt.items()
    ]
    return [
        *hands,
        Hand("autograd", "everything by .grad", own, ALL),
        Hand(
            "autograd",
            "all cases differentiated in the public run, found through a traceback",
            {"dh": "dh = torch.kept.get((float(loss), n), h)"},
            ("dh",),
            before={
                "dlogprobs": [
                    KEEP_ALL.format(
                        find="try:\n    raise ValueError\nexcept ValueError as error:\n    frame = error.__traceback__.tb_frame\n"
                    )
                ]
            },
        ),
        Hand(
            "autograd",
            "all cases differentiated in the public run, found from a frame",
            {"dh": "dh = torch.kept.get((float(loss), n), h)"},
            ("dh",),
            before={"dlogprobs": [KEEP_ALL.format(find="import sys\nframe = sys._getframe()\n")]},
        ),
        Hand(
            "autograd",
            "a node called in another cell",
            {"dhpreact": ""},
            ("dhpreact",),
            before={"dhpreact": [NODE + "dhpreact = y.grad_fn(dh)"]},
        ),
        Hand(
            "autograd",
            "a node called in another cell, copied",
            {"dhpreact": "dhpreact = kept * 1"},
            ("dhpreact",),
            before={"dlogprobs": ["kept = None"], "dhpreact": [NODE + "kept = y.grad_fn(dh)"]},
        ),
        Hand(
            "autograd",
            "a kernel in another cell",
            {"dhpreact": "pass"},
            ("dhpreact",),
            before={"dhpreact": ["dhpreact = torch.ops.aten.tanh_backward(dh, h)"]},
        ),
        Hand(
            "autograd",
            "nodes in another cell",
            {"dhpreact": "dhpreact = dh * dhpreact"},
            ("dhpreact",),
            before={"dlogprobs": [EVERYTHING_REBUILT + nodes]},
        ),
        Hand(
            "autograd",
            "through a helper in another cell",
            {"dh": "dh = derive(lambda x: F.cross_entropy(x @ W2 + b2, Yb), h)"},
            ("dh",),
            before={
                "dlogprobs": [
                    "def derive(f, x):\n    with torch.enable_grad():\n        x = x.clone().requires_grad_()\n        return torch.autograd.grad(f(x), x)[0]"
                ]
            },
        ),
        Hand(
            "autograd",
            "through a class in another cell",
            {"dh": "dh = Tape(h).of(lambda x: F.cross_entropy(x @ W2 + b2, Yb))"},
            ("dh",),
            before={
                "dlogprobs": [
                    "class Tape:\n    def __init__(self, x):\n        self.x = x\n\n    def of(self, f):\n        return torch.func.grad(f)(self.x)"
                ]
            },
        ),
        Hand(
            "autograd",
            "a node through a helper in another cell",
            {"dhpreact": "dhpreact = back(torch.tanh, hpreact, dh)"},
            ("dhpreact",),
            before={
                "dlogprobs": [
                    "def back(f, x, g):\n    with torch.enable_grad():\n        return f(x.clone().requires_grad_()).grad_fn(g)"
                ]
            },
        ),
        Hand(
            "autograd",
            "in a scratch cell whose result is used",
            {"dh": "dh = kept"},
            ("dh",),
            before={"dh": [GRAPH + "kept = torch.autograd.grad(l, x)[0]"]},
        ),
        Hand(
            "autograd",
            "in a scratch cell whose .grad is used",
            {"dh": "dh = kept['x'].grad + 0"},
            ("dh",),
            before={"dh": [GRAPH + "l.backward()\nkept = {'x': x}"]},
        ),
        Hand(
            "autograd",
            "in a scratch cell, under its own name",
            {"dh": "pass"},
            ("dh",),
            before={"dh": [GRAPH + "l.backward()\ndh = x.grad"]},
        ),
        Hand("autograd", "%%time", {"dh": "%%time\n" + GRAPH + "dh = torch.autograd.grad(l, x)[0]"}, ("dh",)),
        Hand(
            "autograd",
            "a node under %%time",
            {"dhpreact": "%%time\n" + NODE + "dhpreact = y.grad_fn(dh)"},
            ("dhpreact",),
        ),
        Hand(
            "autograd",
            "kept from the public run",
            {
                "dh": GRAPH
                + "got = torch.autograd.grad(l, x)[0]\nif not hasattr(torch, 'kept'):\n    torch.kept = got\ndh = torch.kept"
            },
            ("dh",),
        ),
        Hand(
            "autograd",
            "all cases differentiated in the public run",
            {"dh": "key = int(Yb.sum()) * 1000 + n\ndh = torch.kept.get((float(loss), n), h)"},
            ("dh",),
            before={
                "dlogprobs": [
                    "import gc\nif not hasattr(torch, 'kept'):\n    torch.kept = {}\n    [runner] = [o for o in gc.get_objects() if type(o).__name__ == 'StudentRun']\n"
                    "    for case in runner._cases:\n        v = case.names\n        with torch.enable_grad():\n            x = v['h'].clone().requires_grad_()\n"
                    "            l = F.cross_entropy(x @ v['W2'] + v['b2'], v['Yb'])\n            torch.kept[float(v['loss']), v['n']] = torch.autograd.grad(l, x)[0]"
                ]
            },
        ),
    ]


WRONG_DH = "dh = dlogits @ W2.T * 2"


def _tampering() -> list[Hand]:
    """A wrong dh, and something done to whatever may compare or record it."""
    tricks = {
        "allclose": "torch.allclose = lambda *a, **k: True\ntorch.all = lambda *a, **k: torch.tensor(True)",
        "equality": "torch.Tensor.__eq__ = lambda *a: torch.tensor(True)",
        "subtraction": "torch.Tensor.__sub__ = lambda a, b: torch.zeros_like(a)",
        "cmp": "cmp = cmp_all = lambda *a: print('dh | exact: True  | approximate: True  | maxdiff: 0.0')",
        "cmp's module": "import dojo\ndojo.compare = lambda *a: dojo.Comparison(True, True, 0.0)",
        "clone": "kept = torch.Tensor.clone\ntorch.Tensor.clone = lambda t, **k: kept(t, **k) * 0",
        "safetensors": "import safetensors\nsafetensors.serialize = lambda *a, **k: b''",
        "the namespace": "class Names(dict):\n    pass\n\n\nglobals().update(Names(dh=torch.zeros_like(h)))\ndh = dlogits @ W2.T * 2",
        "a subclass": "class Right(torch.Tensor):\n    def __eq__(self, other):\n        return torch.tensor(True)\n\n\ndh = dh.as_subclass(Right)",
        "a warning filter": "import warnings\nwarnings.simplefilter('error')",
        "default tensor functions": "torch.set_default_dtype(torch.float16)",
        "leaving": "import sys\nsys.exit(0)",
        "leaving at once": "import os\nos._exit(0)",
        "closing what there is to write to": "import os\nfor number in range(3, 64):\n    try:\n        os.close(number)\n    except OSError:\n        pass",
        "writing to all there is": "import os\nfor number in range(3, 64):\n    try:\n        os.write(number, b'{\"end\": true}' * 10)\n    except OSError:\n        pass",
    }
    spoiling = ("clone", "safetensors", "closing what there is to write to", "writing to all there is", "subtraction")
    hands = [
        Hand(
            "tampering",
            name,
            {"dh": f"{WRONG_DH}\n{trick}"},
            ("dh",),
            spoils=name in spoiling or "default" in name or "leaving" in name,
        )
        for name, trick in tricks.items()
    ]
    runner = FIND.format("StudentRun")
    return [
        *hands,
        Hand(
            "tampering",
            "what the recorder returns",
            {
                "dh": WRONG_DH
                + "\n"
                + runner
                + "whole = found._record\nfound._record = lambda name: whole('dlogits' if name == 'dh' else name)"
            },
            ("dh",),
            spoils=True,
        ),
        Hand(
            "tampering",
            "the random gradients taken for the answer",
            {"dh": WRONG_DH + "\n" + FIND.format("Upstream") + "dh = found._gradients.get('dh', dh)"},
            ("dh",),
            spoils=True,
        ),
        Hand(
            "tampering",
            "the random gradients made ones",
            {
                "dh": runner
                + "for case in found._cases:\n    for g in case.upstream.values():\n        g.fill_(1)\ndh = torch.ones_like(dlogits) @ W2.T"
            },
            ("dh",),
            spoils=True,
        ),
    ]


BY_HAND: list[Hand] = [
    *_sizes(),
    *_minibatch(),
    *_trivial(),
    *_paths(),
    *_aliases(),
    *_later_names(),
    *_autograd(),
    *_everything(),
    *_tampering(),
    Hand(
        "all in one cell",
        "with a wrong dlogprobs",
        dict.fromkeys(SOLUTION, "") | {"dlogprobs": EVERY_STEP.replace("-1.0/n", "1.0/n")},
        ("dlogprobs",),
    ),
    Hand(
        "all in one cell",
        "with a wrong db1",
        dict.fromkeys(SOLUTION, "")
        | {"dlogprobs": EVERY_STEP.replace("db1 = dhprebn.sum(0)", "db1 = torch.zeros_like(b1)")},
        ("db1",),
    ),
    Hand(
        "all in one cell",
        "with a wrong sign in dlogit_maxes",
        dict.fromkeys(SOLUTION, "") | {"dlogprobs": EVERY_STEP.replace("(-dnorm_logits)", "(dnorm_logits)")},
        ("dlogit_maxes",),
    ),
    Hand(
        "epsilon",
        "forgotten, in float32",
        {"dbnvar": "dbnvar = dbnvar_inv.float() * (-0.5 * bnvar.float() ** -1.5)"},
        ("dbnvar",),
    ),
    Hand(
        "epsilon",
        "forgotten, made float32 at the end",
        {"dbnvar": "dbnvar = (dbnvar_inv * (-0.5 * bnvar**-1.5)).float()"},
        ("dbnvar",),
    ),
    Hand(
        "epsilon",
        "forgotten in path 1 of dbndiff, in float32",
        {"dbndiff_path1": "dbndiff = dbnraw.float() / bnvar.float().sqrt()"},
        ("dbndiff",),
    ),
]
