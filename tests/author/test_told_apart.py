"""Usual mistakes on hidden cases: which no case shows."""

from autograder.author.solve import script_of
from autograder.author.told_apart import told_apart
from autograder.reference.setup import in_folder
from tests.warm import warm_grader


def tried(changed, **pieces):
    book, exercise = changed(**pieces)
    with warm_grader(exercise) as grader, in_folder(exercise) as shell:
        return told_apart(exercise, script_of(book, exercise), grader, shell)


def test_all_mistakes_in_the_example_are_seen(changed):
    found = tried(changed)
    assert found.tried > 40
    assert found.findings == ()


def test_data_that_hides_a_mistake_is_said_with_the_mistake_and_its_step(changed):
    """All weights of a layer are one, so that a factor of them is left out unseen."""
    drawn = "W2 = torch.randn((n_hidden, n_classes), generator=g, requires_grad=True)"
    ones = "W2 = torch.ones((n_hidden, n_classes), requires_grad=True)"
    found = tried(changed, setup=(drawn, ones), dh=("dz2 @ W2.T", "dz2.sum(1, keepdim=True) * W2[:, 0]"))
    texts = [finding.line() for finding in found.findings if finding.where == "cmp_dh"]
    assert any("warning" in text and "no hidden case can tell these from the answer" in text for text in texts)
    assert any("the true gradient of h is zero" in text for text in texts)
