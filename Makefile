# `make demo` and `make test` are all that a new machine needs; both set up .venv first.
# The other targets run a course from this folder, each one line over nbgrader.

PYTHON ?= python3
# generate and check take the assignment that is named, or all of them; the others take this one unless told.
NAMED := $(ASSIGNMENT)
ASSIGNMENT ?= backprop
# For grade, autograde, feedback and report: students whose names match, such as STUDENT='a*'.
STUDENT ?= *

# The folder that bench-ways writes.
WAYS ?= .autograder/ways

# nbgrader calls alembic by name, so the environment's programs must be found first.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help setup demo test test-marks test-browser test-install fuzz bench bench-agreement bench-explain bench-ways \
	train-makemore lint check generate notebooks-alone release collect autograde feedback report export grade clean

help:
	@echo "make demo        a sample class of 12 through the whole course, from release to feedback"
	@echo "make test        all tests        make lint   format, lint, types, imports"
	@echo "make test-marks  right answers that must pass and wrong ones that must not, thousands of them"
	@echo "make fuzz        files and answers made of anything, for some minutes (FUZZ=20000 of each kind)"
	@echo "make test-browser  the students' notebooks in real JupyterLab, in chromium; skipped where there is none"
	@echo "make bench-agreement  whether the notebook says what the mark will be, over thousands of steps"
	@echo "make bench-ways  what right answers lose and wrong steps keep, in each way of laying out an answer"
	@echo "make test-install  the wheel in an environment of its own, from pip to a graded submission"
	@echo "make bench-explain  how often the sentence under a wrong step names its true cause"
	@echo "make bench       what training by hand and grading cost, beside autograd and stock nbgrader"
	@echo "make train-makemore  the training notebook on makemore's own list of names"
	@echo "make generate    solutions/ -> assignments/ (the students' notebooks), all of them or ASSIGNMENT=backprop"
	@echo "make check       all that an author must know of assignments before their release"
	@echo "make notebooks-alone  single notebooks that bring dojo/ and the data along, for Colab or VS Code"
	@echo "make release     put the assignment into the exchange"
	@echo "make collect     fetch what students have submitted"
	@echo "make grade       a quick table of marks; changes nothing"
	@echo "make autograde   marks into the gradebook"
	@echo "make feedback    pages for the students, released to them"
	@echo "make report      the class at a glance, as one page"
	@echo "make export      the gradebook as grades.csv"

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt setup.sh
	@PYTHON="$(PYTHON)" TORCH="$(TORCH)" sh setup.sh

demo: .venv/ready
	@python -m demo

test: .venv/ready
	@python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-marks: .venv/ready
	@python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m marks tests/marks tests/explain

fuzz: .venv/ready
	@FUZZ=$${FUZZ:-20000} python -m pytest tests/hostile/test_fuzz.py

test-browser: .venv/ready
	@python -m pytest -m browser -rs tests/browser

test-install: .venv/ready
	@python -m pytest -m install tests/test_install.py

bench: .venv/ready
	@python -m tests.benchmarks.bench_training
	@python -m tests.benchmarks.bench_start
	@python -m tests.benchmarks.bench_grading
	@python -m tests.benchmarks.bench_unchanged
	@python -m tests.benchmarks.bench_loops
	@python -m tests.benchmarks.bench_cluster

bench-agreement: .venv/ready
	@python -m tests.marks.agreement

bench-explain: .venv/ready
	@python -W ignore -m tests.explain.measure

bench-ways: .venv/ready
	@python -m tests.marks.table write $(WAYS)
	@autograder grade $(WAYS)/submitted --assignment backprop --exercise 1_manual_backprop --json $(WAYS)/results.json >$(WAYS)/log
	@python -m tests.marks.table show $(WAYS) $(WAYS)/results.json

train-makemore: .venv/ready
	@python -m tests.benchmarks.train_makemore

lint: .venv/ready
	@ruff format --check . && ruff check . && mypy && lint-imports --no-logo

generate: .venv/ready
	@for each in $(or $(NAMED),$(notdir $(wildcard solutions/*))); do \
	nbgrader generate_assignment "$$each" --force || exit; done

check: .venv/ready
	@autograder check $(NAMED)

notebooks-alone: .venv/ready
	@autograder alone "$(ASSIGNMENT)"

release: .venv/ready
	@autograder check "$(ASSIGNMENT)" --release && nbgrader release_assignment "$(ASSIGNMENT)"

collect: .venv/ready
	@nbgrader collect "$(ASSIGNMENT)" --update

grade: .venv/ready
	@autograder grade submitted --assignment "$(ASSIGNMENT)" --student "$(STUDENT)"

autograde: .venv/ready
	@nbgrader autograde "$(ASSIGNMENT)" --student="$(STUDENT)"

feedback: .venv/ready
	@made=0; nbgrader generate_feedback "$(ASSIGNMENT)" --force --student="$(STUDENT)" || made=$$?; \
	nbgrader release_feedback "$(ASSIGNMENT)" --student="$(STUDENT)" && exit $$made  # one page that cannot be made keeps no other back

report: .venv/ready
	@autograder report "$(ASSIGNMENT)" --student "$(STUDENT)"

export: .venv/ready
	@nbgrader export

clean:
	@rm -rf .venv demo-course
