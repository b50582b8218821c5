"""Wrong answers to steps that are one line for a whole block: what is forgotten or changed in one of its terms.

Each with its true cause and the words that the sentence must say, such as the path that is meant.
"""

from __future__ import annotations

Made = tuple[str, str, str, tuple[str, ...]]

BY = "bngain * bnvar_inv * "
MEAN, VAR = "dhpreact.sum(0) / n", "bnraw * (dhpreact * bnraw).sum(0) / (n - 1)"
OTHER_VAR = "(hprebn.var(0, unbiased=False) + 1e-5)"
BATCHNORM = [
    ("path-missing", "bnmeani", f"{BY}(dhpreact - {VAR})"),
    ("path-missing", "bnvar", f"{BY}(dhpreact - {MEAN})"),
    ("path-missing", "bnmeani bnvar", f"{BY}dhpreact"),
    ("path-missing", "straight", f"-{BY}({MEAN} + {VAR})"),
    ("path-missing", "straight bnmeani", f"-{BY}{VAR}"),
    ("sign", "bnmeani", f"{BY}(dhpreact + {MEAN} - {VAR})"),
    ("sign", "bnvar", f"{BY}(dhpreact - {MEAN} + {VAR})"),
    ("sign", "bnmeani bnvar", f"{BY}(dhpreact + {MEAN} + {VAR})"),
    ("path-twice factor", "bnvar", f"{BY}(dhpreact - {MEAN} - 2 * {VAR})"),
    ("path-twice factor", "bnmeani", f"{BY}(dhpreact - 2 * {MEAN} - {VAR})"),
    # Bessel's n - 1, the mean's n, the square's 2
    ("factor", "bnvar (n-1)/n", f"{BY}(dhpreact - {MEAN} - {VAR} * (n - 1) / n)"),
    ("factor", "bnvar n-1", f"{BY}(dhpreact - {MEAN} - {VAR} * (n - 1))"),
    ("factor", "bnvar n/(n-1)", f"{BY}(dhpreact - {MEAN} - {VAR} * n / (n - 1))"),
    ("factor", "bnvar 2", f"{BY}(dhpreact - {MEAN} - {VAR} / 2)"),
    ("factor", "bnvar n", f"{BY}(dhpreact - {MEAN} - {VAR} / n)"),
    ("factor", "bnmeani n", f"{BY}(dhpreact - {MEAN} * n - {VAR})"),
    ("factor", "bnmeani n", f"{BY}(dhpreact - {MEAN} / n - {VAR})"),
    ("factor", "bnmeani n/(n-1)", f"{BY}(dhpreact - {MEAN} * n / (n - 1) - {VAR})"),
    ("factor", "straight n", f"{BY}(dhpreact / n - {MEAN} - {VAR})"),
    ("factor", "n", f"{BY}(dhpreact - {MEAN} - {VAR}) / n"),
    ("factor", "n", f"{BY}n * (dhpreact - {MEAN} - {VAR})"),
    ("factor", "n/(n-1)", f"{BY}n / (n - 1) * (dhpreact - {MEAN} - {VAR})"),
    # sums
    ("not-summed", "bnmeani", f"{BY}(dhpreact - dhpreact / n - {VAR})"),
    ("not-summed", "bnvar", f"{BY}(dhpreact - {MEAN} - bnraw * dhpreact * bnraw / (n - 1))"),
    ("wrong-axis", "bnmeani", f"{BY}(dhpreact - dhpreact.sum(1, keepdim=True) / n - {VAR})"),
    ("wrong-axis", "bnmeani", f"{BY}(dhpreact - dhpreact.mean(1, keepdim=True) - {VAR})"),
    ("wrong-axis", "bnmeani", f"{BY}(dhpreact - dhpreact.mean() - {VAR})"),
    ("wrong-axis", "bnvar", f"{BY}(dhpreact - {MEAN} - bnraw * (dhpreact * bnraw).sum(1, keepdim=True) / (n - 1))"),
    ("wrong-axis", "bnvar", f"{BY}(dhpreact - {MEAN} - bnraw * (dhpreact * bnraw).sum() / (n - 1))"),
    # the gain and the root of the variance
    ("function", "bngain", f"bnvar_inv * (dhpreact - {MEAN} - {VAR})"),
    ("function", "bngain", f"bnvar_inv / bngain * (dhpreact - {MEAN} - {VAR})"),
    ("function", "bnvar", f"bngain * (dhpreact - {MEAN} - {VAR})"),
    ("function", "bnvar", f"bngain * bnvar_inv**2 * (dhpreact - {MEAN} - {VAR})"),
    ("function", "bnvar", f"bngain * bnvar_inv**3 * (dhpreact - {MEAN} - {VAR})"),
    ("function", "bnvar", f"bngain * bnvar * (dhpreact - {MEAN} - {VAR})"),
    ("function", "bnvar", f"bngain / bnvar * (dhpreact - {MEAN} - {VAR})"),
    ("function", "bngain bnmeani", f"bnvar_inv * (bngain * dhpreact - {MEAN} - bngain * {VAR})"),
    ("function", "bngain `bnvar`", f"bnvar_inv * (bngain * dhpreact - bngain * {MEAN} - {VAR})"),
    ("function", "bngain straight", f"bnvar_inv * (dhpreact - bngain * {MEAN} - bngain * {VAR})"),
    ("function", "bnvar bnmeani", f"bngain * (bnvar_inv * dhpreact - {MEAN} - bnvar_inv * {VAR})"),
    ("function", "bnvar_inv `bnvar`", f"bngain * (bnvar_inv * dhpreact - bnvar_inv * {MEAN} - {VAR})"),
    ("function", "bnvar straight", f"bngain * (dhpreact - bnvar_inv * {MEAN} - bnvar_inv * {VAR})"),
    # another tensor in the term of the variance
    ("function", "`bnvar`", f"{BY}(dhpreact - {MEAN} - bndiff * (dhpreact * bnraw).sum(0) / (n - 1))"),
    ("function", "`bnvar`", f"{BY}(dhpreact - {MEAN} - bndiff * (dhpreact * bndiff).sum(0) / (n - 1))"),
    ("function", "`bnvar`", f"{BY}(dhpreact - {MEAN} - (dhpreact * bnraw).sum(0) / (n - 1))"),
    ("function", "`bnvar`", f"{BY}(dhpreact - {MEAN} - bnraw * (dhpreact * bnraw**2).sum(0) / (n - 1))"),
    ("function", "`bnvar`", f"{BY}(dhpreact - {MEAN} - bnraw * dhpreact.sum(0) / (n - 1))"),
    ("function", "`bnvar`", f"{BY}(dhpreact - {MEAN} - hpreact * (dhpreact * bnraw).sum(0) / (n - 1))"),
    # what arrives
    ("upstream", "straight dhpreact", f"{BY}(1 - {MEAN} - {VAR})"),
    ("upstream", "bnmeani dhpreact", f"{BY}(dhpreact - 1 - {VAR})"),
    # constants of the forward lines
    ("epsilon", "", f"bngain * bnvar**-0.5 * (dhpreact - {MEAN} - {VAR})"),
    (
        "epsilon",
        "",
        f"bngain * bnvar**-0.5 * (dhpreact - {MEAN} - bndiff * (dhpreact * bndiff).sum(0) / bnvar / (n - 1))",
    ),
    ("factor", "n-1", f"bngain * {OTHER_VAR}**-0.5 * (dhpreact - {MEAN} - {VAR})"),
    (
        "factor",
        "n-1",
        f"bngain * {OTHER_VAR}**-0.5 * (dhpreact - {MEAN} - bndiff * (dhpreact * bndiff).sum(0) / n / {OTHER_VAR})",
    ),
]

