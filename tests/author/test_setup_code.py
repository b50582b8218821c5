"""What hidden cases will stumble over, found in the text of locked cells."""

import pytest

from autograder.author.setup_code import setup_findings


def said(changed, **pieces):
    return [finding.line() for finding in setup_findings(*changed(**pieces))]


def test_nothing_is_found_in_the_example(changed):
    assert said(changed) == []


@pytest.mark.parametrize(
    ("pieces", "says"),
    [
        ({"parameters": ("n = 8", "n = 2 * 4")}, "`n = 2 * 4` is no plain number, so no hidden case can change it"),
        (
            {"parameters": ("n = 8", "n = 8\nm = n + 1")},
            "`m = n + 1` is no plain number, so a case's sizes are set after",
        ),
        (
            {"parameters": ("n = 8", "n = 8\nspare = 9")},
            "spare is read by no locked cell, so no hidden case can change it",
        ),
        ({"parameters": ("n = 8", "n = 8\nSEED_2 = 9")}, "SEED_2 is read by no locked cell, so hidden cases would all"),
        (
            {"setup": ("randn((n, n_inputs)", "randn((8, n_inputs)")},
            "warning cell 3 (setup): has the number 8, as n has",
        ),
        (
            {"setup": ("generator=g)\ny", "generator=g, dtype=torch.float32)\ny")},
            "`dtype=torch.float32` fixes a precision",
        ),
        ({"setup": ("generator=g)\ny", "generator=g).float()\ny")}, "fixes a precision"),
        ({"setup": ("import torch\n", "import torch\ntorch.set_default_dtype(torch.float64)\n")}, "fixes a precision"),
    ],
)
def test_what_is_found_is_said_with_what_to_do(changed, pieces, says):
    assert any(says in line for line in said(changed, **pieces)), said(changed, **pieces)


@pytest.mark.parametrize("line", ["a = x**8", "a = 5 / 8", "a = y.long()", "a = x.to(torch.get_default_dtype())"])
def test_exponents_fractions_and_whole_numbers_are_no_faults(changed, line):
    assert said(changed, setup=("import torch\n", f"import torch\n# here\n{line}\n")) == []


def test_a_parameter_that_is_declared_fixed_is_no_size(changed):
    pieces = {
        "parameters": ("n = 8", "n = 8\nk = 7  # fixed"),
        "setup": ("import torch\n", "import torch\nz = k + 7\n"),
    }
    assert said(changed, **pieces) == []
