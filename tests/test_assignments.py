"""The content: what students get is generated from the solution, runs untouched and gives nothing away."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbgrader.nbgraderformat import MetadataValidator

from autograder.exercise.notebook import files_of, nbgrader_info, read_exercise
from demo.commands import ASSIGNMENT, new_course
from tests.conftest import ROOT

ASSIGNMENTS = sorted(folder.name for folder in (ROOT / "solutions").iterdir())
SOLUTIONS = sorted((ROOT / "solutions").glob("*/*.ipynb"))
STUBS = sorted((ROOT / "assignments").glob("*/*.ipynb"))
# Lines shorter than this occur by chance, such as a closing bracket.
TELLING = 12

TODO = re.compile(r"^(?P<name>\w+) = (?P<now>None|\w+)  # TODO: .*, shape \(.*\)$")
ANY_TODO = re.compile(r"^ *pass  # TODO: your code$", re.MULTILINE)
CMP_LINE = re.compile(r"^(\w+) +\| exact: (True |False) \| approximate: (True |False) \| maxdiff: (\S+)$")


def name_of(path):
    """A notebook as tests are called: backprop-1_manual_backprop."""
    return f"{path.parent.name}-{path.stem}"


each_assignment = pytest.mark.parametrize("assignment", ASSIGNMENTS)
each_solution = pytest.mark.parametrize("path", SOLUTIONS, ids=name_of)
each_stub = pytest.mark.parametrize("path", STUBS, ids=name_of)


def read(path):
    return nbformat.read(path, as_version=4)


def files(folder):
    """The bytes of every file, by its path in the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in files_of(folder)}


def cells(notebook, kind):
    """The notebook's nbgrader cells of one kind, "solution" or "grade"."""
    return [cell for cell in notebook.cells if nbgrader_info(cell).get(kind)]


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def first_cmp_line(cell):
    """(name, exact, approximate, maxdiff) as a check cell printed them."""
    match = CMP_LINE.match(printed(cell).partition("\n")[0])
    assert match is not None, printed(cell)
    return tuple(part.strip() for part in match.groups())


def released_of(assignment):
    """The folder that students get."""
    return ROOT / "assignments" / assignment


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course."""
    return new_course(tmp_path_factory.mktemp("course") / "course")


# Run where nothing else is: reads [[folder, [code]]] and prints, for each folder, what each cell printed, what it wrote
# to stderr, and whether it raised. Each notebook has a process of its own, forked once all have been imported.
EACH_ALONE = """
import contextlib, io, json, os, sys
import torch
from IPython.core.interactiveshell import InteractiveShell
for folder, code in json.load(sys.stdin):
    if os.fork():
        os.wait()
        continue
    os.chdir(folder)
    sys.path.insert(0, folder)
    shell = InteractiveShell.instance()
    found = []
    for number, source in enumerate(code):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            done = shell.run_cell(source, store_history=True, cell_id=str(number))
        found.append([out.getvalue(), err.getvalue(), done.success])
    print(json.dumps(found), flush=True)
    os._exit(0)
"""


def own_environment(folder):
    return os.environ | {"IPYTHONDIR": str(folder / ".ipython"), "PYTHONPATH": ""}


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What the cells of every stub notebook show, by notebook, in a folder of its own with the released files."""
    work = tmp_path_factory.mktemp("students")
    for path in STUBS:
        shutil.copytree(path.parent, work / name_of(path))
    code = [[str(work / name_of(path)), [cell.source for cell in code_cells(read(path))]] for path in STUBS]
    done = subprocess.run(
        [sys.executable, "-c", EACH_ALONE],
        input=json.dumps(code),
        cwd=work,
        env=own_environment(work),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(map(name_of, STUBS), map(json.loads, done.stdout.splitlines()), strict=True))


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def in_a_kernel(path, folder):
    """The notebook, run in a real kernel in a folder of its own with the released files."""
    shutil.copytree(path.parent, folder, dirs_exist_ok=True)
    notebook = read(folder / path.name)
    client = NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}, kernel_name="python3", timeout=300)
    client.execute(env=own_environment(folder))
    return notebook


@pytest.fixture(scope="module", params=STUBS, ids=name_of)
def run_stub(request, shown, tmp_path_factory):
    """A stub notebook with its outputs: of the first one of a real kernel, of the others of IPython without one."""
    path = request.param
    if path == STUBS[0]:
        return in_a_kernel(path, tmp_path_factory.mktemp("student"))
    notebook = read(path)
    for cell, (out, err, fine) in zip(code_cells(notebook), shown[name_of(path)], strict=True):
        cell.outputs = [nbformat.v4.new_output("stream", text=out)] if out else []
        cell.outputs += [nbformat.v4.new_output("stream", name="stderr", text=err)] if err else []
        cell.outputs += [] if fine else [nbformat.v4.new_output("error", ename="error")]
    return notebook


def test_an_assignment_is_generated_for_every_folder_of_solutions():
    assert sorted(folder.name for folder in (ROOT / "assignments").iterdir()) == ASSIGNMENTS
    assert ASSIGNMENT in ASSIGNMENTS


