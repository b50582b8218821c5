"""What is flagged: every known way around autograd, and no honest answer."""

from __future__ import annotations

import pytest

from autograder.sandbox.messages import ScriptCell
from autograder.submission.vocabulary import MAX_FLAGS, vocabulary_flags
from tests.marks.right_answers import RIGHT, WHOLE
from tests.notebooks import HARBOUR_ANSWERS


def flags(*sources, modules=None):
    return vocabulary_flags(tuple(ScriptCell(i, source, ()) for i, source in enumerate(sources)), modules or {})


WAYS = [
    "eval('torch.auto' + 'grad')",
    "exec(text)",
    "getattr(torch, 'auto' + 'grad').grad(loss, probs)",
    "getattr(torch, '_C')",
    "engine = f.__closure__[0].cell_contents",
    "vars(torch.autograd.Variable)['_exec' + 'ution'] if torch.Tensor.__subclasses__() else 0",
    "sys._current_frames()",
    "from concurrent.futures import ThreadPoolExecutor",
    "import threading, gc\ngc.get_objects()",
    "import inspect\ninspect.currentframe()",
    "import gc as g",
    "import threading\nthreading.Thread(target=f).start()",
    "import torch._C",
    "from torch import _C",
    "torch.ops.aten.tanh_backward(a, b)",
    "torch.distributed.autograd.backward(0, [loss])",
    "class F(torch.autograd.Function):\n    pass",
    "class T(torch.Tensor):\n    pass",
    "torch.nn.grad.conv2d_input(a, b, c)",
    "h.register_hook(print)",
    "import ctypes",
    "torch.Tensor.backward = f",
    "import importlib",
    "%time exec('x = 1')",
]


@pytest.mark.parametrize("source", WAYS)
def test_a_way_around_is_flagged_with_its_line(source):
    (flag, *_) = flags("x = 1", f"y = 2\n{source}")
    assert flag.startswith("cell 2, line ")
    assert "which no derivation needs: " in flag


@pytest.mark.parametrize("source", sorted({source for sources in RIGHT.values() for source in sources}))
def test_no_honest_cell_is(source):
    assert flags(source) == []


@pytest.mark.parametrize("whole", WHOLE, ids=lambda whole: whole.name)
def test_no_honest_notebook_is(whole):
    beside = [source for place in (whole.before, whole.after) for sources in place.values() for source in sources]
    assert flags(*whole.cells.values(), *beside) == []


def test_the_small_exercise_is_not():
    assert flags(*HARBOUR_ANSWERS.values()) == []


def test_a_module_of_the_students_own_may_be_imported_and_is_read_too():
    assert flags("import helpers", modules={"helpers.py": "x = 1"}) == []
    (flag,) = flags("import helpers", modules={"helpers.py": "import ctypes"})
    assert flag.startswith("helpers.py, line 1, has the module ctypes")


def test_there_are_only_so_many_and_each_is_one_line():
    found = flags("exec(\n'x'\n)\n" * 100)
    assert len(found) == MAX_FLAGS + 1
    assert found[-1] == f"and {100 - MAX_FLAGS} more lines of this kind"
    assert not [flag for flag in found if "\n" in flag]
