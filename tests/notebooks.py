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
