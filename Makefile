VENV ?= .venv
PY := $(VENV)/bin/python

.PHONY: setup quickstart check test bench docs wheel

setup: $(VENV)/.dev

$(VENV)/.dev: pyproject.toml
	python3 -m venv $(VENV)
	$(PY) -m pip install --quiet -e '.[dev]'
	touch $@

quickstart:
	python3 -m venv $(VENV)
	$(PY) -m pip install --quiet -e '.[quickstart]'
	$(VENV)/bin/curate run recipes/quickstart.py

check: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/codespell

test: setup
	$(PY) -m pytest -n auto

bench: setup
	$(PY) benchmarks/store.py
	$(PY) benchmarks/verify.py
	$(PY) benchmarks/ledger.py

docs: setup
	$(PY) -m curate.cli.reference docs/cli.md

wheel: setup
	$(PY) -m build --wheel