SOFTMAX = "dlogits = F.softmax(logits, 1)\n"
AT = "dlogits[range(n), Yb]"
CROSS_ENTROPY = [
    ("path-missing", "one-hot", f"{SOFTMAX}dlogits /= n"),
    ("path-missing", "SOFTMAX", f"dlogits = torch.zeros_like(logits)\n{AT} = -1.0 / n"),
    ("sign", "TARGET", f"{SOFTMAX}{AT} += 1\ndlogits /= n"),
    ("sign", "SOFTMAX", f"dlogits = -F.softmax(logits, 1)\n{AT} -= 1\ndlogits /= n"),
    ("sign", "", f"dlogits = -F.softmax(logits, 1)\n{AT} += 1\ndlogits /= n"),
    ("factor", "", f"{SOFTMAX}{AT} -= 1"),
    ("factor", "", f"{SOFTMAX}{AT} -= 1\ndlogits /= logits.shape[1]"),
    ("factor", "", f"{SOFTMAX}{AT} -= 1\ndlogits /= logits.numel()"),
    ("factor", "", f"{SOFTMAX}{AT} -= 1\ndlogits *= n"),
    ("factor", "", f"{SOFTMAX}{AT} -= 1\ndlogits /= n - 1"),
    ("factor", "", f"{SOFTMAX}{AT} -= 1\ndlogits *= 2 / n"),
    ("factor", "TARGET", f"{SOFTMAX}dlogits /= n\n{AT} -= 1"),
    ("factor", "SOFTMAX", f"{SOFTMAX}{AT} -= 1 / n"),
    ("factor path-twice", "2", f"{SOFTMAX}{AT} -= 2\ndlogits /= n"),
    ("wrong-axis", "SOFTMAX", f"dlogits = F.softmax(logits, 0)\n{AT} -= 1\ndlogits /= n"),
    ("function", "SOFTMAX", f"dlogits = F.log_softmax(logits, 1)\n{AT} -= 1\ndlogits /= n"),
    ("function", "SOFTMAX", f"dlogits = logits.exp()\n{AT} -= 1\ndlogits /= n"),
    ("function", "SOFTMAX", f"dlogits = torch.sigmoid(logits)\n{AT} -= 1\ndlogits /= n"),
    ("function", "SOFTMAX", f"dlogits = logits.clone()\n{AT} -= 1\ndlogits /= n"),
    ("elsewhere", "TARGET", f"{SOFTMAX}dlogits -= 1\ndlogits /= n"),
    ("elsewhere", "TARGET", f"{SOFTMAX}dlogits[:, Yb] -= 1\ndlogits /= n"),
]

