# make demo     solve the bundled order, print the tables, write out/schedule.csv and out/schedule.png
# make test     every test, doctest and documented example
# make docs     the site in site/, to be opened at site/index.html
# make figures  the figures of the README and the site drawn again
# make bench    optexec and its peers timed on one core, some five minutes; writes docs/benchmarks.md and .json
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SPEC ?= data/sample/inventory_risk.toml

.PHONY: demo test docs figures bench lint clean

demo: $(VENV)/installed
	mkdir -p out
	$(BIN)/optexec solve $(SPEC) -o out/schedule.csv --plot out/schedule.png
	$(BIN)/optexec compare $(SPEC)

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n auto

docs: $(VENV)/installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

figures: $(VENV)/installed-dev
	$(BIN)/python -m docs.figures

bench: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks --out docs/benchmarks.md

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) out site build optexec.egg-info

$(VENV)/bin/python:
	$(PYTHON) -c "import sys; sys.exit('optexec needs Python 3.11 or later, this is ' + sys.version.split()[0] if sys.version_info < (3, 11) else 0)"
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@ $(VENV)/installed
