"""The names, and that the exercise's own code prepares makemore's list as makemore does."""

import hashlib
import shutil
import sys

import pytest

from tests.conftest import ROOT

NAMES = ROOT / "names.txt"
# makemore's own list is not part of this repository; where it lies beside the checkout it is used.
MAKEMORE = ROOT.parent / "shared" / "data" / "makemore-names.txt"


def test_the_names_are_the_pinned_file():
    digest = hashlib.sha256(NAMES.read_bytes()).hexdigest()
    assert digest == "a311634f5113663f131a60cd0c76afb8420199991dbd9045773b8a2949ada835"


def test_there_are_32178_names_one_a_line():
    assert NAMES.read_bytes().count(b"\n") == 32_178
    assert len(NAMES.read_text().splitlines()) == 32_178


def test_the_names_are_of_lower_case_letters_only():
    assert not [
        name for name in NAMES.read_text().splitlines() if not name or set(name) - set(map(chr, range(97, 123)))
    ]


def test_the_first_names_are_the_most_frequent():
    assert NAMES.read_text().splitlines()[:3] == ["emma", "olivia", "ava"]


@pytest.fixture(scope="module")
def makemore(exercise, tmp_path_factory):
    """What setup and forward pass define where makemore's list takes the place of names.txt."""
    if not MAKEMORE.exists():
        pytest.skip("makemore's own list of names is not beside this checkout")
    folder = tmp_path_factory.mktemp("exercise")
    shutil.copytree(exercise.path.parent / "dojo", folder / "dojo")
    (folder / "names.txt").write_bytes(MAKEMORE.read_bytes())
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        patch.delitem(sys.modules, "dojo", raising=False)
        for source in (*exercise.setup, exercise.forward):
            exec(source, names)
    sys.modules.pop("dojo", None)
    return names


def test_makemores_list_splits_into_its_known_numbers_of_names(makemore):
    n1, n2, words = makemore["n1"], makemore["n2"], makemore["words"]
    assert (n1, n2 - n1, len(words) - n2) == (25_626, 3_203, 3_204)


def test_makemores_list_gives_its_known_numbers_of_examples(makemore):
    assert [len(makemore[name]) for name in ("Xtr", "Xdev", "Xte")] == [182_625, 22_655, 22_866]
    assert [len(makemore[name]) for name in ("Ytr", "Ydev", "Yte")] == [182_625, 22_655, 22_866]


def test_the_first_minibatch_is_makemores(makemore):
    assert makemore["Yb"][:10].tolist() == [8, 14, 15, 22, 0, 19, 9, 14, 5, 1]
    assert makemore["Xb"][:3].tolist() == [[1, 1, 4], [18, 14, 1], [11, 5, 9]]


def test_the_first_loss_is_makemores(makemore):
    assert makemore["loss"].item() == pytest.approx(3.33, abs=0.05)


def test_the_network_has_4137_numbers_to_train(makemore):
    assert sum(p.nelement() for p in makemore["parameters"]) == 4_137
