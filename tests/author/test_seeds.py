"""The solution at many seeds, in float32."""

from autograder.author.seeds import SEEDS, seed_findings
from autograder.author.solve import script_of


def said(changed, kept, **pieces):
    book, exercise = changed(**pieces)
    return [finding.line() for finding in seed_findings(exercise, script_of(book, exercise), kept)]


def test_the_example_is_right_at_all_and_the_second_time_its_data_is_kept(changed, tmp_path):
    for _ in range(2):
        # Whether `cmp` prints False for rounding at one of so many seeds depends on the processor: a note, no error.
        assert not [line for line in said(changed, tmp_path) if not line.startswith("note ")]
        assert len(list(tmp_path.glob("*.safetensors"))) == SEEDS


def test_a_step_that_float32_makes_wrong_is_said(changed, tmp_path):
    first, *_ = said(changed, tmp_path, dh=("dz2 @ W2.T", "(dz2 @ W2.T + 1e4) - 1e4"))
    assert first.startswith(f"error   cmp_dh: the solution is off at {SEEDS} of {SEEDS} seeds in float32")


def test_a_tolerance_of_its_check_cell_allows_for_it(changed, tmp_path):
    pieces = {"dh": ("dz2 @ W2.T", "dz2 @ W2.T * (1 + 1e-4)"), "cmp_dh": ("dh, h)", "dh, h, rtol=1e-3)")}
    assert not any("cmp_dh:" in line for line in said(changed, tmp_path, **pieces))


def test_a_solution_that_fails_at_another_seed_is_said_with_the_seed(changed, tmp_path):
    pieces = {"dh": ("dh = dz2", "assert x[0, 0] < -9\ndh = dz2")}
    (found,) = said(changed, tmp_path, **pieces)
    assert "with other seeds (SEED = 1000) it fails: AssertionError" in found