@each_assignment
def test_the_committed_assignment_is_what_nbgrader_generates_from_the_solution(course, assignment):
    course.instructor("nbgrader", "generate_assignment", assignment)
    now, committed = files(course.folder / "assignments" / assignment), files(released_of(assignment))
    assert sorted(now) == sorted(committed)
    assert [name for name in now if now[name] != committed[name]] == []


def test_every_solution_has_its_stub_notebook():
    assert [name_of(path) for path in STUBS] == [name_of(path) for path in SOLUTIONS]


STUDENT_FILES = sorted((ROOT / "autograder" / "dojo").rglob("*.py"))
CANONICAL = {str(path.relative_to(ROOT / "autograder")): path for path in STUDENT_FILES}


@each_assignment
@pytest.mark.parametrize(("name", "canonical"), CANONICAL.items(), ids=CANONICAL)
def test_the_files_beside_the_notebook_are_the_canonical_ones(assignment, name, canonical):
    assert (released_of(assignment) / name).read_bytes() == canonical.read_bytes()


@each_assignment
def test_the_names_are_those_of_the_repository_where_there_are_any(assignment):
    names = released_of(assignment) / "names.txt"
    reads_them = [path for path in SOLUTIONS if path.parent.name == assignment and "names.txt" in setup_of(path)]
    assert names.exists() == bool(reads_them)
    assert not names.exists() or names.read_bytes() == (ROOT / "names.txt").read_bytes()


def setup_of(path):
    """The code of an exercise's setup that opens files; the sentence on a missing dojo/ names a file too."""
    return "\n".join(line for source in read_exercise(path).setup for line in source.splitlines() if "open(" in line)


@each_assignment
def test_no_other_file_is_there(assignment):
    folder = released_of(assignment)
    released = {str(path.relative_to(folder)) for path in files_of(folder)}
    assert released - {"names.txt"} == {*CANONICAL, *(path.name for path in folder.glob("*.ipynb"))}


@each_assignment
def test_dojo_beside_a_solution_is_links_to_the_canonical_files(assignment):
    """One source: a change of dojo/ is at once a change of every solution's."""
    folder = ROOT / "solutions" / assignment
    for name, canonical in CANONICAL.items():
        assert (folder / name).is_symlink(), f"{folder / name} is no link"
        assert (folder / name).resolve() == canonical.resolve()


def test_the_stub_asks_for_26_gradients():
    todo = [
        TODO.match(cell.source) for cell in cells(read(released_of(ASSIGNMENT) / "1_manual_backprop.ipynb"), "solution")
    ]
    assert len(todo) == 30
    assert len({match["name"] for match in todo}) == 26


@each_stub
def test_every_stub_is_a_todo_that_keeps_what_earlier_paths_have_found(path):
    seen = set()
    gradients = {part for step in read_exercise(path).gradients for part in step.solutions}
    for cell in cells(read(path), "solution"):
        if nbgrader_info(cell)["grade_id"] not in gradients:
            assert len(ANY_TODO.findall(cell.source)) == 1, cell.source
            continue
        match = TODO.match(cell.source)
        assert match is not None, cell.source
        assert match["now"] == (match["name"] if match["name"] in seen else "None")
        seen.add(match["name"])


@each_solution
def test_no_line_of_a_solution_is_released(path):
    folder = released_of(path.parent.name)
    released = {name: content.decode() for name, content in files(folder).items() if not name.endswith(".ipynb")}
    stubs = sorted(folder.glob("*.ipynb"))
    released |= {stub.name: "\n".join(cell.source for cell in read(stub).cells) for stub in stubs}
    solved = [line.strip() for cell in cells(read(path), "solution") for line in solution_lines(cell.source)]
    # A training step repeats the forward pass, which is there for all to see.
    public = "\n".join(read_exercise(path).locked.values())
    solved = [line for line in solved if line not in public]
    telling = [line for line in solved if len(line) >= TELLING]
    assert len(telling) >= len(read_exercise(path).gradients)
    assert [line for line in telling if any(line in text for text in released.values())] == []


def solution_lines(source):
    region = source.partition("### BEGIN SOLUTION\n")[2].partition("### END SOLUTION")[0]
    assert region, f"no solution region in: {source}"
    return region.splitlines()


