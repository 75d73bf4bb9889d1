VENV ?= .venv
PY := $(VENV)/bin/python

.PHONY: setup check test bench docs wheel

setup:
	python3 -m venv $(VENV)
	$(PY) -m pip install --quiet -e '.[dev]'

check:
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/codespell

test:
	$(PY) -m pytest -n auto

bench:
	$(PY) benchmarks/run_all.py

docs:
	$(PY) -m curate.cli.reference docs/cli.md

wheel:
	$(PY) -m build --wheel
