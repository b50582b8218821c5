"""Likeness of code: what counts as the same, what does not count, and who is ranked first."""

from __future__ import annotations

import pytest

from autograder.classroom.similar import Pair, names_in, pairs, things

KNOWN = frozenset({"dh", "h", "torch", "dlogits", "W2"})


def said(source):
    return set(things(source, KNOWN))


class TestThings:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("dh = dlogits @ W2.T", "dh  =  dlogits@W2 . T"),
            ("mine = dlogits * 2\ndh = mine @ W2", "t = dlogits * 2\ndh = t @ W2"),
            (
                "def f(a, b):\n    return a @ b + 1\ndh = f(dlogits, W2)",
                "def g(x, y):\n  return (x @ y) + 1\ndh = g(dlogits,W2)",
            ),
            ("for i in range(3):\n    dh[i] = dlogits[i]", "for row in range(3):\n        dh[row] = dlogits[row]"),
        ],
    )
    def test_layout_and_chosen_names_make_no_difference(self, one, other):
        assert said(one) == said(other) != set()

    def test_names_that_the_exercise_gives_do(self):
        assert said("dh = dlogits @ W2") != said("dlogits = dh @ W2")

    def test_a_comment_counts_by_itself(self):
        assert said("dh = dlogits @ W2  # I think that THIS is it") == {
            "dh = dlogits @ W2",
            "# i think that this is it",
        }

    @pytest.mark.parametrize(
        "source",
        [
            "",
            "pass",
            "import torch",
            "dh = None  # TODO: the gradient",
            "dh = dh  # TODO: + more",
            "'a long text'",
            "dh",
        ],
    )
    def test_what_anybody_has_is_nothing(self, source):
        assert said(source) == set()

    def test_lines_are_counted_from_one(self):
        assert things("\ndh = dlogits @ W2\nif h:\n    dlogits = h * h", KNOWN) == {
            "dh = dlogits @ W2": 2,
            "dlogits = h * h": 4,
        }

    @pytest.mark.parametrize(
        "source", ["dh = dlogits @@ W2", "%%time\ndh = dlogits @ W2", "(" * 5000, "\0 = 3 + 4 + 5"]
    )
    def test_what_is_no_python_is_compared_line_by_line(self, source):
        assert isinstance(said(source), set)
        assert said("dh = dlogits @@  W2") == {"dh = dlogits @@ W2"}


def class_of(**own):
    """Twenty students who wrote the same three things, some of whom wrote things of their own too."""
    return {f"s{n}": {"a", "b", "c"} for n in range(20)} | {name: {"a", "b", "c", *more} for name, more in own.items()}


class TestPairs:
    def test_what_most_wrote_makes_no_pair(self):
        assert pairs(class_of()) == []

    def test_rare_things_do_and_the_rarest_first(self):
        found = pairs(class_of(ada="wxyz", ben="wxyz", cleo="uvw", dee="uvw", eli="u"))
        assert [(p.one, p.other) for p in found] == [("ada", "ben"), ("cleo", "dee")]
        assert found[0].shared == set("wxyz")
        assert (found[0].share, found[1].share) == (1.0, 1.0)
        assert found[0].bits > found[1].bits

    def test_two_things_are_too_few(self):
        assert pairs(class_of(ada="xy", ben="xy")) == []

    def test_what_was_handed_out_does_not_count(self):
        assert pairs(class_of(ada="xyz", ben="xyz"), frozenset("xyz")) == []

    def test_the_share_is_that_of_the_smaller(self):
        (found,) = pairs(class_of(ada="xyz", ben="xyzuvw"))
        assert found == Pair("ada", "ben", found.bits, 1.0, frozenset("xyz"))

    def test_nobody_is_like_nobody(self):
        assert pairs({}) == pairs({"ada": {"x"}}) == []


def test_names_of_an_exercise():
    assert names_in(["x = torch.zeros(n)", "%matplotlib inline"]) == {"x", "torch", "n"}