@each_assignment
@pytest.mark.parametrize("word", ["BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "autograder"])
def test_nothing_released_mentions(assignment, word):
    assert [name for name, content in files(released_of(assignment)).items() if word.encode() in content] == []


@each_stub
def test_stub_notebooks_are_released_without_outputs(path):
    code = code_cells(read(path))
    assert [cell.source for cell in code if cell.outputs or cell.execution_count is not None] == []


def test_the_untouched_stub_runs_to_its_end_and_every_check_says_it_is_still_to_do(run_stub):
    checks = cells(run_stub, "grade")
    assert [first_cmp_line(cell)[1:] for cell in checks] == [("False", "False", "None")] * len(checks)
    assert [cell.source for cell in checks if "still to do" not in printed(cell)] == []


def test_the_untouched_stub_prints_no_warnings(run_stub):
    outputs = [output for cell in run_stub.cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"] == []


# Run where nothing else is: reads {name: code} and prints {name: what its first cell that fails has shown}.
ALONE = """
import contextlib, io, json, sys
from IPython.core.interactiveshell import InteractiveShell
shown = {}
for name, code in json.load(sys.stdin).items():
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    for source in code:
        seen = io.StringIO()
        with contextlib.redirect_stdout(seen), contextlib.redirect_stderr(seen):
            done = shell.run_cell(source)
        if not done.success:
            shown[name] = seen.getvalue()
            break
print(json.dumps(shown))
"""


def test_without_its_folder_a_notebook_stops_with_two_lines(tmp_path):
    """The error ends "Run all" in every notebook front end, so no cell below says more."""
    code = {name_of(path): [cell.source for cell in read(path).cells if cell.cell_type == "code"] for path in STUBS}
    done = subprocess.run(
        [sys.executable, "-c", ALONE],
        input=json.dumps(code),
        cwd=tmp_path,
        env=own_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    shown = json.loads(done.stdout)
    second = "or open the single notebook that your course has for Colab and VS Code.\n"
    missing = {
        name: "dojo/ and names.txt are" if (released_of(name.partition("-")[0]) / "names.txt").exists() else "dojo/ is"
        for name in code
    }
    first = " not beside this notebook. Fetch the whole folder of the assignment,\n"
    assert shown == {name: f"{missing[name]}{first}{second}" for name in code}


@each_solution
def test_a_solution_is_committed_as_run_from_top_to_bottom(path):
    code = code_cells(read(path))
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


@each_solution
def test_a_solution_is_committed_without_errors_and_warnings(path):
    outputs = [output for cell in read(path).cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"] == []


@each_solution
def test_every_check_of_a_committed_solution_says_that_it_is_right(path):
    found = [first_cmp_line(cell) for cell in cells(read(path), "grade")]
    assert [name for name, *_ in found] == [step.label for step in read_exercise(path).steps]
    assert [name for name, _, approximate, _ in found if approximate != "True"] == []


def test_the_26_gradients_of_the_solution_of_exercise_1_are_exact(exercise):
    found = [first_cmp_line(cell) for cell in cells(read(exercise.path), "grade")]
    assert [(exact, maxdiff) for _, exact, _, maxdiff in found] == [("True", "0.0")] * 26


@pytest.mark.parametrize("path", [*SOLUTIONS, *STUBS], ids=lambda path: f"{path.parts[-3]}-{name_of(path)}")
def test_a_committed_notebook_names_no_path_of_the_machine_it_was_made_on(path):
    assert re.findall(r"/(?:root|home|tmp|work|var|Users)/\S+|site-packages", path.read_text()) == []


@pytest.mark.parametrize("path", [*SOLUTIONS, *STUBS], ids=lambda path: f"{path.parts[-3]}-{name_of(path)}")
def test_notebook_and_nbgrader_metadata_are_valid(path):
    notebook = read(path)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        MetadataValidator().validate_cell(cell)


@each_solution
def test_every_grade_id_is_given_once(path):
    grade_ids = [nbgrader_info(cell)["grade_id"] for cell in read(path).cells if nbgrader_info(cell)]
    assert len(grade_ids) == len(set(grade_ids))


@each_solution
def test_check_cells_are_locked_and_solution_cells_are_not(path):
    notebook = read(path)
    assert all(nbgrader_info(cell)["locked"] for cell in cells(notebook, "grade"))
    assert not any(nbgrader_info(cell)["locked"] for cell in cells(notebook, "solution"))


def test_exercise_1_has_30_solution_cells_and_26_checks_of_one_point(exercise):
    notebook = read(exercise.path)
    assert len(cells(notebook, "solution")) == 30
    assert [nbgrader_info(cell)["points"] for cell in cells(notebook, "grade")] == [1] * 26
    assert exercise.max_score == 26


@each_solution
def test_nothing_about_a_particular_network_is_written_in_the_package(path):
    names = {step.target for step in read_exercise(path).assignments}
    names |= {step.tensor for step in read_exercise(path).steps}
    names |= {step.name for step in read_exercise(path).steps}
    # Short names say nothing, and neither does an English word.
    telling = {name for name in names if len(name) > 4} - {"counts", "penalty", "scaled", "square"}
    telling |= {f"d{name}" for name in telling}
    assert telling
    found = {file.name: words(file) & telling for file in sorted((ROOT / "autograder").rglob("*.py"))}
    assert {name: hits for name, hits in found.items() if hits} == {}


def words(path: Path) -> set[str]:
    """Every word in a file's names and strings; comments and strings that stand alone aside."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    alone = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    values = [value for node in nodes if id(node) not in alone for _, value in ast.iter_fields(node)]
    return {word for value in values if isinstance(value, str) for word in re.findall(r"\w+", value)}


def test_the_search_for_names_sees_code_and_strings_but_no_comments(tmp_path):
    file = tmp_path / "x.py"
    file.write_text('"""docs"""\nfrom a import b\n\n\ndef c(d=1):\n    return f"e {f.g}"  # note\n')
    assert words(file) == set("abcdefg")
