# Each target sets up what it needs: a virtual environment in .venv, with the packages in it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The cheapest tests by what they find: plans, layers, parsing, messages, plain rules, 60 programs.
QUICK := tests/golden tests/test_architecture.py tests/test_names_stay_in_specs.py tests/compiler \
  tests/runtime/test_optimizer.py tests/runtime/test_checks.py tests/runtime/state/test_file.py \
  tests/numeric/test_against_float64.py::test_plain_rules_stay_close \
  $(foreach n,0 20 40,tests/random_programs/test_programs.py::test_kernels_compute_what_the_rule_says[$(n)])

.PHONY: browser cuda gpu gpu-benchmark demo test test-rest test-full test-quick lint types check-generated pytest build stub site clean

demo: $(VENV)/.installed-demo
	$(BIN)/optgen demo

test: lint types check-generated pytest

# More settings and examples of what the other tests try.
test-rest: CHOSEN = -m full
test-rest: pytest

test-full: CHOSEN = -m "full or not full"
test-full: test

# While developing: a minute, against the whole suite's several.
test-quick: lint
	$(BIN)/pytest -n auto --dist worksteal --durations=5 $(QUICK)

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test
	$(BIN)/mypy

check-generated: $(VENV)/.installed-test
	$(BIN)/optgen build --check
	$(BIN)/python -m optgen.torch.stub --check

# Numba's CUDA simulator needs a process of its own.
pytest: $(VENV)/.installed-test
	$(BIN)/pytest -n auto --dist worksteal --durations=15 $(CHOSEN)
	@if $(BIN)/python -c 'import numba_cuda' 2>/dev/null; then \
	  echo 'CUDA kernels in the simulator:'; \
	  NUMBA_ENABLE_CUDASIM=1 $(BIN)/pytest -n auto --dist worksteal --durations=15 $(CHOSEN) tests/simulator; \
	else \
	  echo 'CUDA kernels were not tested: no numba-cuda here. `make cuda` installs it (800 MB).'; \
	fi

# The kernels for CUDA can be compiled and simulated without a GPU.
cuda: $(VENV)/.installed-cuda

# For tests of pages, where no Chromium is installed.
browser: $(VENV)/.installed-browser

# For a machine with a GPU.
gpu: $(VENV)/.installed-test $(VENV)/.installed-cuda
	$(BIN)/pytest tests/gpu

gpu-benchmark: $(VENV)/.installed-test $(VENV)/.installed-cuda
	$(BIN)/python benchmarks/gpu.py

build: $(VENV)/.installed-demo
	$(BIN)/optgen build

# The gallery of the rules as pages, in site/.
site: $(VENV)/.installed-demo
	$(BIN)/optgen site site

# The types of torch's classes, for editors and type checkers.
stub: $(VENV)/.installed-test
	$(BIN)/python -m optgen.torch.stub

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
