"""Small exercises for tests: cell builders, and one exercise that has every kind of cell."""

from __future__ import annotations

from typing import Any

from nbformat import v4

Notebook = Any


def markdown(text: str) -> Any:
    return v4.new_markdown_cell(text)


def code(source: str, **metadata: Any) -> Any:
    return v4.new_code_cell(source, metadata=metadata)


def locked(grade_id: str, source: str, *tags: str) -> Any:
    info = {"grade_id": grade_id, "grade": False, "solution": False, "locked": True, "task": False, "schema_version": 3}
    return code(source, nbgrader=info, tags=list(tags))


def solution(grade_id: str, source: str) -> Any:
    info = {"grade_id": grade_id, "grade": False, "solution": True, "locked": False, "task": False, "schema_version": 3}
    return code(f"### BEGIN SOLUTION\n{source}\n### END SOLUTION", nbgrader=info)


def check(tensor: str, points: float = 1) -> Any:
    info = {"grade_id": f"cmp_d{tensor}", "grade": True, "solution": False, "locked": True, "task": False}
    return code(f"cmp('{tensor}', d{tensor}, {tensor})", nbgrader={**info, "points": points, "schema_version": 3})


def notebook(*cells: Any) -> Notebook:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=list(cells), metadata={"kernelspec": kernel})


def tide() -> Notebook:
    """Four marked gradients, one of them in two paths, worth 1, 2, 3 and 4 points."""
    return notebook(
        markdown("# Tide"),
        locked("import", "import torch"),
        locked("sizes", "size = 3", "parameters"),
        locked("data", "tide = torch.arange(1.0, size + 1).requires_grad_()"),
        locked("forward", "wave = tide * 2\nfoam = wave + 1\ncrest = wave * foam\nloss = crest.sum()", "forward"),
        locked("autograd", "for t in (wave, foam, crest):\n    t.retain_grad()\nloss.backward()", "autograd"),
        locked("show", "print(loss)"),
        solution("dcrest", "dcrest = torch.ones_like(crest)"),
        check("crest", 1),
        solution("dwave_path1", "dwave = dcrest * foam"),
        solution("dfoam", "dfoam = dcrest * wave"),
        check("foam", 2),
        solution("dwave_path2", "dwave = dwave + dfoam"),
        check("wave", 3),
        solution("dtide", "dtide = dwave * 2"),
        check("tide", 4),
    )


def by_id(notebook: Notebook) -> dict[str, Any]:
    """The nbgrader cells of an undamaged notebook, by grade_id."""
    return {cell.metadata["nbgrader"]["grade_id"]: cell for cell in notebook.cells if "nbgrader" in cell.metadata}


HARBOUR_ANSWERS = {
    "dpart": "chosen = range(rows), goal\ndpart = torch.zeros_like(part)\n"
    "dpart[chosen] = torch.full((rows,), -1 / rows) / part[chosen]",
    "dswell_path1": "dswell = dpart / total",
    "dtotal": "dtotal = (-dpart * swell / total**2).sum(1, keepdim=True)",
    "dswell_path2": "dswell = dswell + dtotal",
    "dflat": "dflat = dswell * swell",
    "dmast_path1": "dmast = dflat.clone()",
    "dpeak": "dpeak = -dflat.sum(1, keepdim=True)",
    "dmast_path2": "dmast = dmast + dpeak * torch.nn.functional.one_hot(mast.max(1).indices, mast.shape[1])",
    "drope": "drope = dmast.sum(0)",
    "dkeel": "dkeel = sail.T @ dmast",
}
"""The solution of `harbour`, by grade_id."""


def harbour(**answers: str) -> Notebook:
    """A softmax with all that can happen to a mark; eight points, one each. answers: in the place of the solution's.

    Two gradients in two paths, one of them zero; sizes and a seed to draw cases from; a tensor whose true
    gradient vanishes (`peak`: a shift, which softmax does not see).
    """
    right = {name: solution(name, answers.get(name, source)) for name, source in HARBOUR_ANSWERS.items()}
    return notebook(
        markdown("# Harbour"),
        locked("imports", "import torch"),
        locked("sizes", "SEED = 5\nrows = 6\nwidth = 4", "parameters"),
        locked(
            "data",
            "source = torch.Generator().manual_seed(SEED)\n"
            "sail = torch.randn((rows, 3), generator=source)\n"
            "goal = torch.randint(0, width, (rows,), generator=source)\n"
            "keel = torch.randn((3, width), generator=source).requires_grad_()\n"
            "rope = torch.randn(width, generator=source).requires_grad_()",
        ),
        locked(
            "forward",
            "mast = sail @ keel + rope\n"
            "peak = mast.max(1, keepdim=True).values\n"
            "flat = mast - peak\n"
            "swell = flat.exp()\n"
            "total = swell.sum(1, keepdim=True)\n"
            "part = swell / total\n"
            "loss = -part[range(rows), goal].log().mean()",
            "forward",
        ),
        locked(
            "autograd",
            "for t in (mast, peak, flat, swell, total, part):\n    t.retain_grad()\nloss.backward()",
            "autograd",
        ),
        *(right["dpart"], check("part"), right["dswell_path1"], right["dtotal"], check("total")),
        *(right["dswell_path2"], check("swell"), right["dflat"], check("flat"), right["dmast_path1"]),
        *(right["dpeak"], check("peak"), right["dmast_path2"], check("mast")),
        *(right["drope"], check("rope"), right["dkeel"], check("keel")),
    )


def with_cells(before: str, *sources: str, of: Notebook | None = None) -> Notebook:
    """A notebook (harbour, where none is given) with cells of the student's own before the cell `before`."""
    changed = harbour() if of is None else of
    at = changed.cells.index(by_id(changed)[before])
    changed.cells[at:at] = [code(source) for source in sources]
    return changed


def place(notebook: Notebook, grade_id: str) -> int:
    """Where a cell is."""
    return int(notebook.cells.index(by_id(notebook)[grade_id]))
