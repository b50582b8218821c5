# `make demo` and `make test` are all that a new machine needs; both set up .venv first.
# The other targets run a course from this folder, each one line over nbgrader.

PYTHON ?= python3
ASSIGNMENT ?= backprop

# nbgrader calls alembic by name, so the environment's programs must be found first.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help setup demo test test-marks test-browser fuzz bench bench-explain train-makemore lint generate release \
	collect autograde feedback export grade clean

help:
	@echo "make demo        a sample class of 12 through the whole course, from release to feedback"
	@echo "make test        all tests        make lint   format, lint, types, imports"
	@echo "make test-marks  right answers that must pass and wrong ones that must not, thousands of them"
	@echo "make fuzz        files and answers made of anything, for some minutes (FUZZ=20000 of each kind)"
	@echo "make test-browser  the students' notebooks in real JupyterLab, in chromium; skipped where there is none"
	@echo "make bench-explain  how often the sentence under a wrong step names its true cause"
	@echo "make bench       what training by hand and grading cost, beside autograd and stock nbgrader"
	@echo "make train-makemore  the training notebook on makemore's own list of names"
	@echo "make generate    solutions/ -> assignments/ (the students' notebooks)"
	@echo "make release     put the assignment into the exchange"
	@echo "make collect     fetch what students have submitted"
	@echo "make grade       a quick table of marks; changes nothing"
	@echo "make autograde   marks into the gradebook"
	@echo "make feedback    pages for the students, released to them"
	@echo "make export      the gradebook as grades.csv"

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt setup.sh
	@PYTHON="$(PYTHON)" TORCH="$(TORCH)" sh setup.sh

demo: .venv/ready
	@python -m demo

test: .venv/ready
	@python -m pytest -n 2 --dist loadfile

test-marks: .venv/ready
	@python -m pytest -n 2 --dist loadfile -m marks tests/marks tests/explain

fuzz: .venv/ready
	@FUZZ=$${FUZZ:-20000} python -m pytest tests/hostile/test_fuzz.py

test-browser: .venv/ready
	@python -m pytest -m browser -rs tests/browser

bench: .venv/ready
	@python -m tests.benchmarks.bench_training
	@python -m tests.benchmarks.bench_grading

bench-explain: .venv/ready
	@python -W ignore -m tests.explain.measure

train-makemore: .venv/ready
	@python -m tests.benchmarks.train_makemore

lint: .venv/ready
	@ruff format --check . && ruff check . && mypy && lint-imports --no-logo

generate: .venv/ready
	@nbgrader generate_assignment "$(ASSIGNMENT)" --force

release: .venv/ready
	@nbgrader release_assignment "$(ASSIGNMENT)"

collect: .venv/ready
	@nbgrader collect "$(ASSIGNMENT)" --update

grade: .venv/ready
	@autograder grade submitted --assignment "$(ASSIGNMENT)"

autograde: .venv/ready
	@nbgrader autograde "$(ASSIGNMENT)"

feedback: .venv/ready
	@made=0; nbgrader generate_feedback "$(ASSIGNMENT)" --force || made=$$?; \
	nbgrader release_feedback "$(ASSIGNMENT)" && exit $$made  # one page that cannot be made keeps no other back

export: .venv/ready
	@nbgrader export

clean:
	@rm -rf .venv demo-course
