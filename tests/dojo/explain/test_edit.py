"""What the edits share: quotes, products taken apart, and the tensor that a call works on."""

from __future__ import annotations

import ast

from autograder.dojo.explain.edit import factors_of, owner_of, product_of, quoted


def parsed(source: str):
    return ast.parse(source, mode="eval").body


def test_a_product_is_taken_apart_and_put_together():
    factors = factors_of(parsed("a * b / (c * d)"))
    assert [(ast.unparse(node), above) for node, above in factors] == [
        ("a", True),
        ("b", True),
        ("c", False),
        ("d", False),
    ]
    assert ast.unparse(product_of(factors)) == "a * b / c / d"
    assert ast.unparse(product_of([])) == "1"


def test_long_code_and_blocks_are_shortened():
    assert quoted("oar") == "`oar`"
    assert quoted("oar + " * 30).endswith("`")
    assert len(quoted("oar + " * 30)) < 70
    assert quoted("for i in oar:\n    i += 1") == "`for i in oar: ...`"


def test_the_tensor_of_a_call():
    assert ast.unparse(owner_of(parsed("oar.sum(0)"))) == "oar"
    assert ast.unparse(owner_of(parsed("torch.sum(oar, 0)"))) == "oar"
    assert owner_of(parsed("len(oar)")) is None
