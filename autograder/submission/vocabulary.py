"""Find code that no derivation of a gradient needs: it keeps its marks and is shown to a person.

Which ways around autograd there are inside one Python process cannot be listed to the end. So this names the words of a
derivation's neighbourhood that an honest answer has no use for, each with its line, and leaves the judgement to people.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping

from autograder.dojo.trial.code import KEPT, nodes_of
from autograder.sandbox.messages import ScriptCell
from autograder.text import one_line

MAX_FLAGS, MAX_LINE = 5, 80  # lines that are named of one submission, and characters of each

MODULES = frozenset(
    {"torch", "math", "numpy", "matplotlib", "random", "time", "itertools", "functools", "collections", "typing"}
    | {"IPython", "dojo", "string", "operator", "warnings", "dataclasses", "pandas", "tqdm", "google", "copy"}
    | {"sys", "os", "pathlib", "re", "statistics", "fractions", "decimal", "datetime", "textwrap", "pprint", "abc"}
    | {"json", "contextlib", "timeit", "seaborn", "plotly", "scipy", "sympy", "einops", "opt_einsum", "enum", "pdb"}
    | {"logging", "__future__"}
)
# Modules of which only this is any use in a notebook; under another name they are flagged as a whole.
LIMITED = {
    "gc": {"collect", "enable", "disable"},
    "inspect": {"signature", "getsource", "getdoc"},
    "traceback": {"print_exc", "format_exc"},
    "threading": {"Thread", "Lock"},
}
# Names that are called to run text as code or to reach what has no name in the notebook.
CALLS = frozenset({"eval", "exec", "compile", "__import__", "globals", "breakpoint", "memoryview"})
# Parts of PyTorch and of Python through which one gets to autograd, its kernels and this process.
ATTRIBUTES = frozenset(
    {
        "_C",
        "_VF",
        "ops",
        "_ops",
        "distributed",
        "library",
        "fx",
        "_dynamo",
        "_inductor",
        "_functorch",
        "jit",
        "overrides",
    }
    | {"Function", "FunctionCtx", "saved_tensors", "saved_tensors_hooks", "register_hook", "set_materialize_grads"}
    | {"register_post_accumulate_grad_hook", "register_full_backward_hook", "functional_call", "make_fx"}
    | {"f_back", "f_locals", "f_globals", "f_builtins", "tb_frame", "gi_frame", "cr_frame", "ag_frame", "cell_contents"}
    | {"_current_frames", "_getframe", "modules", "run_backward", "_execution_engine", "forward_ad", "as_subclass"}
    | {"system", "popen", "fork", "kill", "environ", "settrace", "setprofile", "addaudithook", "get_ipython"}
)
PLAIN_METHODS = frozenset({"__init__", "__name__", "__version__", "__call__", "__len__", "__getitem__", "__doc__"})
BASES = frozenset({"Tensor", "Parameter", "Function", "TorchFunctionMode", "TorchDispatchMode"})
REACHING = frozenset({"getattr", "setattr", "delattr", "hasattr", "attrgetter", "methodcaller"})


def vocabulary_flags(script: tuple[ScriptCell, ...], modules: Mapping[str, str]) -> list[str]:
    """Return a sentence for each line outside of the vocabulary of a derivation, and one for those beyond the first."""
    own = frozenset(name.removesuffix(".py") for name in modules)
    sources = [(f"cell {cell.index + 1}", cell.source) for cell in script] + list(modules.items())
    found = []
    for where, source in sources:
        outside = _outside(source, own)
        lines = source.splitlines() if outside else []
        for number, what in outside:
            text = lines[number - 1].strip() if 1 <= number <= len(lines) else ""
            found.append(f"{where}, line {number}, has {what}, which no derivation needs: {one_line(text)[:MAX_LINE]}")
    more = [f"and {len(found) - MAX_FLAGS} more lines of this kind"] if len(found) > MAX_FLAGS else []
    return [*found[:MAX_FLAGS], *more]


@functools.lru_cache(maxsize=KEPT)  # a class has many cells that are alike, and the stubs
def _outside(source: str, own: frozenset[str]) -> tuple[tuple[int, str], ...]:
    """Return the lines of some code outside of the vocabulary, each with what it has. own: the student's modules."""
    found = ((getattr(node, "lineno", 0), _what(node, own)) for node in nodes_of(source))
    return tuple(sorted({number: what for number, what in found if what is not None}.items()))


def _what(node: ast.AST, own: frozenset[str]) -> str | None:
    """Return what a node is that is outside of the vocabulary, in a few words; None where it is inside."""
    match node:
        case ast.Import(names):
            strange = [a.name for a in names if not (_known(a.name, own) or (a.name in LIMITED and a.asname is None))]
            return f"the module {strange[0]}" if strange else None
        case ast.ImportFrom(module=module, names=names, level=0):
            strange = [n.name for n in names if n.name in ATTRIBUTES] if _known(module or "", own) else [module or ""]
            return f"the module {strange[0]}" if strange else None
        case ast.Call(ast.Name(name), [_, attribute, *_]) if name in REACHING:
            word = attribute.value if isinstance(attribute, ast.Constant) else None
            return None if isinstance(word, str) and _plain(word) else "a computed or private attribute name"
        case ast.Call(ast.Attribute(_, "Thread"), keywords=keywords):
            calls = [k.value for k in keywords if k.arg == "target"]
            return None if all(isinstance(c, ast.Name) and c.id == "print" for c in calls) else "a thread"
        case ast.Attribute(ast.Name(module), name) if module in LIMITED and name not in LIMITED[module]:
            return f"{module}.{name}"
        case ast.Call(ast.Name(name) | ast.Attribute(attr=name)) if name in ("attrgetter", "methodcaller"):
            return "a computed attribute name"
        case ast.Name(name) if name in CALLS or (name.startswith("__") and name not in PLAIN_METHODS):
            return name
        case ast.Attribute(ast.Attribute(_, "nn"), "grad"):
            return "torch.nn.grad"
        case ast.Attribute(attr=name) if not _plain(name):
            return name
        case ast.ClassDef(bases=bases):
            tapped = [ast.unparse(base) for base in bases if _last(base) in BASES]
            return f"a subclass of {tapped[0]}" if tapped else None
        case ast.Assign(targets) if any(map(_of_torch, targets)):
            return "a change of PyTorch itself"
    return None


def _known(module: str, own: frozenset[str]) -> bool:
    top, *parts = module.split(".")
    return top in own or (top in MODULES and all(map(_plain, parts)))


def _plain(name: str) -> bool:
    private = name.startswith("__") and name not in PLAIN_METHODS
    return name not in ATTRIBUTES and not private


def _last(node: ast.expr) -> str:
    match node:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return ""


def _of_torch(target: ast.expr) -> bool:
    """Return whether a target is an attribute of torch or of a part of it."""
    if not isinstance(target, ast.Attribute):
        return False
    node: ast.expr = target
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in ("torch", "F", "nn", "np", "numpy")
