"""Ways of laying out an answer in functions, in a class and in dictionaries of gradients."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable, Mapping

from tests.marks.notebooks import solutions, variable
from tests.marks.ways import FIRST, VARIABLES, Way, _joined, _local, _notebook, _plain

NAMES = ", ".join(VARIABLES)


IDS = tuple(solutions())


DECORATED = (
    "import functools\nimport time\n\n\ndef timed(function):\n    @functools.wraps(function)\n"
    "    def inner(*args):\n        start = time.time()\n        result = function(*args)\n"
    "        print(time.time() - start)\n        return result\n    return inner\n\n\n@torch.no_grad()\n@timed\n"
)


def _one(code: str) -> object:
    """The notebook with this code in the first stub, the others emptied."""
    return _notebook({FIRST: code})


def _in_function(body: str, after: str, head: str = "def backward():") -> str:
    return f"{head}\n{textwrap.indent(body, '    ')}\n\n\n{after}"


class _Instead(ast.NodeTransformer):
    """Puts another expression in the place of each d-variable."""

    def __init__(self, make: Callable[[str], str]) -> None:
        self._make = make

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in VARIABLES:
            return node
        found = ast.parse(self._make(node.id), mode="eval").body
        found.ctx = node.ctx  # type: ignore[attr-defined]
        return found


def _instead(code: str, make: Callable[[str], str]) -> str:
    return ast.unparse(ast.fix_missing_locations(_Instead(make).visit(ast.parse(code))))


def _renamable(code: str) -> bool:
    return _local(code) and ":=" not in code


def _declarable(code: str) -> bool:
    """Whether the d-variables can be declared nonlocal or global: Python lets no such name have an annotation."""
    return _local(code) and not any(isinstance(node, ast.AnnAssign) for node in ast.walk(ast.parse(code)))


def _for_an_entry(code: str) -> bool:
    """Whether the d-variables can be entries of a dictionary in cells of their own."""
    if not _plain(code):
        return False
    nodes = list(ast.walk(ast.parse(code)))
    words = {node.id for node in nodes if isinstance(node, ast.Name)}
    unwritable = any(isinstance(node, ast.AnnAssign | ast.NamedExpr) for node in nodes)
    return not unwritable and words.isdisjoint({"globals", "locals", "exec"})


def _function_each(cells: Mapping[str, str]) -> str:
    """A function for each step, which gives its gradient back; called one by one at the end."""
    steps, calls = [], []
    for cell in IDS:
        name = variable(cell)
        takes = name if cell.endswith("_path2") else ""
        steps.append(_in_function(f"{cells[cell]}\nreturn {name}", "", f"def step_{cell}({takes}):"))
        calls.append(f"{name} = step_{cell}({takes})")
    return "\n".join([*steps, *calls])


def _loop_over_functions(cells: Mapping[str, str]) -> str:
    steps = [_in_function(f"global {variable(cell)}\n{cells[cell]}", "", f"def step_{cell}():") for cell in IDS]
    listed = ", ".join(f"step_{cell}" for cell in IDS)
    return "\n".join([*steps, f"for step in [{listed}]:\n    step()"])


def _loop_over_pairs(cells: Mapping[str, str]) -> str:
    """`for name, step in zip(names, steps)`, the results set as globals."""
    steps = []
    for cell in IDS:
        takes = f"{variable(cell)}" if cell.endswith("_path2") else ""
        head = f"def step_{cell}({takes + '=None' if takes else ''}):"
        begin = f"if {takes} is None:\n    {takes} = globals()['{takes}']\n" if takes else ""
        steps.append(_in_function(f"{begin}{cells[cell]}\nreturn {variable(cell)}", "", head))
    names = [variable(cell) for cell in IDS]
    listed = ", ".join(f"step_{cell}" for cell in IDS)
    return "\n".join([*steps, f"for name, step in zip({names}, [{listed}]):\n    globals()[name] = step()"])


def _nested(cells: Mapping[str, str]) -> str:
    """Functions inside a function, which share its names."""
    inner = [_in_function(f"nonlocal {variable(c)}\n{cells[c]}", "", f"def step_{c}():").strip() for c in IDS]
    start = " = ".join(VARIABLES) + " = None"
    calls = "\n".join(f"step_{cell}()" for cell in IDS)
    return _in_function("\n".join([start, *inner, calls, f"return {NAMES}"]), f"{NAMES} = backward()")


def _parts(cells: Mapping[str, str]) -> str:
    """A function for each third of the network."""
    calls, code = [], []
    third = -(-len(IDS) // 3)
    for number in range(3):
        part = IDS[number * third : (number + 1) * third]
        made = tuple(dict.fromkeys(variable(cell) for cell in part))
        earlier = VARIABLES[: max(VARIABLES.index(name) for name in made) + 1]
        takes = ", ".join(name for name in earlier if variable(IDS[0]) and name in _made_before(part[0]))
        body = "\n".join(cells[cell] for cell in part)
        code.append(_in_function(f"{body}\nreturn {', '.join(made)}", "", f"def part{number}({takes}):"))
        calls.append(f"{', '.join(made)} = part{number}({takes})")
    return "\n".join([*code, *calls])


def _made_before(cell: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(variable(other) for other in IDS[: IDS.index(cell)]))


def _class(cells: Mapping[str, str]) -> str:
    """Three methods that set attributes of the object."""
    third = -(-len(IDS) // 3)
    methods = []
    for number in range(3):
        part = IDS[number * third : (number + 1) * third]
        body = "\n".join(_instead(cells[cell], lambda name: f"self.{name}") for cell in part)
        methods.append(_in_function(body, "", f"def part{number}(self):").strip())
    code = _in_function("\n\n".join(methods), "", "class Backward:")
    calls = "\n".join(f"back.part{number}()" for number in range(3))
    return f"{code}\nback = Backward()\n{calls}\n" + "\n".join(f"{name} = back.{name}" for name in VARIABLES)


def _dictionary(cells: Mapping[str, str]) -> dict[str, str]:
    return {cell: _instead(cells[cell], lambda name: f"grads['{name}']") for cell in IDS}


def _dictionary_at_once(cells: Mapping[str, str]) -> str:
    body = "\n".join(_dictionary(cells).values())
    return "grads = {}\n" + body + "\n" + "\n".join(f"{name} = grads['{name}']" for name in VARIABLES)


def _dictionary_by_cell(cells: Mapping[str, str]) -> dict[str, str]:
    found = {c: f"{code}\n{variable(c)} = grads['{variable(c)}']" for c, code in _dictionary(cells).items()}
    return found | {FIRST: f"grads = {{}}\n{found[FIRST]}"}


def _dictionary_update(cells: Mapping[str, str]) -> str:
    return "grads = {}\n" + "\n".join(_dictionary(cells).values()) + "\nglobals().update(grads)"


def _generator(cells: Mapping[str, str]) -> str:
    last = {variable(cell): cell for cell in IDS}
    body = "\n".join(cells[c] + (f"\nyield {variable(c)}" if last[variable(c)] == c else "") for c in IDS)
    names = ", ".join(variable(cell) for cell in IDS if last[variable(cell)] == cell)
    return _in_function(body, f"{names} = backward()")


IN_FUNCTIONS = (
    Way("a class with three methods", lambda c: _one(_class(c)), _renamable, whole=True),
    Way("functions inside a function", lambda c: _one(_nested(c)), _declarable, whole=True),
    Way("a function for each step", lambda c: _one(_function_each(c)), _local),
    Way("three functions", lambda c: _one(_parts(c)), _local),
    Way("a dictionary, unpacked at the end", lambda c: _one(_dictionary_at_once(c)), _renamable, whole=True),
    Way("a dictionary, cell by cell", lambda c: _notebook(_dictionary_by_cell(c)), _for_an_entry, whole=True),
    Way("a dictionary for globals().update", lambda c: _one(_dictionary_update(c)), _renamable, whole=True),
    Way("a loop over functions", lambda c: _one(_loop_over_functions(c)), _declarable, whole=True),
    Way("a loop over names and functions", lambda c: _one(_loop_over_pairs(c)), _local),
    Way(
        "a decorated function",
        lambda c: _one(
            _in_function(f"{_joined(c)}\nreturn {NAMES}", f"{NAMES} = backward()", DECORATED + "def backward():")
        ),
        _local,
    ),
    Way(
        "a function with global",
        lambda c: _one(_in_function(f"global {NAMES}\n{_joined(c)}", "backward()")),
        _declarable,
        whole=True,
    ),
    Way("a generator", lambda c: _one(_generator(c)), _local),
    Way(
        "locals() of a function",
        lambda c: _one(_in_function(f"{_joined(c)}\nreturn locals()", "globals().update(backward())")),
        _local,
    ),
)
