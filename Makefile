# Each target creates the virtual environment it needs: Python 3.11+ and make are all a machine must have.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= floodmark-demo

.PHONY: demo test test-parts test-runs test-slow studies lint types docs docs-check bench lock clean

$(VENV)/.runtime: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "floodmark needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

demo: $(VENV)/.runtime
	$(BIN)/floodmark demo --out $(OUT)

# Side by side on two cores; both are run to their end, and one that fails fails the whole.
test: $(VENV)/.dev
	$(MAKE) --no-print-directory --keep-going --jobs=2 test-parts test-runs

test-parts: $(VENV)/.dev
	$(BIN)/pytest -m "not slow" --ignore=tests/e2e --ignore=tests/recovery tests

test-runs: $(VENV)/.dev
	$(BIN)/pytest -m "not slow" tests/e2e tests/recovery

test-slow: $(VENV)/.dev
	$(BIN)/pytest -m slow

studies: $(VENV)/.dev
	$(BIN)/python tools/studies.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.dev
	$(BIN)/mypy

docs: $(VENV)/.dev
	$(BIN)/python tools/reference.py

docs-check: $(VENV)/.dev
	$(BIN)/python tools/reference.py --check

bench: $(VENV)/.dev
	$(BIN)/python bench/run.py

# Universal, hashed, without any registry's address.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -o requirements.lock pyproject.toml tools/build-requirements.in
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --extra dev -o requirements-dev.lock pyproject.toml tools/build-requirements.in

clean:
	rm -rf $(VENV) $(OUT)
