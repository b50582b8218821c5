"""`python -m tests.explain.kinds`: a wrong answer for each kind of mistake, with its sentence, to be read aloud."""

from __future__ import annotations

from dataclasses import dataclass

from tests.explain.networks import network


@dataclass(frozen=True)
class Kind:
    """A wrong answer. mistake: in a few words. cell, code: what is handed in. says: words of the true cause."""

    mistake: str
    network: str
    cell: str
    code: str
    says: str

    @property
    def said(self) -> str:
        """What marking says of it; "" where that is nothing."""
        found = network(self.network).marked({self.cell: self.code}, self.cell.partition("_path")[0])
        return "" if found is None else found.sentence


def _of(name: str, *rows: tuple[str, str, str, str]) -> list[Kind]:
    return [Kind(mistake, name, cell, code, says) for mistake, cell, code, says in rows]


KINDS = [
    *_of(
        "layernorm",
        ("sign", "dbias", "dbias = -dy.sum(0)", "the sign is wrong"),
        ("mean for sum", "dbias", "dbias = dy.mean(0)", "a `mean` stands where a `sum` belongs"),
        ("sum over the wrong axis", "dgain", "dgain = (dy * xhat).sum(1)", "summed over axis 1, expected axis 0"),
        ("no sum", "dgain", "dgain = dy * xhat", "the sum over axis 0 is missing"),
        ("sums multiplied", "dgain", "dgain = dy.sum(0) * xhat.sum(0)", "summed before the product"),
        ("bias added", "dxhat", "dxhat = dy * gain + bias", "the term `bias` is added"),
        ("gradient left out", "dxhat", "dxhat = gain.expand(dy.shape)", "dy is missing"),
        ("value for gradient", "dxhat", "dxhat = xhat.clone()", "this is the value `xhat`, no gradient"),
        ("passed on as it is", "dxhat", "dxhat = dy", "as it arrived"),
        ("epsilon left out", "dvar", "dvar = dinv * -0.5 * var**-1.5", "small constant"),
        ("another epsilon", "dvar", "dvar = dinv * -0.5 * (var + 1e-3)**-1.5", "is 0.001, expected 1e-05"),
        ("power", "dvar", "dvar = dinv * -0.5 * (var + 1e-5)**-0.5", "the power of `var + 1e-05` is wrong"),
        (
            "path lost",
            "dcentred_path2",
            "dcentred = dvar * 2 * centred / x.shape[1]",
            "the gradient through `xhat` is missing",
        ),
        (
            "paths multiplied",
            "dcentred_path2",
            "dcentred = dcentred * (dvar * 2 * centred / x.shape[1])",
            "are multiplied: what comes by several paths must be added",
        ),
        (
            "paths averaged",
            "dcentred_path2",
            "dcentred = (dcentred + dvar * 2 * centred / x.shape[1]) / 2",
            "as in an average",
        ),
        ("size left out", "dcentred_path2", "dcentred = dcentred + dvar * 2 * centred", "must be divided by"),
        ("first example only", "dbias", "dbias = dy[0]", "`[0]` takes only one row of `dy`"),
        (
            "loop without +=",
            "dbias",
            "dbias = torch.zeros_like(bias)\nfor i in range(len(x)):\n    dbias = dy[i]",
            "`+=` belongs there",
        ),
        (
            "loop over some",
            "dbias",
            "dbias = torch.zeros_like(bias)\nfor i in range(len(x) - 1):\n    dbias += dy[i]",
            "leaves the last examples out",
        ),
        ("starts from something", "dbias", "dbias = bias + dy.sum(0)", "the term `bias` is added"),
        (
            "loop done twice",
            "dbias",
            "dbias = torch.zeros_like(bias)\nfor k in range(2):\n    dbias += dy.sum(0)",
            "counted several times",
        ),
        ("two mistakes", "dbias", "dbias = -dy.mean(0)", "the gradient has the wrong sign"),
    ),
    *_of(
        "attention",
        ("not transposed", "dv", "dv = weights @ dout", "transposed"),
        (
            "reshape for transpose",
            "dweights",
            "dweights = dout @ v.reshape(v.shape[1], v.shape[0])",
            "`reshape` does not transpose `v`",
        ),
        ("another tensor", "dk", "dk = dscores.T @ k / size**0.5", "`k` stands where `q` belongs"),
        ("another gradient", "dWv", "dWv = x.T @ dout", "`dout` stands where `dv` belongs"),
        ("not its root", "dq", "dq = dscores @ k / size", "`size` stands where `size ** 0.5` belongs"),
        ("quotient upside down", "draised_path1", "draised = dweights * norm", "must be divided"),
        ("added for multiplied", "dscores", "dscores = draised + raised", "are added, where they must be multiplied"),
        ("sums multiplied", "dx_path1", "dx = (dv + dk) @ (Wv + Wk).T - dk @ Wk.T", "two sums are multiplied"),
    ),
    *_of(
        "recurrent",
        ("another derivative", "dpre2", "dpre2 = dh2 * (1 - h2**2)", "stands where the derivative of"),
        ("square outside", "dpre1", "dpre1 = dh1 * (1 - h1)**2", "the brackets are wrong"),
        ("value for derivative", "dgate", "dgate = dscaled * gate**3", "`gate ** 3` stands where the derivative of"),
        ("relu of the gradient", "dpre1", "dpre1 = torch.relu(dh1)", "takes a function of the gradient"),
        ("mean of the forward pass", "dscaled", "dscaled = torch.ones_like(scaled)", "must be divided by"),
    ),
    *_of(
        "attention",
        ("stops too early", "draised_path1", "draised = dout @ v.T", "this is the gradient of `weights`"),
    ),
    *_of(
        "fused",
        (
            "factor outside a sum",
            "dz",
            "dz = (dy * gain - (dy * gain).mean(1, keepdim=True) - xhat**2 * (dy * gain).mean(1, keepdim=True)) / std",
            "it belongs inside",
        ),
        ("softmax over the wrong axis", "dy", "dy = (F.softmax(y, 0) - target) / rows", "expected axis 1"),
        (
            "one for each element",
            "dy",
            "dy = (torch.sigmoid(y) - target) / rows",
            "`sigmoid` stands where `softmax` belongs",
        ),
    ),
]


def main() -> None:
    """Print every kind with its sentence."""
    for kind in KINDS:
        print(f"{kind.mistake}: {kind.code!r}\n    {kind.said or '(nothing)'}")


if __name__ == "__main__":
    main()