# A layer normalisation and a cross-entropy in one line each, which are not the course's (networks.FUSED).
G = "(dy * gain)"
ROW, SPREAD = f"{G}.mean(1, keepdim=True)", f"xhat * ({G} * xhat).mean(1, keepdim=True)"
LAYERNORM = [
    ("path-missing", "mean(", f"({G} - {SPREAD}) / std"),
    ("path-missing", "std", f"({G} - {ROW}) / std"),
    ("sign", "mean(", f"({G} + {ROW} - {SPREAD}) / std"),
    ("sign", "std", f"({G} - {ROW} + {SPREAD}) / std"),
    ("factor", "mean(", f"({G} - {G}.sum(1, keepdim=True) - {SPREAD}) / std"),
    ("factor", "std", f"({G} - {ROW} - xhat * ({G} * xhat).sum(1, keepdim=True)) / std"),
    ("factor", "std size/(size-1)", f"({G} - {ROW} - {SPREAD} * size / (size - 1)) / std"),
    ("factor", "std", f"({G} - {ROW} - {SPREAD} / 2) / std"),
    ("wrong-axis", "mean(", f"({G} - {G}.mean(0) - {SPREAD}) / std"),
    ("wrong-axis", "std", f"({G} - {ROW} - xhat * ({G} * xhat).mean(0)) / std"),
    ("not-summed", "mean(", f"({G} - {G} / size - {SPREAD}) / std"),
    ("not-summed", "std", f"({G} - {ROW} - xhat * ({G} * xhat) / size) / std"),
    ("function", "std", f"{G} - {ROW} - {SPREAD}"),
    ("function", "std", f"({G} - {ROW} - {SPREAD}) * std"),
    ("function", "gain", "(dy - dy.mean(1, keepdim=True) - xhat * (dy * xhat).mean(1, keepdim=True)) / std"),
    # In the notebook the rows of dy sum to zero, so that this is the same as no path at all.
    ("function path-missing", "mean(", f"({G} - dy.mean(1, keepdim=True) - {SPREAD}) / std"),
    ("upstream", "mean( dy", f"({G} - gain.mean() - {SPREAD}) / std"),
    ("upstream", "dy", "(gain - gain.mean() - xhat * (gain * xhat).mean(1, keepdim=True)) / std"),
]
ENTROPY = [
    ("path-missing", "straight", "F.softmax(y, 1) / rows"),
    ("path-missing", "sum(", "-target / rows"),
    ("sign", "", "(target - F.softmax(y, 1)) / rows"),
    ("sign", "straight", "(target + F.softmax(y, 1)) / rows"),
    ("factor", "rows", "F.softmax(y, 1) - target"),
    ("factor function", "", "F.softmax(y, 1) / rows - target"),
    ("factor", "sum(", "F.softmax(y, 1) - target / rows"),
    ("wrong-axis", "sum(", "(F.softmax(y, 0) - target) / rows"),
    ("function", "sum(", "(y.exp() - target) / rows"),
    ("function", "sum(", "(torch.sigmoid(y) - target) / rows"),
]


def _named(step: str, rows: list[tuple[str, str, str]], words: dict[str, str]) -> list[Made]:
    """The rows for a step. words: what a word of theirs is called in the sentence."""
    return [(step, kinds, code, tuple(words.get(word, word) for word in said.split())) for kinds, said, code in rows]


def _assigned(step: str, rows: list[tuple[str, str, str]]) -> list[Made]:
    words = {"n-1": "n - 1", "(n-1)/n": "(n - 1)/n", "n/(n-1)": "n/(n - 1)", "size/(size-1)": "/("}
    return _named(step, [(kinds, said, f"{step} = {expression}") for kinds, said, expression in rows], words)


# By the name of the network. How a path is called depends on how far the forward lines are taken apart.
BY_HAND: dict[str, list[Made]] = {
    "2_cross_entropy": _named("dlogits", CROSS_ENTROPY, {"SOFTMAX": "`counts_sum`", "TARGET": "straight"}),
    "3_batchnorm": _assigned("dhprebn", BATCHNORM),
    "4_training": [
        *_assigned("dhprebn", BATCHNORM),
        *_named("dlogits", CROSS_ENTROPY, {"SOFTMAX": "logsumexp(", "TARGET": "[range("}),
    ],
    "fused": [*_assigned("dz", LAYERNORM), *_assigned("dy", ENTROPY)],
}
