"""A student's cell: its values, and what a change of a part leaves known."""

from __future__ import annotations

import ast
import dataclasses
import time

import torch

from autograder.dojo.explain.cell import StudentCell, is_number
from autograder.dojo.explain.evaluate import Evaluation
from tests.dojo.explain.cells import cell

SWELL = "swell = torch.tanh(oar)"


def test_changed_parts_alone_are_computed_again():
    student = cell(SWELL, "oar", "square = swell**2\ndoar = dswell * (1 + square)", oar=(0, 3))
    plus = next(node for node in student.nodes if ast.unparse(node) == "1 + square")
    found = student.result(student.trial, {plus: ast.BinOp(plus.left, ast.Sub(), plus.right)})
    torch.testing.assert_close(found, student.trial.total)
    first = next(node for node in student.nodes if ast.unparse(node) == "swell ** 2")
    found = student.result(student.trial, {first: ast.UnaryOp(ast.USub(), ast.parse("swell**2", mode="eval").body)})
    torch.testing.assert_close(found, student.trial.total)


def test_a_name_that_is_assigned_again_is_computed_again_where_it_changes():
    code = "doar = dswell * 3\nhalf = doar\ndoar = dswell\ndoar = doar + half * 0 - swell**2 * dswell"
    student = cell(SWELL, "oar", code, oar=(0, 3))
    assert student.is_plain
    for text, new in (
        ("dswell", "dswell * 2"),
        ("dswell * 3", "dswell * 5"),
        ("half * 0", "half"),
        ("swell ** 2", "1"),
    ):
        for node in (node for node in student.nodes if ast.unparse(node) == text):
            changes = {node: ast.parse(new, mode="eval").body}
            evaluation = Evaluation(student.trial.names, changes)
            evaluation.run(student.body)
            torch.testing.assert_close(student.result(student.trial, changes), evaluation.names["doar"])


def test_a_cell_with_long_loops_affords_fewer_changes():
    quick = cell(SWELL, "oar", "doar = dswell", oar=(0, 3))
    code = "doar = torch.zeros_like(oar)\nfor i in range(n):\n    for j in range(3):\n        doar[i, j] = dswell[i, j]"
    slow = cell(SWELL, "oar", code, oar=(0, 3))
    assert slow.affordable(10**6) < quick.affordable(10**6) / 10
    assert quick.affordable(5) == 5


def test_nothing_is_computed_when_the_time_is_over():
    student = cell(SWELL, "oar", "doar = dswell * swell * swell * swell", oar=(0, 3))
    assert not student.is_late
    late = dataclasses.replace(student, until=time.thread_time(), values={})
    assert late.is_late
    assert late.result(late.trial, {}) is None


def test_what_the_right_cell_may_hold_is_known_by_its_text():
    student = cell(SWELL, "oar", "doar = dswell * swell", oar=(0, 3))
    assert {"dswell", "torch.tanh(oar)", "oar.shape[0]"} <= student.known.keys()
    assert student.is_gradient("dswell")
    assert not student.is_gradient("swell")


def test_a_very_long_cell_is_not_read():
    student = cell(SWELL, "oar", "doar = dswell", oar=(0, 3))
    assert StudentCell.read("doar = dswell" + " + 0" * 300, "doar", student.trial) is None


def test_truth_values_are_no_numbers():
    assert is_number(1)
    assert is_number(torch.ones(1))
    assert not is_number(True)
