"""Two changes that mend a cell together are found by what each of them does."""

from __future__ import annotations

import pytest
import torch

from autograder.dojo.explain import pairs
from autograder.dojo.explain.edit import Edit
from autograder.dojo.explain.order import LIKELY, MANY
from autograder.dojo.explain.pairs import any_two, likely_with_any, matching, mends, twice
from autograder.dojo.explain.repair import read_cell
from tests.dojo.explain.cells import trials

FORWARD = "swell = oar * hull\ncrest = oar.exp()"
PRODUCT = "swell = oar * hull"
SHAPES = {"oar": (0, 3), "hull": (0, 3)}


def changes(code, forward=FORWARD):
    """The cell, its trials, and all changes that are tried with what each gives on the first trial."""
    student, tried = read_cell(code, "doar", trials(forward, "oar", code, **SHAPES))
    edits = [edit for maker in (*LIKELY, *MANY) for edit in maker(student)]
    return student, tried, [(edit, student.result(tried[0], edit.changes)) for edit in edits]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        # of two terms: what they do adds up
        ("doar = dswell * oar + crest * crest", ("`oar` stands where `hull`", "`crest` stands where its gradient")),
        ("doar = (swell + crest) * 2 - swell - crest", None),
    ],
)
def test_two_changes_are_known_by_their_numbers(code, says):
    with torch.no_grad():
        student, tried, edits = changes(code)
        found = matching(student, edits, tried)
        said = " ".join(edit.sentence for edit in found)
        if says is None:
            assert found == []
            return
        assert mends(student, {**found[0].changes, **found[1].changes}, tried)
        assert all(not mends(student, edit.changes, tried) for edit in found)
    assert all(each in said for each in says), said


def test_a_change_that_does_nothing_goes_with_none():
    with torch.no_grad():
        student, tried, edits = changes("doar = dswell * hull + dcrest * oar")
        nothing = [(Edit("none", "nothing", {}), student.result(tried[0], {})) for _ in range(9)]
        right = [(edit, found) for edit, found in edits if mends(student, edit.changes, tried)]
        assert right
        assert matching(student, [*nothing, *right[:1]], tried) == []


def test_the_others_look_for_pairs_one_by_one():
    with torch.no_grad():
        student, tried, edits = changes("doar = dswell * oar + crest * crest")
        pair = matching(student, edits, tried)
        strangers = [edit for edit, _ in edits if edit.kind == "sign"][:2]
        assert any_two(student, [*strangers, *pair], tried) == pair
        assert likely_with_any(student, [*strangers, pair[0]], [pair[1]], tried) == [pair[0], pair[1]]
        assert twice(student, [strangers, pair], tried) == pair
        assert any_two(student, strangers, tried) == []


def test_what_two_changes_of_two_factors_do_is_multiplied():
    with torch.no_grad():
        student, tried, edits = changes("doar = swell * oar", PRODUCT)
        one, other = matching(student, edits, tried)
    assert {one.sentence[:40], other.sentence[:40]} == {
        "the value `swell` stands where its gradi", "`oar` stands where `hull` belongs"
    }  # fmt: skip


def test_two_transposes_are_no_mistake():
    """One undoes the other, or both together put numbers elsewhere by chance."""
    turned = [Edit("transpose", f"`{name}` must be transposed", {object(): None}) for name in ("oar", "hull")]
    sign = Edit("sign", "the sign of `oar` is wrong", {object(): None})
    named = Edit("transpose", "in `oar @ hull`, `hull` must be transposed", {object(): None})
    assert not pairs._are_apart(*turned)
    assert pairs._are_apart(turned[0], sign)
    assert pairs._are_apart(turned[0], named)
