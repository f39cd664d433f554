# Each target sets up what it needs: a virtual environment in .venv, with the packages in it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types check-generated pytest build clean

demo: $(VENV)/.installed-demo
	$(BIN)/optgen demo

test: lint types check-generated pytest

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test
	$(BIN)/mypy

check-generated: $(VENV)/.installed-test
	$(BIN)/optgen build --check

pytest: $(VENV)/.installed-test
	$(BIN)/pytest -n auto

build: $(VENV)/.installed-demo
	$(BIN)/optgen build

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "optgen needs Python 3.11 or later: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

# The test extra holds the demo's packages too.
$(VENV)/.installed-%: $(VENV)/.created pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
